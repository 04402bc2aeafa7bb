from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import StageError
from generator.records import Cell, Cluster, Merge, Regrouping
from generator.traffic.clustering import Before, cluster
from generator.traffic.encoders import unit
from generator.traffic.regrouping import find, joined, parts_of, renamed, split, stand_for


def needs(count=6, each=60, spread=0.35, random_state=0):
    """Unit vectors around random directions, need after need."""
    generator = np.random.default_rng(random_state)
    centres = unit(np.random.default_rng(7).normal(size=(count, 32)))
    truth = np.repeat(np.arange(count), each)
    return unit(centres[truth] + spread * generator.normal(size=(count * each, 32)) / np.sqrt(32)), truth


class Project:
    """A project in memory: traffic comes in, people decide, it is clustered again."""

    def __init__(self, vectors):
        self.vectors, self.decisions, self.made = vectors, [], None
        self.again()

    def again(self, more=None, **options):
        if more is not None:
            self.vectors = np.vstack([self.vectors, more])
        ids = [f"t{row:04d}" for row in range(len(self.vectors))]
        texts = [f"word{row} text" for row in range(len(self.vectors))]
        before = Before(self.made.clusters, self.cluster_of()) if self.made else None
        self.made = cluster(
            ids, texts, [1] * len(ids), self.vectors, before=before, regroupings=self.decisions, **options
        )

    def cluster_of(self):
        return {trace: self.made.cells[cell].cluster_id for trace, cell in self.made.cell_of_trace.items()}

    def cells(self, cluster_id):
        return [cell for cell in self.made.cells if cell.cluster_id == cluster_id]

    def of_need(self, truth, need):
        """The cluster that most of a need is in."""
        rows = np.flatnonzero(truth == need)
        found = [self.cluster_of()[f"t{row:04d}"] for row in rows]
        return max(set(found), key=found.count)

    def decide(self, verb, parts, name=None):
        known = tuple(stand_for(part) for part in parts)
        self.decisions.append(Regrouping(f"u{len(self.decisions)}", verb, known, len(self.vectors), name, "ana", ""))


def shares(project, truth, need):
    """How much of a need each cluster holds."""
    rows = np.flatnonzero(truth == need)
    found = [project.cluster_of()[f"t{row:04d}"] for row in rows]
    return sorted((found.count(each) / len(found) for each in set(found)), reverse=True)


def test_a_join_holds_after_clustering_again_at_any_cut_and_with_more_traffic():
    vectors, truth = needs()
    project = Project(vectors)
    one, other = project.of_need(truth, 0), project.of_need(truth, 1)
    project.decide("join", [project.cells(one), project.cells(other)])
    more, more_truth = needs(random_state=1)
    everything = np.concatenate([truth, more_truth, more_truth])
    for options in ({}, {"pieces": 4}, {"pieces": 40}, {}, {"more": more}, {"more": more, "pieces": 5}, {}):
        project.again(**options)
        here = everything[: len(project.vectors)]
        assert project.of_need(here, 0) == project.of_need(here, 1), options
    assert len(project.made.clusters) == 5
    assert shares(project, here, 0)[0] > 0.95
    assert shares(project, here, 1)[0] > 0.95


def test_a_joined_need_that_grows_much_comes_over_as_a_whole():
    vectors, truth = needs()
    project = Project(vectors)
    project.decide("join", [project.cells(project.of_need(truth, need)) for need in (0, 1)])
    spike, spike_truth = needs(each=400, random_state=2)
    project.again(more=spike[spike_truth == 1])
    here = np.concatenate([truth, np.full(400, 1)])
    assert project.of_need(here, 0) == project.of_need(here, 1)
    assert shares(project, here, 1)[0] > 0.95
    assert len(project.made.clusters) == 5


def test_a_join_leaves_the_other_needs_of_a_coarse_cut_where_they_are():
    vectors, truth = needs(count=8)
    project = Project(vectors)
    project.decide("join", [project.cells(project.of_need(truth, need)) for need in (0, 1)])
    plain = Project(vectors)
    for pieces in (2, 3, 4):
        project.again(pieces=pieces)
        plain.again(pieces=pieces)
        assert project.of_need(truth, 0) == project.of_need(truth, 1)
        for need in range(2, 8):
            together = {other for other in range(2, 8) if plain.of_need(truth, other) == plain.of_need(truth, need)}
            assert {o for o in range(2, 8) if project.of_need(truth, o) == project.of_need(truth, need)} == together


