import numpy as np
import pytest

from generator.records import Cluster, Merge
from generator.traffic.clustering import Before, cluster, health, phrase_names
from generator.traffic.encoders import unit
from generator.traffic.tree import Cells, Scale, cut_at, cut_into, join, make_cells, measure_scale, sharpen


def blobs(needs=6, each=40, spread=0.25, random_state=0):
    """Traffic of well-parted needs: unit vectors around random directions."""
    generator = np.random.default_rng(random_state)
    centres = unit(generator.normal(size=(needs, 32)))
    truth = np.repeat(np.arange(needs), each)
    return unit(centres[truth] + spread * generator.normal(size=(needs * each, 32)) / np.sqrt(32)), truth


def clustered(vectors, counts=None, **options):
    ids = [f"t{row:04d}" for row in range(len(vectors))]
    texts = [f"word{row} text" for row in range(len(vectors))]
    return cluster(ids, texts, counts or [1] * len(vectors), vectors, **options)


def test_parted_needs_come_out_as_the_clusters():
    vectors, truth = blobs()
    made = clustered(vectors)
    found = [made.cells[made.cell_of_trace[f"t{row:04d}"]].cluster_id for row in range(len(vectors))]
    assert len(set(zip(truth.tolist(), found, strict=True))) == 6 == len(made.clusters)


def test_weights_are_shares_of_traffic_and_repeats_count():
    vectors, _ = blobs()
    made = clustered(vectors, counts=[10] + [1] * (len(vectors) - 1))
    assert sum(each.weight for each in made.clusters) == pytest.approx(1)
    assert sum(each.weight for each in made.cells) == pytest.approx(1)
    assert sum(each.traces for each in made.clusters) == len(vectors) + 9
    assert {cell.cluster_id for cell in made.cells} == {each.id for each in made.clusters}


def test_a_number_of_clusters_can_be_asked_for():
    vectors, _ = blobs()
    assert len(clustered(vectors, pieces=3).clusters) == 3
    assert len(clustered(vectors, pieces=10_000).clusters) == len(clustered(vectors).cells)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_the_smallest_traffic_has_clusters(size):
    made = clustered(unit(np.eye(16)[:size]))
    assert sum(each.distinct for each in made.clusters) == size


def test_texts_that_are_all_the_same_direction_are_one_cluster():
    assert len(clustered(unit(np.ones((50, 8)))).clusters) == 1


def test_the_same_traffic_again_keeps_ids_and_a_given_name():
    vectors, _ = blobs()
    first = clustered(vectors)
    named = [
        first.clusters[0].__class__(**_fields(each) | {"name": "mine", "named_by": "ana"}) for each in first.clusters
    ]
    of_trace = {trace: first.cells[cell].cluster_id for trace, cell in first.cell_of_trace.items()}
    more, _ = blobs(needs=7, each=40)
    again = clustered(np.vstack([vectors, more[-40:]]), before=Before(named, of_trace))
    assert {each.id for each in first.clusters} <= {each.id for each in again.clusters}
    assert sum(each.name == "mine" for each in again.clusters) == 6
    assert len(again.clusters) == 7


def _fields(record):
    return {name: getattr(record, name) for name in record.__slots__}


def test_cuts_are_nested():
    vectors, _ = blobs(needs=5, each=60, spread=0.6)
    cells = make_cells(vectors)
    merges = join(cells)
    coarse, fine = cut_into(merges, 5), cut_into(merges, 20)
    assert coarse.max() + 1 == 5
    assert fine.max() + 1 == 20
    assert len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == 20


def test_a_cut_joins_what_meets_below_it():
    merges = (Merge(0, 1, 0.1), Merge(2, 3, 0.2), Merge(4, 5, 0.6))
    assert cut_at(merges, 0.15).tolist() == [0, 0, 1, 2]
    assert cut_at(merges, 0.3).tolist() == [0, 0, 1, 1]
    assert cut_into(merges, 1).tolist() == [0, 0, 0, 0]


def test_the_tree_is_that_of_average_linkage():
    from scipy.cluster.hierarchy import linkage

    vectors, _ = blobs(needs=5, each=30, spread=0.9)
    merges = join(Cells(vectors, np.arange(len(vectors)), np.ones(len(vectors), np.float32)))
    heights = linkage(vectors, "average", metric="cosine")[:, 2]
    assert [merge.height for merge in merges] == pytest.approx(heights, abs=1e-5)


def test_heavy_cells_count_more_in_the_tree():
    angles = np.radians([0, 30, 75])
    cells = Cells(
        np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32), np.arange(3), np.ones(3, np.float32)
    )
    _, even = join(cells)
    _, first_heavy = join(cells, np.array([8, 1, 1]))
    assert even.height < first_heavy.height <= 1 - np.cos(np.radians(75))


def test_sharpened_vectors_lie_nearer_to_their_own_need():
    vectors, truth = blobs(needs=4, each=300, spread=0.9)
    sharp = sharpen(vectors)
    same = truth[:, None] == truth[None, :]
    before, after = vectors @ vectors.T, sharp @ sharp.T
    assert after[same].mean() > before[same].mean() + 0.1
    assert after[~same].mean() < before[~same].mean() + 0.05
    assert np.linalg.norm(sharp, axis=1) == pytest.approx(1, abs=1e-5)


def test_clusters_hardly_depend_on_the_random_state():
    vectors, _ = blobs(needs=12, each=60, spread=0.7)
    one, other = clustered(vectors), clustered(vectors, random_state=1)
    assert clustered(vectors) == one
    assert len(one.clusters) == len(other.clusters) == 12


@pytest.mark.parametrize(("shares", "says"), [((0.61, 0.39), "61 %"), ((0.2,) * 5, None), ((1.0,), None), ((), None)])
def test_a_cluster_that_holds_much_of_the_traffic_is_told(shares, says):
    found = health([Cluster(f"c-{i}", "a need", "phrases", share, 1, 1, ()) for i, share in enumerate(shares)])
    assert found is None if says is None else says in found


def test_the_scale_does_not_depend_much_on_how_much_was_logged():
    few, _ = blobs(needs=40, each=20, spread=0.8)
    many, _ = blobs(needs=40, each=150, spread=0.8)
    assert abs(measure_scale(few).near - measure_scale(many).near) < 0.05
    assert Scale(0.2, 0.8).between(0.5) == pytest.approx(0.5)


def test_names_say_what_sets_a_cluster_apart():
    refunds = ["i want a refund for my order", "refund of the order please", "where is my refund"]
    logins = ["i cannot log in to my account", "login fails", "login to my account is broken"]
    spanish = ["donde esta mi pedido", "mi pedido no llega", "quiero ver mi pedido"]
    names = phrase_names([refunds, logins, spanish])
    assert "refund" in names[0]
    assert "login" in names[1] or "account" in names[1]
    assert names[2].startswith("pedido")


def test_clusters_without_words_are_named_by_their_text_and_names_are_unique():
    assert phrase_names([["!!!"], ["!!!"], ["⟦EMAIL-1⟧"]]) == ["!!!", "!!! (2)", "⟦EMAIL-1⟧"]
