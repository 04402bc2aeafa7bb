import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from generator import pipeline
from generator.cli import cli
from generator.config import Config
from generator.errors import StageError
from generator.evalset.deciding import decide, take_back
from generator.evalset.drift import drift
from generator.pipeline import Silent
from generator.store import Store
from generator.traffic import known
from generator.traffic.embedding import VectorCache
from generator.traffic.encoders import open_encoder, unit

CONFIG = Config(encoder="minilm", model="offline", random_draws=20)
NEEDS = 30
WIDTH = 24


@pytest.fixture(autouse=True)
def enough(monkeypatch):
    few(monkeypatch)


def few(monkeypatch):
    monkeypatch.setattr(known, "ENOUGH", 4_000)  # with 20,000 texts these tests would take minutes


@pytest.fixture(scope="module")
def january(tmp_path_factory):
    """A clustered project of 4,500 inputs about 30 needs, with ten samples."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Store.open(tmp_path_factory.mktemp("january") / "own.groundset", create=True) as store,
    ):
        few(patch)
        add(store, "january", range(4_500), NEEDS)
        pipeline.cluster(store, CONFIG, Silent())
        pipeline.draft(store, CONFIG, Silent())
        cache_vectors(store)
        pipeline.rank(store, CONFIG, Silent())
        decide(store, "accept", (), best=10, reason=None, actor="ana")
    return store.path.parent


@pytest.fixture
def grown(january, tmp_path):
    """A copy of it."""
    shutil.copytree(january, tmp_path / "copy")
    with Store.open(tmp_path / "copy" / "own.groundset") as store:
        yield store


def add(store, month, numbers, needs, first_need=0):
    """Log inputs whose needs are drawn at random; their texts have the vectors of these needs."""
    draw = np.random.default_rng(numbers.start)
    middles = np.random.default_rng(0).normal(size=(2 * NEEDS, WIDTH))
    of_input = draw.integers(first_need, first_need + needs, len(numbers))
    texts = [f"need {need} please see to case {number}" for need, number in zip(of_input, numbers, strict=True)]
    cache = VectorCache(store.vectors_path / open_encoder("minilm", list).slug)
    with cache.locked():
        cache.add(texts, unit(middles[of_input] + 0.4 * draw.normal(size=(len(texts), WIDTH))))
    log = store.path.with_name(f"{month}.jsonl")
    log.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    pipeline.ingest(store, [str(log)], Silent())


def known_before(store):
    return {trace: cell for trace, cell in store.trace_cells() if cell is not None}


def test_new_inputs_like_the_old_go_to_the_cells_that_are_there(grown):
    before, clusters, merges = known_before(grown), grown.every_cluster(), grown.merges()
    add(grown, "february", range(10_000, 10_200), NEEDS)
    pipeline.cluster(grown, CONFIG, Silent())
    after = known_before(grown)
    assert {trace: after[trace] for trace in before} == before
    assert len(after) == len(before) + 200
    assert grown.merges() == merges
    kept = {each.id: each for each in grown.every_cluster()}
    assert {each.id: each.name for each in clusters} == {each.id: each.name for each in kept.values()}
    assert sum(each.traces for each in kept.values()) == 4_700
    assert sum(each.distinct for each in kept.values()) == sum(cell.distinct for cell in grown.cells()) == 4_700
    assert sum(each.weight for each in kept.values()) == pytest.approx(1)


def test_a_new_input_goes_where_its_need_is(grown):
    add(grown, "february", range(10_000, 10_200), NEEDS)
    pipeline.cluster(grown, CONFIG, Silent())
    cluster_of_cell = {cell.id: cell.cluster_id for cell in grown.cells()}
    texts = {trace: text.split()[1] for trace, text, _ in grown.trace_texts()}
    needs_of: dict[str, list[str]] = {}
    for trace, cell in grown.trace_cells():
        needs_of.setdefault(cluster_of_cell[cell], []).append(texts[trace])
    usual = {cluster: max(set(needs), key=needs.count) for cluster, needs in needs_of.items()}
    placed = [(texts[trace], usual[cluster_of_cell[cell]]) for trace, cell in grown.trace_cells()[-200:]]
    assert np.mean([need == of_cluster for need, of_cluster in placed]) > 0.95


def test_needs_that_nobody_had_before_have_everything_grouped_anew(grown):
    made = grown.meta("made_anew")
    add(grown, "february", range(10_000, 10_200), 5, first_need=NEEDS)
    pipeline.cluster(grown, CONFIG, Silent())
    assert grown.meta("made_anew") != made
    found = drift(grown)
    assert len(found.of_word("new")) >= 1
    assert found.share == pytest.approx(200 / 4_700)


def test_everything_is_grouped_anew_on_request_and_identity_stays(grown):
    names = {each.id for each in grown.every_cluster()}
    add(grown, "february", range(10_000, 10_200), NEEDS)
    pipeline.cluster(grown, CONFIG, Silent(), anew=True)
    assert len(names & {each.id for each in grown.every_cluster()}) > 0.8 * len(names)


def test_ranking_and_the_map_follow_and_what_had_a_place_keeps_it(grown):
    places = grown.trace_places()
    add(grown, "february", range(10_000, 10_200), NEEDS)
    pipeline.cluster(grown, CONFIG, Silent())
    cache_vectors(grown)
    pipeline.rank(grown, CONFIG, Silent())
    assert grown.trace_places()[: len(places)] == places
    assert len(grown.trace_places()) == 4 * 4_700
    assert pipeline.status(grown).next.startswith("groundset curate")


def cache_vectors(store):
    """The texts of drafts get the vector of what they were made from, since no model is at work here."""
    from generator.evalset.selection import draw_random, exemplar_drafts, random_drafts

    drafts = [*store.drafts(), *exemplar_drafts(store), *random_drafts(store, draw_random(store, 20))]
    texts = {each.text: store.traces(each.source_ids[:1])[0].text for each in drafts}
    cache = VectorCache(store.vectors_path / open_encoder("minilm", list).slug)
    with cache.locked():
        missing = {text: source for text, source in texts.items() if text not in cache}
        cache.add(list(missing), cache.stored(list(missing.values()))[:])


def later(store):
    add(store, "february", range(10_000, 10_400), 3)
    pipeline.cluster(store, CONFIG, Silent())
    cache_vectors(store)
    pipeline.rank(store, CONFIG, Silent())


def test_coverage_is_told_then_and_now_and_the_parts_add_up(grown):
    later(grown)
    found = drift(grown).coverage
    assert found.by_samples == 0
    assert found.by_traffic != 0
    assert found.now == pytest.approx(pipeline.status(grown).coverage.estimate)
    assert found.now - found.then == pytest.approx(found.by_traffic + found.by_samples)


def test_samples_that_went_are_named_as_the_reason(grown):
    later(grown)
    take_back(grown, "undo", "ana")
    found = drift(grown).coverage
    assert found.now == 0
    assert len(found.samples_gone) == 10
    assert found.by_samples == pytest.approx(found.now - found.then - found.by_traffic)
    assert "samples went" in found.reason


def test_the_command_says_it_to_people_and_to_programs(grown):
    later(grown)
    shown = CliRunner().invoke(cli, ["drift", str(grown.path)])
    assert "grown" in shown.stdout
    assert "coverage" in shown.stdout
    found = json.loads(CliRunner().invoke(cli, ["drift", str(grown.path), "--json"]).stdout)
    assert {"since", "share", "clusters", "vanished", "coverage"} <= found.keys()
    assert {"then", "now", "by_traffic", "by_samples", "reason"} <= found["coverage"].keys()


def test_without_later_logs_it_says_what_to_do(grown):
    with pytest.raises(StageError, match="add later ones with: groundset run"):
        drift(grown)