def test_a_split_holds_after_clustering_again_at_any_cut_and_with_more_traffic():
    vectors, truth = needs()
    project = Project(vectors)
    project.again(pieces=3)
    mixed = next(
        each.id
        for each in project.made.clusters
        if sum(project.of_need(truth, need) == each.id for need in range(6)) >= 2
    )
    chosen = next(each for each in project.made.clusters if each.id == mixed)
    parts = parts_of(chosen, project.made.cells, project.made.merges, 2)
    project.decide("split", parts)
    apart = [{project.made.cells.index(cell) for cell in part} for part in parts]
    sides = [
        {need for need in range(6) if np.mean([project.made.cell_of_trace[f"t{r:04d}"] in part
                                               for r in np.flatnonzero(truth == need)]) > 0.5}
        for part in apart
    ]  # fmt: skip
    assert all(sides)
    more, more_truth = needs(random_state=1)
    everything = np.concatenate([truth, more_truth])
    for options in ({"pieces": 3}, {"pieces": 1}, {}, {"pieces": 30}, {"more": more, "pieces": 3}, {"pieces": 2}):
        project.again(**options)
        here = everything[: len(project.vectors)]
        for one in sides[0]:
            for other in sides[1]:
                assert project.of_need(here, one) != project.of_need(here, other), options


def test_split_then_join_of_the_parts_is_what_it_was():
    vectors, _ = needs()
    project = Project(vectors)
    before = {frozenset(cell.id for cell in project.cells(each.id)) for each in project.made.clusters}
    chosen = project.made.clusters[0]
    parts = parts_of(chosen, project.made.cells, project.made.merges, 3)
    project.decide("split", parts)
    project.again()
    assert len(project.made.clusters) == len(before) + 2
    project.decide("join", parts)
    project.again()
    assert {frozenset(cell.id for cell in project.cells(each.id)) for each in project.made.clusters} == before


def test_a_name_comes_back_with_its_inputs_after_a_cut_in_which_they_had_no_cluster():
    vectors, truth = needs()
    project = Project(vectors)
    chosen = project.of_need(truth, 3)
    project.decide("rename", [project.cells(chosen)], "Lost bags")
    project.again(pieces=1)
    assert all(each.name != "Lost bags" for each in project.made.clusters)
    project.again()
    named = [each for each in project.made.clusters if each.name == "Lost bags"]
    assert [each.id for each in named] == [project.of_need(truth, 3)]
    assert named[0].named_by == "person"


def test_the_last_of_two_names_stays():
    vectors, truth = needs()
    project = Project(vectors)
    for name in ("first", "second"):
        project.decide("rename", [project.cells(project.of_need(truth, 3))], name)
        project.again()
    project.again(pieces=1)
    project.again()
    assert [each.name for each in project.made.clusters if each.named_by == "person"] == ["second"]


def test_decisions_about_inputs_that_are_not_there_change_nothing():
    vectors, _ = needs()
    project = Project(vectors)
    plain = project.made
    for verb in ("split", "join", "rename"):
        project.decisions.append(Regrouping(verb, verb, ({"gone": 3}, {"away": 2}), 0, "a name", "ana", ""))
    project.again()
    assert [each.id for each in project.made.clusters] == [each.id for each in plain.clusters]
    assert project.made.cells == plain.cells


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_whatever_people_decide_every_cell_is_in_one_cluster_and_nothing_is_lost(data):
    vectors, _ = needs(count=4, each=24, random_state=data.draw(st.integers(0, 3)))
    project = Project(vectors)
    for _ in range(data.draw(st.integers(1, 4))):
        one, other = (data.draw(st.sampled_from(project.made.clusters)) for _ in range(2))
        verb = data.draw(st.sampled_from(["split", "join", "rename"]))
        if verb == "split" and len(project.cells(one.id)) > 1:
            project.decide("split", parts_of(one, project.made.cells, project.made.merges, 2))
        elif verb == "join" and one.id != other.id:
            project.decide("join", [project.cells(one.id), project.cells(other.id)])
        elif verb == "rename":
            project.decide("rename", [project.cells(one.id)], f"name {len(project.decisions)}")
        project.again(pieces=data.draw(st.sampled_from([None, 1, 2, 5, 9])))
        assert sum(each.weight for each in project.made.clusters) == pytest.approx(1)
        assert sum(each.traces for each in project.made.clusters) == len(vectors)
        assert {cell.cluster_id for cell in project.made.cells} == {each.id for each in project.made.clusters}
        assert len({each.id for each in project.made.clusters}) == len(project.made.clusters)


# What a person does now ----------------------------------------------------------------------------


def cells_of(*weights):
    return [Cell(i, "c-0", weight, round(100 * weight), f"t{i}") for i, weight in enumerate(weights)]


