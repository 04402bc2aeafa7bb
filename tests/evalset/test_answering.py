import json
import subprocess
import sys
from pathlib import Path

import pytest

from generator.errors import ConfigError, GroundsetError, LogError
from generator.evalset.answering import check_answers, read_answers, take_in
from generator.evalset.selection import answerable
from generator.judging import PutReport
from generator.logs.values import clean
from generator.printable import printable
from generator.records import Message
from tests.evalset.test_results import INSPECT
from tests.hostile.corpus import HOSTILE
from tests.hostile.files import hostile_files
from tests.test_cli import groundset, refused
from tests.worlds import draft, landed, project, trace

KNOWN = {"d-1", "d-2", "d-3"}


def written(path: Path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def store(tmp_path):
    with project(tmp_path / "p.groundset") as opened:
        opened.decide([each.id for each in opened.drafts()], "accept", "ana")
        yield opened


def ids(store) -> list[str]:
    return [each.id for each in answerable(store)]


def test_our_lines_are_read_with_what_they_say_beside_the_answer(tmp_path):
    rows = [
        {"id": "d-1", "output": "yes", "passed": True, "latency": 1.5, "cost": 0.002},
        {"id": "d-2", "output": {"a": 1}, "score": 0.25, "latency_ms": 250},
        {"id": "d-3", "passed": False},
    ]
    found = read_answers(written(tmp_path / "a.jsonl", rows), "A", KNOWN)
    assert [(each.output, each.passed, each.latency_s, each.cost_usd) for each in found.given] == [
        ("yes", 1.0, 1.5, 0.002),
        ('{"a": 1}', 0.25, 0.25, None),
        (None, 0.0, None, None),
    ]
    assert (found.format, found.without_answer) == ("groundset", 1)


@pytest.mark.parametrize("packing", ["json", "eval"])
def test_a_real_log_of_inspect_brings_its_answers(tmp_path, packing):
    subprocess.run([sys.executable, "-c", INSPECT, str(tmp_path / "logs"), packing], check=True, capture_output=True)
    (path,) = (tmp_path / "logs").glob(f"*.{packing}")
    found = read_answers(path, "A", KNOWN)
    assert [(each.id, each.output, each.passed, each.asked) for each in found.given] == [
        ("d-1", "yes", 1.0, "hello"),
        ("d-2", "yes", 0.0, "hello"),
    ]
    assert found.repeated == 2
    assert all(each.latency_s is not None for each in found.given)


def promptfoo(tmp_path: Path, *providers: str) -> str:
    """As `promptfoo eval -o out.json` writes it, version 3."""
    rows = [
        {
            "provider": {"id": provider, "label": ""},
            "testCase": {"description": own, "vars": {"case": {"input": '[{"role": "user", "content": "hi"}]'}}},
            "vars": {"case": {"input": json.dumps([{"role": "user", "content": "hi"}])}},
            "response": {"output": f"{provider} on {own}", "cached": own == "d-2"},
            "success": True,
            "score": 1,
            "latencyMs": 1200,
            "cost": 0.01,
            "failureReason": 0,
        }
        for provider in providers
        for own in ("d-1", "d-2")
    ]
    failed = {"provider": {"id": providers[0]}, "testCase": {"description": "d-3"}, "error": "429", "failureReason": 2}
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"results": {"version": 3, "results": [*rows, failed]}}))
    return str(path)


def test_an_output_of_promptfoo_is_read_and_what_was_cached_took_no_time(tmp_path):
    found = read_answers(promptfoo(tmp_path, "openai:a"), "A", KNOWN)
    assert [(each.id, each.output, each.latency_s, each.cost_usd, each.asked) for each in found.given] == [
        ("d-1", "openai:a on d-1", 1.2, 0.01, "hi"),
        ("d-2", "openai:a on d-2", None, None, "hi"),
    ]
    assert found.skipped == {"rows have neither answer nor result": 1}


def test_of_a_file_with_several_models_the_named_one_is_taken(tmp_path):
    path = promptfoo(tmp_path, "openai:a", "anthropic:b")
    assert [each.output for each in read_answers(path, "Anthropic:B", KNOWN).given] == [
        "anthropic:b on d-1",
        "anthropic:b on d-2",
    ]
    with pytest.raises(LogError, match=r"several: anthropic:b, openai:a\. Name the one"):
        read_answers(path, "B", KNOWN)


def test_what_is_wrong_with_a_file_is_counted_and_said_a_line_each(store, tmp_path):
    first, second, third, _ = ids(store)
    rows = [
        {"id": first, "output": "one", "passed": True},
        {"id": first, "output": "two", "passed": False},
        {"id": second, "output": " ", "latency": "soon", "cost": -1},
        {"id": third, "output": "x" * 5_000_000},
        {"id": "d-elsewhere", "output": "x"},
        {"id": None, "output": "x"},
        {"id": "d-empty"},
    ]
    path = Path(written(tmp_path / "a.jsonl", rows))
    path.write_bytes(path.read_bytes() + b"\xff\x00{not json\n")
    (taken,) = take_in(store, [("A", str(path))])
    assert taken.lines() == [
        f"A: 3 answers in {path} (groundset), 3 new",
        "  1 ids are no item of this project (the first: d-elsewhere)",
        "  1 items have several answers: the first is kept, what they passed is averaged",
        "  1 answers are empty",
        "  1 answers are longer than 1,000,000 characters",
        "  1 rows are left out: invalid UTF-8 at byte 0",
        "  1 rows have no id",
        "  1 rows have neither answer nor result",
        "  1 latencies are no time and were left out",
        "  1 costs are no amount and were left out",
    ]
    kept = {each.draft_id: each for each in store.answers("A")}
    assert (kept[first].output, kept[first].passed) == ("one", 0.5)
    assert len(kept[third].output) == 5_000_000
    assert take_in(store, [("A", str(path))])[0].put == PutReport(0, 3, 0, 0)


