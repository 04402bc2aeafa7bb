import numpy as np
import pytest

from generator.records import Cell, Draft, Message
from generator.traffic import coverage
from generator.traffic.clustering import cluster
from generator.traffic.coverage import Traffic, land
from generator.traffic.encoders import unit
from generator.traffic.kept import Kept
from generator.traffic.rows import Rows, blocks, mapped, nearest


@pytest.fixture
def stored():
    """Some thousand vectors around a few dozen middles, on disk; in another order than that in which they lie."""
    generator = np.random.default_rng(0)
    middles = generator.normal(size=(30, 48))
    rows = unit(middles[generator.integers(0, 30, 9_000)] + 0.35 * generator.normal(size=(9_000, 48)))
    return Rows(rows.astype(np.float16), generator.permutation(9_000))


def test_what_is_taken_out_is_float32_in_the_order_asked_for():
    rows = Rows(np.arange(12, dtype=np.float16).reshape(6, 2), np.array([5, 3, 1]))
    assert rows.shape == (3, 2)
    assert rows[1:].tolist() == [[6, 7], [2, 3]]
    assert rows[[2, 0]].tolist() == [[2, 3], [10, 11]]
    assert rows[0].dtype == np.float32


def test_blocks_are_all_rows_once(stored):
    assert np.array_equal(np.concatenate([block for _, block in blocks(stored, 1_000)]), stored[:])
    assert [here.stop for here, _ in blocks(stored, 4_000)] == [4_000, 8_000, 9_000]


def test_what_is_made_of_rows_on_disk_lies_on_disk(stored):
    made = mapped(stored, lambda block: -block)
    assert isinstance(made, Rows)
    assert np.array_equal(made[:], -stored[:])
    assert np.array_equal(mapped(stored[:], lambda block: -block), -stored[:])


def test_clusters_are_the_same_from_memory_and_from_disk(stored):
    ids = [str(row) for row in range(len(stored))]
    one, other = (cluster(ids, ids, [1] * len(ids), vectors) for vectors in (stored, stored[:]))
    pieces = [[each.cell_of_trace[trace] for trace in ids] for each in (one, other)]
    # What is drawn together is kept in half the numbers' length, so that a text on a border may change sides.
    assert np.mean(np.equal(*pieces)) > 0.99
    assert len(one.clusters) == len(other.clusters)


def test_landings_and_coverage_are_the_same_from_memory_and_from_disk(stored):
    ids = [str(row) for row in range(len(stored))]
    cell_of = np.arange(len(stored)) % 40
    cells = [Cell(number, "c", 1 / 40, 225, str(number)) for number in range(40)]
    drafts = [Draft(f"d{n}", "variant", "x", (Message("user", "x"),), (), (), "", "c", (str(n),)) for n in range(5)]
    kinds = [Traffic.of(ids, np.ones(len(ids), np.int64), vectors, cell_of) for vectors in (stored, stored[:])]
    one, other = (land(drafts, stored[:5], traffic, cells) for traffic in kinds)
    assert [each.neighbours for each in one] == [each.neighbours for each in other]
    assert [each.neighbours[0].trace_id for each in one] == ["0", "1", "2", "3", "4"]
    assert [dict(each.reach) for each in one] == [pytest.approx(dict(each.reach), abs=2e-3) for each in other]
    covered = [coverage.test_against(traffic.placed, stored[:50], traffic.landscape).covered for traffic in kinds]
    assert np.allclose(*covered, atol=5e-3)


def test_the_nearest_is_found_across_blocks(stored):
    rows = stored[:300]
    found, similarity = nearest(rows, stored)
    assert np.array_equal(found, (rows @ stored[:].T).argmax(axis=1))
    assert np.allclose(similarity, (rows @ stored[:].T).max(axis=1))


def test_kept_rows_come_back_from_disk_and_old_ones_go(tmp_path, stored):
    made = []

    def make():
        made.append(1)
        return {"many": stored, "few": np.arange(3)}

    for _ in range(2):
        found = Kept(tmp_path, "one").arrays("landscape", make)
    assert len(made) == 1
    assert isinstance(found["many"], Rows)
    assert np.array_equal(found["many"][:], stored[:])
    assert found["few"].tolist() == [0, 1, 2]
    Kept(tmp_path, "other").arrays("landscape", make)
    assert len(made) == 2
    assert len(list(tmp_path.iterdir())) == 2
