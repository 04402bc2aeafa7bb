import math

import numpy as np
import pytest

from generator.records import Cell
from generator.traffic.coverage import Traffic
from generator.traffic.encoders import unit
from generator.traffic.mirage import credits_of, own_curve, reach_of

NEEDS = 40


def needs(size: int, random_state: int) -> np.ndarray:
    """Texts of forty needs, of which the n-th is asked 1/n as often as the first."""
    generator = np.random.default_rng((5, random_state))
    centres = unit(np.random.default_rng(5).normal(size=(NEEDS, 32)).astype(np.float32))
    shares = 1.0 / np.arange(1, NEEDS + 1)
    truth = generator.choice(NEEDS, size, p=shares / shares.sum())
    return unit((centres[truth] + 0.8 * generator.normal(size=(size, 32)) / math.sqrt(32)).astype(np.float32))


def traffic_of(vectors: np.ndarray, counts: np.ndarray | None = None) -> Traffic:
    rows = len(vectors)
    counts = np.ones(rows, dtype=np.int64) if counts is None else counts
    cells = np.zeros(rows, dtype=np.int64)
    return Traffic.of([f"t{row}" for row in range(rows)], counts, vectors, cells)


def reach(traffic: Traffic, items: np.ndarray, own=None):
    cells = [Cell(0, "c-0", 1.0, len(traffic.ids), "t0")]
    return reach_of(traffic, cells, items, own or own_curve(traffic))


@pytest.fixture(scope="module")
def traffic():
    return traffic_of(needs(2_000, 0))


@pytest.fixture(scope="module")
def own(traffic):
    return own_curve(traffic)


def test_the_curve_never_falls_and_rises_ever_more_slowly(own):
    shares = [own.curve.share(size) for size in range(1, 1001)]
    steps = np.diff([0.0, *shares])
    assert (steps >= -1e-9).all()
    assert (np.diff(steps) <= 1e-9).all()
    assert shares[-1] <= 1 + 1e-6
    assert own.curve.largest == own.sizes[-1] == 1_000


@pytest.mark.parametrize("size", [5, 30, 80])
def test_fresh_traces_of_the_same_traffic_are_worth_about_their_number(traffic, own, size):
    logs = [math.log(reach(traffic, needs(size, 100 + draw), own).worth.estimate / size) for draw in range(12)]
    assert abs(np.mean(logs)) < math.log(1.3)


def test_the_interval_of_worth_holds_its_estimate(traffic, own):
    found = reach(traffic, needs(20, 1), own).worth
    assert 0 < found.low < found.estimate < found.high < own.curve.largest
    assert not found.beyond


def test_worth_does_not_depend_on_how_many_logs_there_are():
    vectors, items = needs(8_000, 2), needs(25, 3)
    whole, quarter, tenth = (reach(traffic_of(vectors[::step]), items).worth.estimate for step in (1, 4, 10))
    assert abs(math.log(quarter / whole)) < math.log(1.5)
    assert abs(math.log(tenth / whole)) < math.log(1.5)


def test_items_of_other_traffic_are_worth_little(traffic, own):
    strange = unit(np.random.default_rng(9).normal(size=(300, 32)).astype(np.float32))
    assert reach(traffic, strange, own).worth.estimate < 10
    assert reach(traffic, strange[:0], own).worth.estimate == 0


def test_what_reaches_more_than_the_most_own_traces_is_worth_more_than_their_number(traffic, own):
    found = reach(traffic, traffic.vectors, own).worth
    assert found.beyond
    assert found.estimate == found.high == own.curve.largest


def test_less_than_one_trace_is_in_proportion(own):
    one = own.curve.share(1)
    assert own.curve.worth(one / 4) == pytest.approx(0.25)
    assert own.curve.worth(one) == pytest.approx(1.0)
    assert own.curve.worth(0.0) == 0


def test_a_trace_that_is_sent_again_reaches_its_repeats():
    vectors = needs(100, 4)
    counts = np.ones(100, dtype=np.int64)
    counts[0] = 900
    once = own_curve(traffic_of(vectors)).curve.share(1)
    often = own_curve(traffic_of(vectors, counts)).curve.share(1)
    assert often > 0.6 > once


def test_the_same_random_state_gives_the_same_curve(traffic, own):
    again = own_curve(traffic)
    assert [again.curve.share(size) for size in own.sizes] == [own.curve.share(size) for size in own.sizes]


@pytest.mark.parametrize("rows", [2, 3, 60])
def test_few_traces_and_traces_all_alike_give_figures_and_no_nan(rows):
    for vectors in (unit(np.ones((rows, 8), dtype=np.float32)), unit(np.eye(rows, 64, dtype=np.float32))):
        found = reach(traffic_of(vectors), vectors[:1])
        own = own_curve(traffic_of(vectors))
        figures = [found.share.estimate, found.worth.estimate, found.worth.low, found.worth.high, own.still_rising]
        assert np.isfinite(figures).all()
        assert min(figures) >= 0


def test_one_trace_that_was_sent_twice_can_be_held_against_itself():
    found = reach(traffic_of(needs(1, 0), np.array([2])), needs(1, 0))
    assert found.worth.estimate == pytest.approx(1.0)


def test_every_trace_is_credited_once_and_equal_benchmarks_share_alike(traffic, own):
    first, other = reach(traffic, needs(10, 6), own), reach(traffic, needs(10, 7), own)
    shares, unreached = credits_of([first, other, first], traffic)
    assert sum(share.estimate for share in shares) + unreached.estimate == pytest.approx(1.0, abs=1e-4)
    assert shares[0].estimate == pytest.approx(shares[2].estimate)
    assert all(share.low <= share.estimate <= share.high for share in (*shares, unreached))
    assert 1 - unreached.estimate >= max(first.share.estimate, other.share.estimate) - 1e-6
