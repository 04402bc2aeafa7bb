import gzip
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import LogError
from generator.logs import ingestion
from generator.logs.ingestion import IngestReport, Reading, ingest
from generator.logs.redaction import Masking
from generator.store import Store
from tests.hostile.corpus import SECRETS, SHORT
from tests.hostile.files import hostile_files

DATA = Path(__file__).parents[3] / "shared" / "data"
ROOT = Path(__file__).parents[2]


def written(folder: Path, *rows: object, name: str = "log.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def adds_up(report: IngestReport) -> bool:
    return all(each.read == each.accepted + each.repeated + each.rejected for each in report.files)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "project.groundset", create=True) as opened:
        yield opened


def content(store: Store) -> list[tuple[object, ...]]:
    traces = store.traces(row[0] for row in store.trace_texts())
    return sorted((each.id, each.text, each.messages, each.count, each.position) for each in traces)


def test_a_log_comes_in_with_its_counts_and_why(store, tmp_path):
    rows = [
        {"text": "Where is my order?"},
        {"text": "where  is my ORDER?"},
        {"text": " "},
        {"other": 1},
        {"text": "Refund"},
    ]
    path = written(tmp_path, *rows)
    (report,) = ingest(store, [str(path)]).files
    assert (report.read, report.accepted, report.repeated, report.rejected) == (5, 2, 1, 2)
    assert (report.layout, report.format, report.already) == ("jsonl", "flat", False)
    assert report.reasons == {"no user text": 1, "the field is missing": 1}
    assert report.why == "the text is in text"
    first = next(each for each in store.traces(row[0] for row in store.trace_texts()) if each.count == 2)
    assert (first.text, first.position) == ("Where is my order?", 1)


def test_a_file_that_was_read_is_not_read_again_whatever_it_is_called_now(store, tmp_path):
    path = written(tmp_path, {"text": "a"}, {"text": "b"})
    first = ingest(store, [str(path)])
    before = content(store)
    (again,) = ingest(store, [str(path.rename(tmp_path / "renamed.jsonl"))]).files
    assert again.already
    assert (again.read, again.accepted) == (2, first.accepted)
    assert content(store) == before


def test_several_files_patterns_and_totals(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"text": "a"}, {"text": "b"}, name="1.jsonl")
    written(tmp_path, {"text": "b"}, {"text": "c"}, {}, name="2.jsonl")
    report = ingest(store, ["*.jsonl"])
    assert [each.name for each in report.files] == ["1.jsonl", "2.jsonl"]
    assert (report.read, report.accepted, report.repeated, report.rejected) == (5, 3, 1, 1)
    assert adds_up(report)


def test_nothing_personal_reaches_the_project_file_unless_asked(tmp_path):
    text = f"I am a.person@example.com, my key is {SECRETS['anthropic']}"
    rows = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}], "error": text},
        {"messages": [{"role": "user", "content": "and a.person@example.com again"}]},
    ]
    path = written(tmp_path, *rows)
    with Store.open(tmp_path / "safe.groundset", create=True) as store:
        report = ingest(store, [str(path)])
        assert report.redactions == store.redactions() == {"EMAIL": 4, "SECRET": 3}
        texts = [text for _, text, *_ in content(store)]
        assert "and ⟦EMAIL-1⟧ again" in texts
    for file in (tmp_path / "safe.groundset", *tmp_path.glob("safe.groundset-*")):
        assert b"a.person" not in file.read_bytes()
        assert SECRETS["anthropic"].encode() not in file.read_bytes()
    with Store.open(tmp_path / "raw.groundset", create=True) as store:
        assert ingest(store, [str(path)], Reading(masking=Masking(structured=False))).redactions == {}
        assert any("a.person@example.com" in str(row) for row in content(store))


def test_placeholders_stay_the_same_from_one_ingest_to_the_next(store, tmp_path):
    ingest(store, [str(written(tmp_path, {"text": "one a@x.com"}, {"text": "two b@x.com"}, name="1.jsonl"))])
    ingest(store, [str(written(tmp_path, {"text": "three b@x.com c@x.com"}, {"text": "x"}, name="2.jsonl"))])
    assert "three ⟦EMAIL-2⟧ ⟦EMAIL-3⟧" in [row[1] for row in content(store)]


def test_a_kill_between_two_batches_loses_and_repeats_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(ingestion, "BATCH", 7)
    draw = random.Random(1)
    rows = [{"text": f"question {draw.randrange(40)} of user{draw.randrange(9)}@example.com"} for _ in range(100)]
    rows[50] = {"nothing": 1}
    path = written(tmp_path, *rows)
    with Store.open(tmp_path / "whole.groundset", create=True) as store:
        whole = ingest(store, [str(path)])
        expected = content(store)
    for survived in range(15):
        with Store.open(tmp_path / f"killed{survived}.groundset", create=True) as store:
            with pytest.raises(KeyboardInterrupt):
                ingest(store, [str(path)], progress=_stop_after(survived))
            report = ingest(store, [str(path)])
            assert content(store) == expected
            (now,), (then,) = report.files, whole.files
            assert (now.read, now.accepted, now.repeated, now.rejected) == (100, then.accepted, then.repeated, 1)
            assert store.redactions() == dict(whole.redactions)


