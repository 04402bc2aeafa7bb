"""The whole pipeline on the seeds, against a golden file, with the encoder that is the same everywhere."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from generator import pipeline
from generator.config import Config
from generator.errors import StageError
from generator.evalset.deciding import decide
from generator.evalset.listing import cluster_rows, vanished_rows
from generator.evalset.selection import samples
from generator.pipeline import Silent
from generator.store import Store
from generator.traffic.trends import trends

SEEDS = Path(__file__).parents[1] / "seeds"
LOGS = [str(SEEDS / name) for name in ("support_assistant.jsonl", "travel_agent.jsonl", "search_box.txt")]
GOLDEN = Path(__file__).with_name("golden_seeds.json")
CONFIG = Config(encoder="lexical", model="offline", random_draws=40)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("seeds") / "seeds.groundset", create=True) as store:
        pipeline.ingest(store, LOGS, Silent())
        pipeline.cluster(store, CONFIG, Silent())
        pipeline.draft(store, CONFIG, Silent())
        pipeline.rank(store, CONFIG, Silent())
        yield store


def summary(store: Store) -> dict:
    counts = store.counts()
    drafts = store.drafts()
    return {
        "counts": {name: getattr(counts, name) for name in ("traces", "distinct", "rejected", "drafts", "samples")},
        "redactions": store.redactions(),
        "rejected": [[Path(each.source).name, each.position, each.reason] for each in store.rejected()],
        "kinds": sorted({each.kind for each in drafts}),
        "origins": {o: sum(each.origin == o for each in drafts) for o in ("exemplar", "random", "variant", "edge")},
        "largest_clusters": [each.name for each in store.clusters()[:5]],
    }


def test_the_seeds_come_to_what_the_golden_file_says(seeds):
    # To renew it after a change that is meant: print(json.dumps(summary(...), indent=1)) and read the diff.
    assert summary(seeds) == json.loads(GOLDEN.read_text())


def test_a_second_run_has_nothing_to_do(seeds):
    before = seeds.counts(), seeds.meta("ranked"), seeds.meta("clustered")
    report = pipeline.ingest(seeds, LOGS, Silent())
    assert all(each.already for each in report.files)
    pipeline.cluster(seeds, CONFIG, Silent())
    drafted = pipeline.draft(seeds, CONFIG, Silent())
    pipeline.rank(seeds, CONFIG, Silent())
    assert (drafted.new, drafted.requests) == (0, 0)
    assert (seeds.counts(), seeds.meta("ranked"), seeds.meta("clustered")) == before


def test_no_seeded_secret_or_address_is_anywhere_in_the_project(seeds):
    everything = "\n".join(seeds._db.iterdump())
    for planted in ("marta.quill", "4111 1111", "AKIAIOSFODNN7EXAMPLE", "DE89 3704", "203.0.113."):
        assert planted not in everything


def test_decisions_survive_more_logs_and_a_new_clustering(seeds, tmp_path):
    decide(seeds, "accept", (), best=12, reason=None, actor="ana")
    before = {sample.id: (sample.input, sample.criteria) for sample in samples(seeds)}
    more = tmp_path / "more.txt"
    more.write_text("\n".join(f"how do i book meeting room {i} for a workshop" for i in range(40)))
    pipeline.ingest(seeds, [str(more)], Silent())
    pipeline.cluster(seeds, CONFIG, Silent())
    pipeline.rank(seeds, CONFIG, Silent())
    assert {sample.id: (sample.input, sample.criteria) for sample in samples(seeds)} == before
    assert pipeline.status(seeds).coverage.estimate > 0


def test_a_stage_that_comes_too_early_names_the_one_before(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        for stage, says in ((pipeline.cluster, "groundset ingest"), (pipeline.rank, "groundset cluster")):
            with pytest.raises(StageError, match=says):
                stage(store, CONFIG, Silent())
        with pytest.raises(StageError, match="groundset cluster"):
            pipeline.draft(store, CONFIG, Silent())


def test_logs_that_came_in_since_the_clusters_are_told_and_no_traceback(tmp_path):
    log, more = tmp_path / "log.txt", tmp_path / "more.txt"
    log.write_text("where is it\nrefund\n")
    more.write_text("a new need\n")
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        pipeline.run(store, [str(log)], CONFIG, Silent())
        pipeline.ingest(store, [str(more)], Silent())
        with pytest.raises(StageError, match="groundset cluster"):
            pipeline.rank(store, CONFIG, Silent())


def test_the_smallest_logs_go_all_the_way(tmp_path):
    for number, lines in enumerate((["one"], ["one", "two"], ["same"] * 5, ["?", "!", "👍"])):
        log = tmp_path / f"{number}.txt"
        log.write_text("\n".join(lines))
        with Store.open(tmp_path / f"{number}.groundset", create=True) as store:
            pipeline.run(store, [str(log)], CONFIG, Silent())
            assert pipeline.status(store).traces == len(lines)
            decide(store, "accept", (), best=1, reason=None, actor="ana")
            assert pipeline.status(store).coverage.estimate > 0.1


def test_a_project_keeps_to_its_encoder_until_another_is_asked_for(tmp_path):
    log = tmp_path / "a.txt"
    log.write_text("where is my parcel\nreset my password\nI want a refund\n")
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        pipeline.ingest(store, [str(log)], Silent())
        assert pipeline.embed(store, Config(encoder="lexical"), Silent()).encoder.label.startswith("lexical")
        assert pipeline.embed(store, Config(), Silent()).encoder.label.startswith("lexical")
        assert pipeline.embed(store, Config(encoder="minilm"), Silent()).encoder.label == "minilm"
        assert pipeline.embed(store, Config(), Silent()).encoder.label == "minilm"


@pytest.fixture
def shaped(tmp_path):
    """The seeds, clustered, in a project of one's own."""
    with Store.open(tmp_path / "own.groundset", create=True) as store:
        pipeline.ingest(store, LOGS, Silent())
        pipeline.cluster(store, CONFIG, Silent())
        yield store


