"""The whole pipeline on the seeds, against a golden file, with the encoder that is the same everywhere."""

import json
from pathlib import Path

import pytest

from generator import pipeline
from generator.config import Config
from generator.errors import StageError
from generator.evalset.deciding import decide
from generator.evalset.selection import samples
from generator.pipeline import Silent
from generator.store import Store

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
