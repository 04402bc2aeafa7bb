"""What a frame of the Map costs at a million inputs, in time of the processor, at every zoom.

PYTHONPATH=. python tests/evidence/map_speed.py [INPUTS]
"""

import statistics
import sys
import time

import numpy as np

from curation_tui.plot import UNICODE_SIGNS, Bins, Drawing, Window
from generator.records import MAP_LEVELS, MAP_SIDE, Spot
from generator.traffic.layout import tiles

WIDTH, HEIGHT = 84, 31  # cells of the map in a terminal of 120 x 36


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    draw = np.random.default_rng(0)
    centres = draw.random((4_000, 2))
    cell_of = draw.integers(0, 4_000, count)
    points = np.clip(centres[cell_of] + 0.02 * draw.normal(size=(count, 2)), 0, 0.999)
    places = (points * MAP_SIDE).astype(np.uint16)
    made = {(t.level, t.row, t.column): t for t in tiles(places, np.ones(count, dtype=np.int64), cell_of)}
    size = sum(len(tile.requests) + len(tile.cells) for tile in made.values())
    print(f"{count:,} inputs: {len(made)} tiles, {size / 1e6:.1f} MB in the project file")
    for zoom in range(MAP_LEVELS):
        window = Window(0, 0, 0).around(Spot(MAP_SIDE // 3, MAP_SIDE // 3), zoom)
        first = frame(window, lambda z, r, c: Bins.of(made[z, r, c]) if (z, r, c) in made else None)
        known: dict[tuple[int, int, int], Bins | None] = {k: Bins.of(t) for k, t in made.items() if k[0] == zoom}
        again = [frame(window, lambda z, r, c, known=known: known.get((z, r, c))) for _ in range(20)]
        print(
            f"zoom {zoom}: first frame {1000 * first:.0f} ms with unpacking, "
            f"then {1000 * statistics.median(again):.0f} ms (p95 {1000 * sorted(again)[18]:.0f} ms)"
        )


def frame(window: Window, bins) -> float:
    started = time.process_time()
    drawing = Drawing(window, WIDTH, HEIGHT, UNICODE_SIGNS)
    drawing.traffic(bins)
    busy = drawing.shades()
    drawing.lines(lambda requests, cell: "$primary" if requests > busy[0] else "$muted")
    return time.process_time() - started


if __name__ == "__main__":
    main()