def members(store: Store) -> dict[str, set[str]]:
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    found: dict[str, set[str]] = {}
    for trace, cell in store.trace_cells():
        if cell is not None:
            found.setdefault(cluster_of_cell[cell], set()).add(trace)
    return found


def test_people_shape_clusters_and_a_new_cut_and_new_logs_keep_it(shaped, tmp_path):
    pipeline.draft(shaped, CONFIG, Silent())
    pipeline.rank(shaped, CONFIG, Silent())
    decide(shaped, "accept", (), best=12, reason=None, actor="ana")
    coverage, before = pipeline.status(shaped).coverage, members(shaped)
    largest = shaped.clusters()[0]
    parts = pipeline.split(shaped, largest.id, 2, "ana")
    pair = shaped.clusters()[2:4]
    (one,) = pipeline.join(shaped, [each.id for each in pair], "ana")
    (named,) = pipeline.rename(shaped, shaped.clusters()[5].id, "What we looked at", "ana")
    now = members(shaped)
    assert now[parts[0].id] | now[parts[1].id] == before[largest.id]
    assert now[one.id] == before[pair[0].id] | before[pair[1].id]
    assert (one.id, one.name) == (pair[0].id, pair[0].name)
    assert sum(each.traces for each in shaped.clusters()) == shaped.counts().traces
    assert sum(each.distinct for each in shaped.clusters()) == shaped.counts().distinct
    assert pipeline.status(shaped).coverage == coverage
    assert pipeline.status(shaped).next == f"groundset rank {shaped.path}"
    pipeline.rank(shaped, CONFIG, Silent())
    assert pipeline.status(shaped).coverage == coverage

    pipeline.cluster(shaped, CONFIG, Silent())  # nothing has changed, so nothing is done
    assert members(shaped) == now
    for config in (replace(CONFIG, clusters=9), CONFIG):
        pipeline.cluster(shaped, config, Silent())
        assert any(now[one.id] <= texts for texts in members(shaped).values())
        assert not any(now[parts[0].id] & texts and now[parts[1].id] & texts for texts in members(shaped).values())
    assert members(shaped) == now
    assert {each.id: each.name for each in shaped.clusters()}[named.id] == "What we looked at"

    more = tmp_path / "more.txt"
    more.write_text("\n".join(f"how do i book meeting room {i} for a workshop" for i in range(60)))
    pipeline.ingest(shaped, [str(more)], Silent())
    pipeline.cluster(shaped, CONFIG, Silent())
    pipeline.rank(shaped, CONFIG, Silent())
    after = members(shaped)
    home = max(after.values(), key=lambda texts: len(texts & now[one.id]))
    assert len(home & now[one.id]) > 0.8 * len(now[one.id])
    assert "What we looked at" in {each.name for each in shaped.clusters()}


