"""How drafts fared, by prompt version and model."""

import json
from dataclasses import replace

import numpy as np
import pytest

from generator.drafting.track_record import marked_rows, record_lines, track_records
from generator.ledger import Call
from generator.records import Draft, DraftState, Interval, Mark
from generator.traffic.realism import FEWEST, Texts, matching, realism
from tests.worlds import draft as made_by


def drafted(number: int, origin: str = "variant", model: str = "openai/m", cluster: str = "c-0") -> Draft:
    return replace(made_by(f"text {number}", cluster, origin), model=model, prompt_hash="p1")


def call(cost: float, model: str = "m") -> Call:
    return Call(f"k{cost}", "c-0", "openai", model, "p1", "done", 1, 0.0, cost, None, "ok", "drafting", {}, None)


def test_landing_marks_acceptance_and_cost_are_counted_for_each_prompt_and_model_apart() -> None:
    variants, edges = [drafted(n) for n in range(4)], [drafted(n, "edge") for n in range(4, 10)]
    other = [drafted(n, model="anthropic/x") for n in range(20, 22)]
    landed_in = {each.id: "c-0" for each in (*variants[:3], *edges[:2])} | {each.id: "c-9" for each in edges[2:4]}
    marks = {variants[0].id: (Mark("near_copy", "a"), Mark("length", "b")), edges[2].id: (Mark("elsewhere", "c"),)}
    states = {
        variants[0].id: DraftState(variants[0].id, "rejected"),
        variants[1].id: DraftState(variants[1].id, "accepted"),
        edges[0].id: DraftState(edges[0].id, "accepted"),
        edges[1].id: DraftState(edges[1].id, "later"),
    }
    first, second = track_records(
        [*variants, *edges, *other], landed_in, marks, states, [call(0.3), call(0.1), call(9.0, "y")], lambda own: None
    )
    assert (first.model, first.drafts, first.near_copies, first.marked) == ("openai/m", 10, 1, 2)
    assert first.marks == {"elsewhere": 1, "length": 1, "near_copy": 1}
    assert (first.variants.drafts, first.variants.ranked, first.edge_cases.ranked) == (4, 3, 4)
    assert first.variants.landed == Interval.of_share(3, 3)
    assert first.edge_cases.landed == Interval.of_share(2, 4)
    assert (first.decided, first.accepted, first.acceptance) == (3, 2, Interval.of_share(2, 3))
    assert first.spent_usd == pytest.approx(0.4)
    assert first.usd_per_sample == pytest.approx(0.2)
    assert (second.drafts, second.acceptance, second.variants.landed, second.usd_per_sample) == (2, None, None, None)
    lines = "\n".join(record_lines(first))
    assert "1 near copy" in lines
    assert "too few" in lines
    json.dumps([first.as_json(), *marked_rows([*variants, *edges], marks)], allow_nan=False)
    assert [row["name"] for row in marked_rows(variants, marks)] == ["near_copy", "length"]


def test_a_share_has_wilsons_interval() -> None:
    share = Interval.of_share(8, 10)
    assert (share.estimate, round(share.low, 3), round(share.high, 3)) == (0.8, 0.490, 0.943)
    assert Interval.of_share(0, 5).low == 0.0
    assert Interval.of_share(5, 5).high == 1.0


def texts_like(generator: np.random.Generator, words: tuple[str, ...], count: int, shift: float) -> Texts:
    vectors = generator.normal(size=(count, 8)) + shift
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    said = [" ".join(generator.choice(words, 6)) for _ in range(count)]
    return Texts(said, vectors.astype(np.float32), [f"c{n % 12}" for n in range(count)])


def test_what_looks_and_lies_alike_cannot_be_told_apart_and_what_does_not_can() -> None:
    generator = np.random.default_rng(3)
    words = ("where", "is", "my", "card", "now")
    real, like = (texts_like(generator, words, 120, 0.0) for _ in range(2))
    shifted = texts_like(generator, words, 120, 1.0)
    longer = Texts(
        [f"{text.capitalize()}, kindly advise me on this matter!" for text in like.texts], like.vectors, like.clusters
    )
    same, moved, wordy = realism(real, like), realism(real, shifted), realism(real, longer)
    assert same is not None and moved is not None and wordy is not None  # noqa: PT018
    assert same.low < 0.5 < same.high
    assert moved.low > 0.7
    assert wordy.low > 0.9
    assert realism(real, like.take(np.arange(FEWEST - 1))) is None


def test_drafts_are_held_against_as_many_real_inputs_of_their_clusters() -> None:
    generator = np.random.default_rng(4)
    traffic = texts_like(generator, ("a", "b"), 240, 0.0)
    made = traffic.take(np.array([0, 12, 24, 1, 13, 2]))
    rows = matching(made, traffic, [1] * 240)
    assert sorted(traffic.clusters[row] for row in rows) == sorted(made.clusters)
    assert len(set(rows.tolist())) == len(rows)
    assert matching(made, traffic, [1] * 240).tolist() == rows.tolist()
    assert matching(replace(made, clusters=["gone"] * 6), traffic, [1] * 240).tolist() == []
