import numpy as np
import pytest

from generator.records import Cell
from generator.traffic.coverage import Curve, Traffic, fitted, land
from generator.traffic.coverage import test_against as held_against
from generator.traffic.encoders import unit
from tests.worlds import draft


def needs(each: int, random_state: int = 0, dimensions: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Texts of twelve needs, `each` of every need; and the needs themselves."""
    generator = np.random.default_rng(random_state)
    centres = unit(np.random.default_rng(9).normal(size=(12, dimensions)))
    truth = np.repeat(np.arange(12), each)
    return unit(centres[truth] + 0.5 * generator.normal(size=(len(truth), dimensions)) / np.sqrt(dimensions)), centres


def traffic_of(vectors: np.ndarray) -> Traffic:
    rows = len(vectors)
    return Traffic.of([f"t{row}" for row in range(rows)], np.ones(rows, dtype=int), vectors, np.zeros(rows, dtype=int))


def covered(world: Traffic, items: np.ndarray) -> np.ndarray:
    return held_against(world.placed, items, world.landscape).covered


def test_the_shipped_curve_falls_with_distance_and_with_the_crowd():
    curve = fitted()
    assert isinstance(curve, Curve)
    assert curve.position < 0
    assert curve.crowd < 0
    far = curve.probability(np.array([[2.0, 2.0, 0.0, 0.0]], dtype=np.float32))
    near = curve.probability(np.array([[0.0, 0.0, 0.0, 0.0]], dtype=np.float32))
    assert 0 < far[0] < 0.01
    assert 0.85 < near[0] < 1


def test_a_tested_need_is_covered_and_an_untested_one_is_not():
    vectors, centres = needs(60)
    found = covered(traffic_of(vectors), centres[:6]).reshape(12, 60)
    assert found[:6].mean() > 0.75
    assert found[6:].mean() < 0.1


def test_saying_an_item_twice_changes_nothing():
    vectors, centres = needs(40)
    world = traffic_of(vectors)
    once, twice = covered(world, centres[:4]), covered(world, np.concatenate([centres[:4], centres[:4]]))
    assert np.allclose(once, twice, atol=1e-5)


def test_more_logs_of_the_same_traffic_leave_coverage_where_it_was():
    few, centres = needs(100, 1)
    many, _ = needs(700, 2)
    shares = [covered(traffic_of(vectors), centres[:5]).mean() for vectors in (few, many)]
    assert abs(shares[0] - shares[1]) < 0.05


def test_items_of_another_world_reach_nothing():
    vectors, _ = needs(60)
    world = traffic_of(np.pad(vectors, ((0, 0), (0, 24))))
    odd = np.pad(unit(np.random.default_rng(4).normal(size=(50, 24))), ((0, 0), (24, 0)))
    assert covered(world, odd).max() < 0.1


def test_without_items_nothing_is_covered():
    vectors, _ = needs(20)
    assert not covered(traffic_of(vectors), vectors[:0]).any()


@pytest.fixture
def traffic():
    """Three cells on three axes; the first has two traces, one of them sent nine times."""
    vectors = unit(np.array([[1, 0, 0], [0.95, 0.1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32))
    cells = [Cell(0, "c-0", 10 / 12, 2, "t0"), Cell(1, "c-1", 1 / 12, 1, "t2"), Cell(2, "c-2", 1 / 12, 1, "t3")]
    ids = ["t0", "t1", "t2", "t3"]
    return Traffic.of(ids, np.array([9, 1, 1, 1]), vectors, np.array([0, 0, 1, 2])), cells


def test_a_draft_lands_where_its_nearest_trace_lies(traffic):
    world, cells = traffic
    landing = land([draft("a")], unit(np.array([[0.1, 1, 0]], dtype=np.float32)), world, cells)[0]
    assert (landing.cell_id, landing.cluster_id) == (1, "c-1")
    assert landing.neighbours[0].trace_id == "t2"
    assert dict(landing.reach)[1] > 0.9
    assert not landing.off_traffic


def test_a_real_trace_is_no_evidence_for_itself_and_reaches_its_own_cell(traffic):
    world, cells = traffic
    real = draft("t", origin="exemplar", source_ids=("t0",))
    landing = land([real], world.vectors[:1], world, cells)[0]
    assert [each.trace_id for each in landing.neighbours] == ["t1", "t2", "t3"]
    assert dict(landing.reach)[0] > 0.95


def test_a_draft_like_nothing_in_the_traffic_is_marked(traffic):
    world, cells = traffic
    landing = land([draft("a")], unit(np.array([[-1, -1, -1]], dtype=np.float32)), world, cells)[0]
    assert landing.off_traffic
    assert landing.reach == ()


def test_drafts_that_are_alike_know_of_each_other(traffic):
    world, cells = traffic
    drafts = [draft("a"), draft("b"), draft("c")]
    landings = land(drafts, world.vectors[[0, 0, 2]], world, cells)
    assert landings[0].alike[0] == (drafts[1].id, pytest.approx(1, abs=1e-3))
    assert drafts[0].id not in dict(landings[0].alike)
