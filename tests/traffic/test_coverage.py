import numpy as np
import pytest

from generator.records import Cell
from generator.traffic.coverage import Traffic, depth, land
from generator.traffic.encoders import unit
from generator.traffic.tree import Scale
from tests.worlds import draft

SCALE = Scale(near=0.2, far=0.9)


def test_depth_falls_with_distance_and_is_a_probability():
    depths = depth(np.linspace(-1, 1, 50, dtype=np.float32), SCALE)
    assert (np.diff(depths) > 0).all()
    assert 0 < depths[0] < 0.01
    assert 0.95 < depths[-1] < 1


@pytest.fixture
def traffic():
    """Three cells on three axes; the first has two traces, one of them sent nine times."""
    vectors = unit(np.array([[1, 0, 0], [0.95, 0.1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32))
    cells = [Cell(0, "c-0", 10 / 12, 2, "t0"), Cell(1, "c-1", 1 / 12, 1, "t2"), Cell(2, "c-2", 1 / 12, 1, "t3")]
    return Traffic(["t0", "t1", "t2", "t3"], np.array([9, 1, 1, 1]), vectors, np.array([0, 0, 1, 2]), SCALE), cells


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
