"""The map of the traffic as characters: eight dots of traffic to a cell of the terminal, and what lies on it.

Reads the tiles that the pipeline has counted, so its work does not grow with the traffic: a window is 256 by 256
bins at every zoom.
"""

import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from textual.content import Content

from curation_tui.safe_text import joined, label
from generator.records import MAP_BINS, MAP_LEVELS, MAP_SIDE, MapTile, Spot

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of a braille pattern for each of its dots, row by row."""
_PLAIN = " .:-=+*#%"
"""By number of dots, where there is no braille."""
_GOLDEN = 0.618


@dataclass(frozen=True, slots=True)
class Signs:
    """What the map is drawn with."""

    sample: str
    draft: str
    cursor: str
    across: str
    down: str
    corners: str
    """Upper left, upper right, lower left, lower right."""
    braille: bool


UNICODE_SIGNS = Signs("●", "○", "◎", "╌", "╎", "┌┐└┘", braille=True)
ASCII_SIGNS = Signs("O", "o", "X", "-", "|", "++++", braille=False)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the map that is shown."""

    zoom: int
    """0 shows all of it, each further one half as much each way."""
    x: int
    """Left edge, in steps of the grid."""
    y: int
    """Upper edge."""

    @property
    def side(self) -> int:
        """Steps of the grid that it shows, each way."""
        return MAP_SIDE >> self.zoom

    def holds(self, spot: Spot) -> bool:
        """Whether a spot is in it."""
        return 0 <= spot.x - self.x < self.side and 0 <= spot.y - self.y < self.side

    def around(self, spot: Spot, zoom: int) -> "Window":
        """A window of this zoom with a spot in its middle, as far as the edges of the map let it."""
        wanted = Window(min(max(zoom, 0), MAP_LEVELS - 1), 0, 0)
        bins = wanted.side // MAP_BINS
        most = MAP_SIDE - wanted.side
        left, upper = (min(max(at - wanted.side // 2, 0), most) // bins * bins for at in (spot.x, spot.y))
        return replace(wanted, x=left, y=upper)

    def cell(self, spot: Spot, width: int, height: int) -> tuple[int, int]:
        """The cell of a drawing of this size that a spot lies in, (column, row); may lie outside of it."""
        return (spot.x - self.x) * width // self.side, (spot.y - self.y) * height // self.side


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map with a name, outlined."""

    low: Spot
    high: Spot
    title: str


@dataclass(frozen=True, slots=True)
class Bins:
    """The traffic of one tile."""

    requests: "array[int]"
    cells: "array[int]"

    @classmethod
    def of(cls, tile: MapTile) -> "Bins":
        """What a tile holds."""
        return cls(_unpacked("H", tile.requests), _unpacked("I", tile.cells))


def _unpacked(kind: str, packed: bytes) -> "array[int]":
    numbers = array(kind)
    numbers.frombytes(zlib.decompress(packed))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class Drawing:
    """One picture of a window, `width` by `height` cells of the terminal."""

    def __init__(self, window: Window, width: int, height: int, signs: Signs) -> None:
        self._window, self._width, self._height, self._signs = window, width, height, signs
        # By cell of the terminal, row by row: lists, because a frame goes through 65,536 bins.
        self._dots, self._requests, self._most, self._owners = ([0] * (width * height) for _ in range(4))
        self._over: dict[tuple[int, int], tuple[str, str]] = {}

    def traffic(self, bins: Callable[[int, int, int], Bins | None]) -> None:
        """Draw the traffic; `bins` gives the tile of a zoom, row and column."""
        zoom = self._window.zoom
        step = self._window.side // MAP_BINS
        left, upper = self._window.x // step, self._window.y // step
        for row in range(upper // MAP_BINS, (upper + MAP_BINS - 1) // MAP_BINS + 1):
            for column in range(left // MAP_BINS, (left + MAP_BINS - 1) // MAP_BINS + 1):
                tile = bins(zoom, row, column) if max(row, column) < 1 << zoom else None
                if tile is not None:
                    self._tile(tile, column * MAP_BINS - left, row * MAP_BINS - upper)

    def _tile(self, tile: Bins, left: int, upper: int) -> None:
        """Draw a tile whose first bin lies so far to the right and down of the window's."""
        first, end = max(0, -left), min(MAP_BINS, MAP_BINS - left)
        for row in range(max(0, -upper), min(MAP_BINS, MAP_BINS - upper)):
            start = row * MAP_BINS
            requests = tile.requests[start + first : start + end]
            if any(requests):
                down = (row + upper) * 4 * self._height // MAP_BINS
                self._line_of_bins(requests, tile.cells[start + first : start + end], first + left, row, down)

    def _line_of_bins(self, requests: "array[int]", cells: "array[int]", first: int, row: int, down: int) -> None:
        """Draw bins that lie side by side, from the window's bin `first`, into a row of dots."""
        start, bits = down // 4 * self._width, _DOTS[down % 4]
        dots, total, most, owners = self._dots, self._requests, self._most, self._owners
        for across, count, owner in zip(self._columns(row)[first:], requests, cells, strict=False):
            if count:
                place = start + (across >> 1)
                dots[place] |= bits[across & 1]
                total[place] += count
                if count > most[place]:
                    most[place], owners[place] = count, owner

    def _columns(self, row: int) -> list[int]:
        """The column of dots of every bin of the window, in a row of bins."""
        columns = 2 * self._width
        if columns <= MAP_BINS:
            return _columns(columns, 0.0)
        # Where there are more dots than bins, every row leaves out other columns: no stripes.
        return _columns(columns, round(row * _GOLDEN % 1.0, 1))

    def mark(self, spots: Iterable[Spot], sign: str, style: str) -> None:
        """Draw a sign on each of some spots."""
        for spot in spots:
            if self._window.holds(spot):
                self._over[self._window.cell(spot, self._width, self._height)] = sign, style

    def box(self, box: Box, style: str) -> None:
        """Outline a part, with its title in the upper edge; what was marked before stays, but for the title."""
        across, down = self._width - 1, self._height - 1
        left, top = self._window.cell(box.low, self._width, self._height)
        right, bottom = self._window.cell(box.high, self._width, self._height)
        if right < 0 or bottom < 0 or left > across or top > down:
            return
        left, top = max(left - 1, 0), max(top - 1, 0)
        right, bottom = min(max(right + 1, left + len(box.title) + 1), across), min(max(bottom + 1, top + 2), down)
        for at, sign in _outline(left, top, right, bottom, self._signs):
            self._over.setdefault(at, (sign, style))
        for place, letter in enumerate(box.title[: max(right - left - 1, 0)]):
            self._over[left + 1 + place, top] = letter, style

    def shades(self) -> tuple[int, int]:
        """How many requests make a cell of the terminal busy, and very busy: two thirds and nine tenths have less."""
        ordered = sorted(each for each in self._requests if each)
        if not ordered:
            return 1, 1
        return ordered[len(ordered) * 2 // 3], ordered[len(ordered) * 9 // 10]

    def lines(self, style_of: Callable[[int, int], str]) -> list[Content]:
        """The picture, line by line; `style_of` says how a cell looks from its requests and its owner."""
        return [self._line(row, style_of) for row in range(self._height)]

    def _line(self, row: int, style_of: Callable[[int, int], str]) -> Content:
        runs: list[tuple[str, str]] = []
        for column in range(self._width):
            sign, style = self._sign(column, row, style_of)
            if runs and runs[-1][1] == style:
                runs[-1] = runs[-1][0] + sign, style
            else:
                runs.append((sign, style))
        return joined(*(label(text, style) for text, style in runs))

    def _sign(self, column: int, row: int, style_of: Callable[[int, int], str]) -> tuple[str, str]:
        over = self._over.get((column, row))
        if over is not None:
            return over
        place = row * self._width + column
        dots = self._dots[place]
        if not dots:
            return " ", ""
        sign = chr(_BRAILLE + dots) if self._signs.braille else _PLAIN[dots.bit_count()]
        return sign, style_of(self._requests[place], self._owners[place] - 1)


@lru_cache(maxsize=64)
def _columns(columns: int, shift: float) -> list[int]:
    return [min(int((each + shift) * columns / MAP_BINS), columns - 1) for each in range(MAP_BINS)]


def _outline(left: int, top: int, right: int, bottom: int, signs: Signs) -> Iterator[tuple[tuple[int, int], str]]:
    for column in range(left + 1, right):
        yield (column, top), signs.across
        yield (column, bottom), signs.across
    for row in range(top + 1, bottom):
        yield (left, row), signs.down
        yield (right, row), signs.down
    corners = (left, top), (right, top), (left, bottom), (right, bottom)
    yield from zip(corners, signs.corners, strict=True)


def box_around(spots: Mapping[int, Spot], weights: Mapping[int, float], title: str) -> Box:
    """A box around most of some cells that lie together: those near the heaviest one.

    Cells of one need may lie in several parts of the map; a box around all of them would hold half of it.
    """
    heart = spots[max(weights, key=lambda cell: (weights[cell], -cell))]
    reach = MAP_SIDE // 10
    near = [each for each in spots.values() if abs(each.x - heart.x) <= reach and abs(each.y - heart.y) <= reach]
    edge = MAP_SIDE // 120
    return Box(
        Spot(max(min(each.x for each in near) - edge, 0), max(min(each.y for each in near) - edge, 0)),
        Spot(
            min(max(each.x for each in near) + edge, MAP_SIDE - 1),
            min(max(each.y for each in near) + edge, MAP_SIDE - 1),
        ),
        title,
    )