def test_what_people_ask_of_clusters_that_are_not_there_is_one_sentence(shaped, tmp_path):
    with pytest.raises(StageError, match="two or more different clusters"):
        pipeline.join(shaped, [shaped.clusters()[0].id] * 2, "ana")
    with pytest.raises(StageError, match="No cluster is called nowhere"):
        pipeline.split(shaped, "nowhere", 2, "ana")
    with (
        Store.open(tmp_path / "empty.groundset", create=True) as empty,
        pytest.raises(StageError, match="groundset cluster"),
    ):
        pipeline.rename(empty, "a", "b", "ana")
    assert shaped.regroupings() == []


def test_a_need_that_nobody_asked_before_is_new_and_the_same_traffic_again_has_not_changed(shaped, tmp_path):
    assert {row["change"] for row in cluster_rows(shaped)} == {None}
    again = tmp_path / "again.txt"
    again.write_text(
        "\n".join(text.replace("\n", " ") for _, text, count in shaped.trace_texts() for _ in range(count))
    )
    pipeline.ingest(shaped, [str(again)], Silent())
    before = {each.id for each in shaped.clusters()}
    pipeline.cluster(shaped, CONFIG, Silent())
    assert {each.id for each in shaped.clusters()} == before
    assert {row["change"] for row in cluster_rows(shaped)} == {"same"}
    assert vanished_rows(shaped) == []
    more = tmp_path / "more.txt"
    more.write_text("\n".join(f"please water the office plants on floor {i}" for i in range(120)))
    pipeline.ingest(shaped, [str(more)], Silent())
    pipeline.cluster(shaped, CONFIG, Silent())
    told = {row["change"]: row for row in cluster_rows(shaped) if row["change"] == "new"}
    assert "plants" in told["new"]["exemplars"][0]
    assert told["new"]["factor"]["low"] > 1


def test_a_cluster_whose_traffic_comes_late_is_rising(tmp_path):
    rows = [(f"where is my parcel number {i}", day) for day in range(1, 29) for i in range(4)]
    rows += [(f"the login page is blank on device {i}", day) for day in range(24, 29) for i in range(5)]
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(json.dumps({"text": t, "timestamp": f"2026-02-{day:02}T09:00:00Z"}) for t, day in rows))
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        pipeline.ingest(store, [str(log)], Silent())
        pipeline.cluster(store, replace(CONFIG, clusters=2), Silent())
        found = trends(store.cluster_days())
        words = {store.traces(each.exemplar_ids)[0].text[:9]: found[each.id].word for each in store.clusters()}
        assert words == {"where is ": "falling", "the login": "rising"}  # of all of it before, half of it now


class Listener(Silent):
    """A narrator that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_traffic_in_languages_that_the_encoder_does_not_know_is_told_once_and_in_status(tmp_path):
    log, more = tmp_path / "log.txt", tmp_path / "more.txt"
    log.write_text("\n".join(["wo ist mein paket", "ich will das nicht mehr", "where is it", "i want a refund"]))
    more.write_text("\n".join(f"my order {i} is late" for i in range(50)))
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        listener = Listener()
        pipeline.ingest(store, [str(log)], listener)
        pipeline.cluster(store, CONFIG, listener)
        assert [line for line in listener.lines if "German 50 %" in line] == [pipeline.status(store).note]
        pipeline.ingest(store, [str(more)], listener)
        pipeline.cluster(store, CONFIG, Silent())
        assert pipeline.status(store).note is None