def test_an_answer_to_another_version_of_the_input_is_stale_from_the_start(store, tmp_path):
    first, second, *_ = ids(store)
    text = store.drafts([first])[0].messages[-1].content
    rows = [
        {
            "id": first,
            "output": "a",
            "input": [{"role": "system", "content": "be kind"}, {"role": "user", "content": text}],
        },
        {"id": second, "output": "a", "input": "what was asked last week"},
    ]
    (taken,) = take_in(store, [("A", written(tmp_path / "a.jsonl", rows))])
    assert taken.stale == 1
    assert store.stale_answers() == {(second, "A")}


def test_results_that_come_later_are_of_the_answers_that_are_there(store, tmp_path):
    first, second, *_ = ids(store)
    rows = [{"id": each, "output": f"answers {each}", "latency": 1} for each in (first, second)]
    take_in(store, [("A", written(tmp_path / "a.jsonl", rows))])
    judged = written(tmp_path / "judge.jsonl", [{"id": first, "passed": True}, {"id": second, "score": 0.25}])
    (taken,) = take_in(store, [("A", judged)])
    assert taken.put == PutReport(0, 2, 0, 0)
    kept = {each.draft_id: each for each in store.answers("A")}
    assert (kept[first].output, kept[first].passed, kept[first].latency_s) == (f"answers {first}", 1.0, 1.0)
    assert kept[second].passed == 0.25


def test_what_is_personal_in_an_answer_is_masked_as_in_logs(store, tmp_path):
    path = written(tmp_path / "a.jsonl", [{"id": ids(store)[0], "output": "write to jane.doe@example.com"}])
    done = groundset("answers", store.path, f"A={path}")
    assert done.returncode == 0, done.stderr
    assert store.answers("A")[0].output == "write to ⟦EMAIL-1⟧"


def test_random_draws_that_nobody_has_looked_at_can_be_answered_and_rejected_ones_cannot(tmp_path):
    with project(tmp_path / "p.groundset") as store:
        drawn = [draft(f"drawn {n}", origin="random", weight=0.5, stratum=f"slice-{n}") for n in range(3)]
        landed(store, [trace("need number x", 4)], {each: {0: 0.9} for each in drawn})
        store.decide([drawn[0].id], "reject", "ana")
        store.decide([drawn[1].id], "later", "ana")
        assert set(ids(store)) == {drawn[1].id, drawn[2].id}


def test_programs_look_at_answers_to_items_as_they_are_now(store, tmp_path):
    first, second, *_ = ids(store)
    take_in(store, [("A", written(tmp_path / "a.jsonl", [{"id": each, "output": "yes"} for each in (first, second)]))])
    for each in (first, second):
        store.accept_edited(each, store.drafts([each])[0].messages, ["Contains «yes»"], ["Contains «no»"], "ana")
    store.accept_edited(second, [Message("user", "another")], ["Contains «no»"], [], "ana")
    found = check_answers(store)
    assert (found.answers, found.criteria, found.passed, found.decided) == (1, 2, 2, 1)
    assert store.check_verdicts() == {(first, "A"): "pass"}


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\x1b[2J", "a\nb", "a\u202eb"])
def test_names_that_no_table_can_show_are_refused(store, tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be the name"):
        take_in(store, [(name, written(tmp_path / "a.jsonl", [{"id": ids(store)[0], "output": "x"}]))])


def test_hostile_files_give_a_sentence_and_hostile_texts_stay_data(store, tmp_path):
    for path in hostile_files(tmp_path).values():
        with pytest.raises(GroundsetError):
            take_in(store, [("A", str(path))])
    first = ids(store)[0]
    for number, text in enumerate(HOSTILE.values()):
        rows = [{"id": first, "output": text, "latency": text, "input": text}, {"id": text, "output": text}]
        (taken,) = take_in(store, [(f"m{number}", written(tmp_path / "a.jsonl", rows))])
        assert all(printable(line) == line and "\n" not in line for line in taken.lines())
        assert store.answers(f"m{number}")[0].output == clean(text)


def test_the_command_says_what_came_of_it_and_refuses_what_it_cannot_use(store, tmp_path):
    rows = [{"id": each, "output": "answers this", "passed": True} for each in ids(store)]
    path = written(tmp_path / "a.jsonl", rows)
    done = groundset("answers", store.path, f"A={path}", f"B={path}")
    assert done.returncode == 0, done.stderr
    assert "B: 4 answers in" in done.stdout
    assert "wait for people" in done.stdout
    assert done.stderr.strip() == f"next: groundset decide {store.path} A B"
    figures = json.loads(groundset("answers", store.path, f"A={path}", "--json").stdout)
    assert figures["files"][0]["same"] == 4
    other = written(tmp_path / "b.jsonl", [{"id": "d-0", "output": "x"}])
    assert "None of the 1 ids" in refused(groundset("answers", store.path, f"A={other}"))
    assert "for example: gpt=answers.jsonl" in refused(groundset("answers", store.path, "A"))
    assert "Two files are named A" in refused(groundset("answers", store.path, f"A={path}", f"A={path}"))