WHOLE = Cluster("c-0", "a need", "phrases", 1.0, 200, 100, ("t0",))


def test_a_part_is_at_least_a_twentieth_where_the_tree_has_such_parts():
    # Cell 4 is odd and joins last; below it, {0, 1} and {2, 3} meet.
    merges = [Merge(0, 1, 0.1), Merge(2, 3, 0.2), Merge(5, 6, 0.4), Merge(4, 7, 0.9)]
    parts = parts_of(WHOLE, cells_of(0.3, 0.25, 0.2, 0.24, 0.01), merges, 2)
    assert [[cell.id for cell in part] for part in parts] == [[0, 1, 4], [2, 3]]
    assert [len(part) for part in parts_of(WHOLE, cells_of(0.97, 0.01, 0.01, 0.005, 0.005), merges, 2)] == [4, 1]
    assert [len(part) for part in parts_of(WHOLE, cells_of(0.3, 0.25, 0.2, 0.24, 0.01), merges, 5)] == [1] * 5


def test_a_cluster_that_is_no_subtree_is_split_along_its_own_part_of_the_tree():
    cells = [replace(cell, cluster_id="c-1" if cell.id == 1 else "c-0") for cell in cells_of(0.3, 0.2, 0.2, 0.3)]
    merges = [Merge(0, 1, 0.1), Merge(2, 3, 0.2), Merge(4, 5, 0.5)]
    parts = parts_of(WHOLE, cells, merges, 2)
    assert [{cell.id for cell in part} for part in parts] == [{2, 3}, {0}]


def test_too_few_cells_are_told():
    with pytest.raises(StageError, match=r"c-0 \(a need\) cannot be split into 2: it has 1 cell"):
        parts_of(WHOLE, cells_of(1.0), [], 2)


def test_the_heaviest_part_keeps_the_id_and_no_request_is_lost():
    parts = [cells_of(0.4, 0.3), [Cell(2, "c-0", 0.3, 30, "t2")]]
    made = split(replace(WHOLE, name="Mine", named_by="person"), parts, ["x", "y"], {"c-0"})
    assert [(each.id == "c-0", each.name, each.traces) for each in made] == [(True, "Mine", 140), (False, "y", 60)]
    assert sum(each.distinct for each in made) == 100
    again = split(WHOLE, parts, ["x", "y"], {"c-0", made[1].id})
    assert again[0].name == "x"
    assert again[1].id not in {"c-0", made[1].id}


def test_one_of_several_has_id_and_name_of_the_largest_and_examples_of_each():
    one = Cluster("c-1", "small", "person", 0.1, 10, 5, ("a", "b"))
    other = Cluster("c-2", "large", "phrases", 0.3, 30, 9, ("c", "d", "e", "f"))
    assert joined([one, other]) == Cluster("c-2", "large", "phrases", 0.4, 40, 14, ("c", "a", "d", "b", "e"))


CLUSTERS = [
    Cluster("c-12345678", "refund · money", "phrases", 0.5, 5, 5, ()),
    Cluster("c-12ffffff", "refund · gift", "phrases", 0.3, 3, 3, ()),
    Cluster("c-9abcdef0", "Login", "person", 0.2, 2, 2, ()),
]


@pytest.mark.parametrize(
    ("wanted", "place"),
    [("c-9abcdef0", 2), ("9abc", 2), ("login", 2), ("LOG", 2), ("refund · g", 1), ("c-123", 0), (" Login ", 2)],
)
def test_a_cluster_is_found_by_id_or_name_or_how_these_begin(wanted, place):
    assert find(CLUSTERS, wanted) is CLUSTERS[place]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("refund", r"fits 2 clusters, c-12345678 \(refund · money\) and c-12ffffff"),
        ("c-12", "fits 2 clusters"),
        ("logn", r"did you mean c-9abcdef0 \(Login\)\?"),
        ("zebra", "No cluster is called zebra; their ids and names are in: groundset clusters"),
        ("", "No cluster is called"),
    ],
)
def test_what_fits_none_or_several_is_told_with_near_names(wanted, says):
    with pytest.raises(StageError, match=says):
        find(CLUSTERS, wanted)


def test_a_name_is_one_line_and_nobody_elses():
    assert renamed(CLUSTERS[0], " Money \n back ", CLUSTERS).name == "Money back"
    for name, says in ((" \n", "1 to 80"), ("x" * 81, "81"), ("LOGIN", "c-9abcdef0 is called LOGIN already")):
        with pytest.raises(StageError, match=says):
            renamed(CLUSTERS[0], name, CLUSTERS)
    assert renamed(CLUSTERS[2], "login", CLUSTERS).name == "login"
