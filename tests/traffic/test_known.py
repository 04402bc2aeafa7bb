import numpy as np
import pytest

from generator.traffic import known
from generator.traffic.encoders import unit
from generator.traffic.known import Known
from generator.traffic.rows import mapped
from generator.traffic.tree import Sharpener, make_cells


def texts(count, needs=20, seed=0, first=0):
    middles = np.random.default_rng(7).normal(size=(60, 24))
    draw = np.random.default_rng(seed)
    return unit(middles[draw.integers(first, first + needs, count)] + 0.4 * draw.normal(size=(count, 24)))


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(known, "ENOUGH", 4_000)
    vectors = texts(4_500)
    sharpener = Sharpener.of(vectors)
    cells = make_cells(mapped(vectors, sharpener))
    return Known.of(sharpener, cells, vectors, 0), cells, vectors


def test_old_texts_are_found_in_their_own_cells(made):
    found, cells, vectors = made
    assert np.mean(found.cells_of(vectors) == cells.of_text) > 0.999
    assert found.cells_of(vectors[:0]).shape == (0,)


def test_more_of_the_same_has_room_and_something_else_has_none(made):
    found, _, vectors = made
    total = len(vectors)
    assert found.has_room_for(texts(300, seed=1), total + 300)
    assert found.has_room_for(texts(20, seed=2), total + 20)
    assert not found.has_room_for(texts(300, seed=1, first=30), total + 300)
    mixed = np.concatenate([texts(270, seed=3), texts(30, seed=4, first=30)])
    assert not found.has_room_for(mixed, total + 300)


def test_half_as_much_again_has_no_room_and_little_traffic_is_always_grouped_anew(made, monkeypatch):
    found, _, vectors = made
    assert not found.has_room_for(texts(300, seed=1), round(1.6 * len(vectors)))
    monkeypatch.setattr(known, "ENOUGH", 20_000)
    assert not found.has_room_for(texts(30, seed=1), len(vectors) + 30)


def test_what_is_kept_on_disk_comes_back(made):
    found, _, vectors = made
    again = Known.from_arrays(found.to_arrays())
    assert np.array_equal(again.cells_of(vectors[:100]), found.cells_of(vectors[:100]))
    assert (again.usual, again.texts) == (found.usual, found.texts)


def test_a_text_has_the_same_cell_alone_and_among_others(made):
    found, _, vectors = made
    order = np.random.default_rng(1).permutation(len(vectors))
    among = found.cells_of(vectors)
    assert np.array_equal(found.cells_of(vectors[order]), among[order])
    assert found.cells_of(vectors[77:78])[0] == among[77]
