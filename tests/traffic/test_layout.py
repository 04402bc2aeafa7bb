import zlib

import numpy as np
import pytest

from generator.records import MAP_BINS, MAP_LEVELS, MAP_SIDE
from generator.traffic.encoders import unit
from generator.traffic.layout import Layout, lay_out, tiles

NEEDS, CELLS, TRACES = 6, 5, 8  # cells for a need, traces in a cell


def traffic(seed: int = 0, needs: int = NEEDS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, counts and cells of traces about a few needs that differ much, in cells that differ a little."""
    draw = np.random.default_rng(seed)
    centres = np.repeat(draw.normal(size=(needs, 24)), CELLS, axis=0)
    centres += 0.25 * draw.normal(size=centres.shape)
    cell_of = np.repeat(np.arange(len(centres)), TRACES)
    vectors = centres[cell_of] + 0.08 * draw.normal(size=(len(cell_of), 24))
    return unit(vectors.astype(np.float32)), draw.integers(1, 9, len(cell_of)), cell_of


def laid_out(seed: int = 0) -> Layout:
    return lay_out(*traffic(seed))


def same_need(layout: Layout) -> float:
    """How often the cell that lies next to a cell is about the same need."""
    cells = layout.cells
    distance = np.linalg.norm(cells[:, None] - cells[None], axis=2) + np.eye(len(cells)) * 9
    return float((distance.argmin(axis=1) // CELLS == np.arange(len(cells)) // CELLS).mean())


def test_cells_of_one_need_lie_next_to_one_another() -> None:
    assert same_need(laid_out()) > 0.9


def test_the_same_traffic_gives_the_same_picture() -> None:
    assert np.array_equal(laid_out().places(), laid_out().places())


def test_traces_lie_around_their_cell_and_not_on_it() -> None:
    layout = laid_out()
    _, _, cell_of = traffic()
    own = np.linalg.norm(layout.traces - layout.cells[cell_of], axis=1)
    near = np.linalg.norm(layout.traces[:, None] - layout.cells[None], axis=2).argmin(axis=1)
    assert (near == cell_of).mean() > 0.7
    assert np.median(own) > 0.002


def test_more_logs_leave_the_picture_as_it_was() -> None:
    vectors, counts, cell_of = traffic()
    before = lay_out(vectors, counts, cell_of)
    # A new need comes in, with cells of its own, and old cells get more traces.
    new_vectors, new_counts, new_cells = traffic(seed=1, needs=1)
    after = lay_out(
        np.concatenate([vectors, new_vectors, vectors[:40]]),
        np.concatenate([counts, new_counts, counts[:40]]),
        np.concatenate([cell_of, new_cells + NEEDS * CELLS, cell_of[:40]]),
        before.places(),
    )
    moved = np.linalg.norm(after.cells[: len(before.cells)] - before.cells, axis=1)
    assert np.median(moved) < 0.06
    assert np.corrcoef(before.cells.ravel(), after.cells[: len(before.cells)].ravel())[0, 1] > 0.97


@pytest.mark.parametrize("cells", [1, 2, 4, 5, 6])
def test_little_traffic_has_a_picture_too(cells: int) -> None:
    vectors, counts, _ = traffic()
    few = slice(0, max(cells, 5))
    layout = lay_out(vectors[few], counts[few], np.arange(max(cells, 5)) % cells)
    assert layout.places().shape == (max(cells, 5), 2)
    assert np.isfinite(layout.traces).all()


def test_one_text_asked_again_and_again_has_a_picture() -> None:
    vectors = np.tile(unit(np.ones((1, 24), np.float32)), (12, 1))
    layout = lay_out(vectors, np.ones(12, np.int64), np.arange(12))
    assert np.isfinite(layout.traces).all()


def test_tiles_hold_all_of_the_traffic_at_every_zoom() -> None:
    _, counts, cell_of = traffic()
    places = laid_out().places()
    for level in range(MAP_LEVELS):
        found = [tile for tile in tiles(places, counts, cell_of) if tile.level == level]
        requests = [np.frombuffer(zlib.decompress(tile.requests), "<u2") for tile in found]
        assert sum(int(each.sum()) for each in requests) == counts.sum()
        assert all(len(each) == MAP_BINS**2 for each in requests)
        assert all(0 <= tile.row < 2**level and 0 <= tile.column < 2**level for tile in found)


def test_a_bin_knows_whose_traffic_it_holds() -> None:
    _, counts, cell_of = traffic()
    places = laid_out().places()
    (tile,) = [tile for tile in tiles(places, counts, cell_of) if tile.level == 0]
    owner = np.frombuffer(zlib.decompress(tile.cells), "<u4").reshape(MAP_BINS, MAP_BINS)
    step = MAP_SIDE // MAP_BINS
    found = [int(owner[y // step, x // step]) - 1 for x, y in places]
    assert np.mean(np.array(found) == cell_of) > 0.9
    assert (owner > 0).sum() == len({(x // step, y // step) for x, y in places})
