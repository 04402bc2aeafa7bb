import numpy as np
import pytest

from generator.records import Cell
from generator.traffic.coverage import Traffic
from generator.traffic.encoders import unit
from generator.traffic.gaps import coverage_of, find_gaps


@pytest.fixture(scope="module")
def world():
    """Six needs of forty traces; the first is half of the traffic. One cell and one cluster a need."""
    generator = np.random.default_rng(0)
    centres = unit(generator.normal(size=(6, 32)))
    truth = np.repeat(np.arange(6), 40)
    vectors = unit(centres[truth] + 0.4 * generator.normal(size=(240, 32)) / np.sqrt(32))
    counts = np.where(truth == 0, 5, 1)
    cells = [Cell(i, f"c-{i}", float(counts[truth == i].sum() / counts.sum()), 40, f"t{40 * i}") for i in range(6)]
    traffic = Traffic.of([f"t{row}" for row in range(240)], counts, vectors, truth)
    return traffic, cells, centres


def test_needs_without_an_item_are_the_gaps_and_come_by_traffic(world):
    traffic, cells, centres = world
    found = find_gaps(traffic, cells, centres[[1, 2, 3]])
    assert found.clusters[0].cluster_id == "c-0"
    assert {gap.cluster_id for gap in found.clusters[1:3]} == {"c-4", "c-5"}
    assert 0.35 < found.clusters[0].uncovered <= 0.5
    assert found.gap_share.estimate == pytest.approx(0.7, abs=0.01)
    # The curve is fitted on texts, these are random directions: whether intervals hold is for tests/evidence/gaps.py.
    assert found.coverage.estimate == pytest.approx(0.3, abs=0.12)
    assert found.coverage.low < found.coverage.estimate < found.coverage.high
    assert found.verdict(0.1) == "gaps"


def test_a_set_that_tests_every_need_is_covered(world):
    traffic, cells, centres = world
    found = find_gaps(traffic, cells, centres)
    assert found.gap_share.estimate == 0
    assert found.coverage.estimate > 0.8
    assert found.verdict(0.1) in {"covered", "unsure"}


def test_without_items_everything_is_untested(world):
    traffic, cells, _ = world
    found = find_gaps(traffic, cells, np.zeros((0, 32), dtype=np.float32))
    assert (found.coverage.estimate, found.gap_share.estimate, found.clusters[0].nearest_item) == (0, 1, -1)
    assert found.verdict(0.5) == "gaps"


def test_items_that_nobody_asks_for_and_near_copies_are_named(world):
    traffic, cells, centres = world
    odd = unit(-centres.sum(axis=0, keepdims=True))
    found = find_gaps(traffic, cells, np.vstack([centres[:2], odd, centres[1:2]]))
    assert found.off_traffic == (2,)
    assert [pair[:2] for pair in found.near_copies] == [(1, 3)]


def test_too_little_traffic_gives_no_verdict(world):
    traffic, _, centres = world
    few = Traffic.of(traffic.ids[:9], traffic.counts[:9], traffic.vectors[:9], np.zeros(9, dtype=int))
    found = find_gaps(few, [Cell(0, "c-0", 1.0, 9, "t0")], centres)
    assert found.verdict(0.1) == "unsure"


def test_what_is_asked_once_says_how_much_is_still_unseen():
    vectors = unit(np.eye(60, dtype=np.float32))
    cells = [Cell(i, f"c-{i}", 1 / 60, 1, f"t{i}") for i in range(60)]
    traffic = Traffic.of([f"t{i}" for i in range(60)], np.ones(60, dtype=int), vectors, np.arange(60))
    found = find_gaps(traffic, cells, vectors[:1])
    assert found.unseen_mass.estimate == 1
    assert 0 <= found.unseen_mass.low <= 1


def test_one_trace_and_traces_all_alike_give_figures_and_no_nan():
    for rows in (1, 2, 70):
        vectors = unit(np.ones((rows, 8), dtype=np.float32))
        traffic = Traffic.of(
            [f"t{i}" for i in range(rows)], np.ones(rows, dtype=int), vectors, np.zeros(rows, dtype=int)
        )
        cells = [Cell(0, "c-0", 1.0, rows, "t0")]
        found = find_gaps(traffic, cells, vectors[:1])
        for figure in (found.coverage, found.gap_share, found.unseen_mass):
            assert np.isfinite([figure.estimate, figure.low, figure.high]).all()


def test_frequent_traces_weigh_more_in_coverage():
    span = coverage_of(np.array([1.0, 0.0], dtype=np.float32), np.array([9, 1]))
    assert span.estimate == pytest.approx(0.9)
    assert span.low <= 0.9 <= span.high