def _stop_after(batches: int):
    left = batches

    def stop(name: str, done: int, total: int) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1

    return stop


def test_kill_9_at_any_moment_loses_and_repeats_nothing(tmp_path):
    path = written(
        tmp_path, *({"text": f"question {number % 4000} a{number % 50}@example.com"} for number in range(8000))
    )
    script = (
        "import sys; from generator.logs.ingestion import ingest; from generator.store import Store\n"
        "with Store.open(sys.argv[1], create=True) as store: print(flush=True); ingest(store, [sys.argv[2]])"
    )
    killed = 0
    project = tmp_path / "killed.groundset"
    draw = random.Random(3)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(project), str(path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout
        process.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        killed += process.wait() == -signal.SIGKILL
    assert killed
    with Store.open(project, create=True) as store:
        (report,) = ingest(store, [str(path)]).files
        assert (report.read, report.accepted, report.repeated, report.rejected) == (8000, 4000, 4000, 0)
        assert all(row[3] == 2 for row in content(store))
        assert store.redactions() == {"EMAIL": 8000}


def test_progress_is_told_in_bytes_up_to_the_size(store, tmp_path, monkeypatch):
    monkeypatch.setattr(ingestion, "BATCH", 1000)
    path = written(tmp_path, *({"text": f"question {number}"} for number in range(5000)))
    told: list[tuple[str, int, int]] = []
    ingest(store, [str(path)], progress=lambda *each: told.append(each))
    done = [each[1] for each in told]
    assert len(told) == 6
    assert done == sorted(done)
    assert told[-1] == (str(path), path.stat().st_size, path.stat().st_size)


def test_a_log_without_one_readable_record_is_an_error_that_names_the_first_problem(store, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"text": \n{"text": \n')
    with pytest.raises(LogError, match=r"was taken for json.* no record can be read \(record 1: not valid JSON\)"):
        ingest(store, [str(path)])
    assert store.counts().traces == 0


def test_what_came_before_a_bad_file_is_kept(store, tmp_path):
    good = written(tmp_path, {"text": "a"}, {"text": "b"})
    with pytest.raises(LogError, match="does not exist"):
        ingest(store, [str(good), str(tmp_path / "missing.jsonl")])
    assert store.counts().traces == 2


def test_the_truncated_end_of_a_packed_log_is_one_rejected_record(store, tmp_path):
    rows = "".join(json.dumps({"text": random.Random(n).randbytes(20).hex()}) + "\n" for n in range(2000))
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(rows.encode())[:-2000])
    (report,) = ingest(store, [str(path)]).files
    assert report.reasons == {"gzip data breaks off": 1}
    assert report.accepted > 1000
    (again,) = ingest(store, [str(path)]).files
    assert again.already
    assert again.rejected == 1


def test_every_hostile_file_comes_in_or_is_refused_in_one_sentence(store, tmp_path):
    (tmp_path / "files").mkdir()
    for path in hostile_files(tmp_path / "files").values():
        try:
            report = ingest(store, [str(path)])
        except LogError:
            continue
        assert adds_up(report)
    assert store.counts().traces > 0
    for _, text, messages, *_ in content(store):
        assert isinstance(text, str)
        text.encode("utf-8")
        assert messages


_LINE = st.one_of(
    st.binary(max_size=30).map(lambda data: data.replace(b"\n", b" ")),
    st.sampled_from(list(SHORT.values())).map(lambda text: json.dumps({"text": text}).encode()),
    st.sampled_from([b"{", b"[]", b"[" * 300, b'{"text": 5}', b'{"text": "x"}', b'{"messages": [{}]}', b"", b"null"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_LINE, max_size=12))
def test_no_line_can_stop_an_import_and_the_counts_add_up(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("fuzzed")
    good = [json.dumps({"text": f"good {number}"}).encode() for number in range(len(lines) + 3)]
    path = folder / "log.jsonl"
    path.write_bytes(b"\n".join([*good, *lines]))
    with Store.open(folder / "p.groundset", create=True) as store:
        report = ingest(store, [str(path)])
        assert adds_up(report)
        assert report.read == sum(1 for line in [*good, *lines] if line and not line.isspace())
        assert report.accepted >= len(good)
        assert store.counts().rejected == report.rejected


@pytest.mark.parametrize("path", ["logs/tool_calls.jsonl.gz", "labelled/clinc150.jsonl.gz"])
def test_real_logs_come_in_and_their_labels_do_not(store, path):
    file = DATA / path
    if not file.exists():
        pytest.skip(f"the real log {path} is not on this machine")
    report = ingest(store, [str(file)])
    assert report.rejected == 0
    assert report.read == report.accepted + report.repeated == store.counts().traces
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        label = json.loads(next(lines))["label"]
    traces = store.traces(row[0] for row in store.trace_texts()[:200])
    assert all("label" not in each.signals and label not in str(each.signals) for each in traces)
