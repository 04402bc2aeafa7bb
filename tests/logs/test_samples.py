import json

import pytest

from generator.errors import LogError
from generator.logs.explaining import explain
from generator.logs.formats import NAMES, recognise
from generator.logs.formats.conversation import messages_of, trace_of
from generator.logs.formats.parts import holds
from generator.logs.formats.raw import RawTrace
from generator.logs.ingestion import USUAL, Reading, ingest, recognised
from generator.logs.joining import Outcome, outcomes
from generator.logs.layouts import Record
from generator.logs.reading import open_log
from generator.records import user_text
from generator.store import Store
from tests.logs.samples import ANSWER, ASKED, SAMPLES, THEN, LogSample
from tests.logs.test_ingestion import written


def read(sample: LogSample, folder) -> list[Outcome]:
    path = folder / sample.name
    path.write_bytes(sample.content)
    with open_log(path) as log:
        recognition = recognised(log, "auto", None)
        assert recognition.format == sample.format, recognition.why
        return list(outcomes(log.records(), recognition))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_format_gives_one_trace_a_conversation_with_context_answer_outcome_and_user(sample, tmp_path):
    found = read(sample, tmp_path)
    traces = [each.trace for each in found if each.trace]
    assert [user_text(each.messages) for each in traces] == sample.texts
    assert [each.answer for each in traces] == sample.answers
    assert sum(each.trace is None for each in found) == sample.rejected
    # Every record, span, observation or run is a trace, a part of one, or a rejection.
    assert len(found) + sum(each.joined for each in found) == sample.units
    first = traces[0]
    assert sample.signals.items() <= dict(first.signals).items()
    assert first.user == sample.user
    if sample.roles is not None:
        assert [message.role for message in first.messages] == sample.roles
    if sample.system is not None:
        assert (first.messages[0].role, first.messages[0].content) == ("system", sample.system)
    if b"time" in sample.content.lower() or b"created" in sample.content:
        assert first.seen_at is not None or "feedback" in sample.name


def test_every_format_has_a_sample():
    assert {sample.format for sample in SAMPLES} == set(NAMES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_file_is_explained_with_format_paths_and_inputs_and_nothing_changes(sample, tmp_path):
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    before = sorted(tmp_path.iterdir())
    found = explain(str(path), USUAL)
    assert (found.format, found.inputs) == (sample.format, len(sample.texts))
    assert found.paths["input"]
    assert [user_text(each.messages) for each in found.examples] == sample.texts[:3]
    assert json.loads(json.dumps(found.as_json()))["examples"]
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_shown_to_explain_a_file_is_redacted(tmp_path):
    path = written(tmp_path, {"text": "write to a.person@example.com"})
    found = explain(str(path), USUAL)
    assert found.examples[0].messages[0].content == "write to ⟦EMAIL-1⟧"
    assert found.redactions == {"EMAIL": 1}


# Folding ------------------------------------------------------------------------------------------


def chat(*said: str, answer: str | None = None, **more) -> dict:
    roles = ("user", "assistant")
    return {
        "messages": [{"role": roles[number % 2], "content": text} for number, text in enumerate(said)],
        "model": "m",
        "response": answer or "",
        **more,
    }


def folded(tmp_path, *rows: dict) -> list[tuple[str, int]]:
    path = written(tmp_path, *rows)
    with open_log(path) as log:
        found = outcomes(log.records(), recognised(log, "auto", None))
        return [(user_text(each.trace.messages), each.joined) for each in found if each.trace]


def test_requests_that_repeat_a_conversation_and_go_on_are_one_whatever_their_order(tmp_path):
    rows = [chat("a", answer="b"), chat("a", "b", "c", answer="d"), chat("a", "b", "c", "d", "e", answer="f")]
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)):
        assert folded(tmp_path, *(rows[number] for number in order)) == [("a\nc\ne", 2)]


def test_the_same_question_with_another_answer_is_another_conversation(tmp_path):
    rows = [chat("a", answer="x"), chat("a", "b", "c", answer="d"), chat("a", answer="b")]
    assert folded(tmp_path, *rows) == [("a", 0), ("a\nc", 1)]


def test_the_same_request_twice_is_traffic_twice(tmp_path):
    assert folded(tmp_path, chat("a", answer="b"), chat("a", answer="b")) == [("a", 0), ("a", 0)]


def test_conversations_of_two_sessions_are_never_folded(tmp_path):
    rows = [chat("a", answer="b", session_id="1"), chat("a", "b", "c", answer="d", session_id="2")]
    assert folded(tmp_path, *rows) == [("a", 0), ("a\nc", 0)]
    rows = [{**row, "session_id": "1"} for row in rows]
    assert folded(tmp_path, *rows) == [("a\nc", 1)]


def test_a_session_that_all_requests_share_costs_no_more_than_many(tmp_path, monkeypatch):
    compared = 0

    def counted(*traces):
        nonlocal compared
        compared += 1
        return holds(*traces)

    monkeypatch.setattr("generator.logs.joining.holds", counted)
    rows = [chat(f"q{number}", answer="b", session_id="default") for number in range(3000)]
    assert len(folded(tmp_path, *rows)) == 3000
    assert compared < 3000 * 50  # each with all before it, it would be millions


def test_a_session_id_that_all_traces_share_is_not_one_conversation(tmp_path):
    spans = [
        {
            "context": {"trace_id": f"t{number}"},
            "attributes": {"input.value": f"q{number}", "output.value": "b", "session.id": "default"},
        }
        for number in range(500)
    ]
    found = folded(tmp_path, *spans)
    assert sum(1 + joined for _, joined in found) == 500
    assert max(text.count("\n") for text, _ in found) < 200


def test_more_conversations_than_the_window_holds_come_out_in_order_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("generator.logs.joining.WINDOW", 10)
    rows = [chat(f"q{number}", answer="b") for number in range(50)]
    assert [text for text, _ in folded(tmp_path, *rows)] == [f"q{number}" for number in range(50)]


def test_spans_of_more_traces_than_the_window_holds_are_all_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("generator.logs.joining.WINDOW", 7)
    span = json.loads(next(s for s in SAMPLES if s.name == "phoenix_spans.jsonl").content.split(b"\n")[0])
    rows = [
        {
            **span,
            "context": {"trace_id": f"t{number % 20}", "span_id": "s"},
            "attributes": {**span["attributes"], "session.id": f"x{number % 20}"},
        }
        for number in range(60)
    ]
    path = written(tmp_path, *rows)
    with open_log(path) as log:
        found = list(outcomes(log.records(), recognised(log, "auto", None)))
    assert len(found) + sum(each.joined for each in found) == 60


def test_a_kill_while_conversations_are_joined_loses_and_repeats_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("generator.logs.ingestion.BATCH", 3)
    rows = [
        row for n in range(20) for row in (chat(f"a{n}", answer="b"), chat(f"a{n}", "b", "c", answer="d"), {"x": n})
    ]
    path = written(tmp_path, *rows)
    with Store.open(tmp_path / "whole.groundset", create=True) as store:
        (whole,) = ingest(store, [str(path)]).files
    assert (whole.read, whole.accepted, whole.rejected, whole.joined) == (40, 20, 20, 20)

    for survived in range(1, 14):
        with Store.open(tmp_path / f"{survived}.groundset", create=True) as store:
            told = 0

            def stop(name, done, total):
                nonlocal told
                told += 1
                if told == 20 + survived:  # noqa: B023
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                ingest(store, [str(path)], progress=stop)
            (report,) = ingest(store, [str(path)]).files
            assert (report.read, report.accepted, report.rejected, report.joined) == (40, 20, 20, 20)
            assert store.counts().traces == 20
            (again,) = ingest(store, [str(path)]).files
            assert (again.already, again.joined) == (True, 20)


def test_a_broken_record_among_spans_is_counted_where_it_stands():
    span = {"context": {"trace_id": "t"}, "attributes": {"input.value": ASKED, "output.value": ANSWER}}
    recognition = recognise([span], "log")
    found = list(outcomes([Record(1, span), Record(2, None, "not valid JSON"), Record(3, 7)], recognition))
    assert [(each.position, each.reason) for each in found if each.trace is None] == [
        (2, "not valid JSON"),
        (3, "not a span"),
    ]
    assert sum(each.trace is not None for each in found) == 1


def test_a_trace_says_when_it_began_and_how_it_ended():
    raw = trace_of(messages_of([{"role": "user", "content": THEN}]), None, {"timestamp": 1731368630, "error": "x"})
    assert raw == RawTrace(raw.messages, None, "2024-11-11T23:43:50Z", {"error": "x"})


# What nobody knows --------------------------------------------------------------------------------


def test_the_likeliest_field_of_unknown_records_is_proposed_with_examples_and_never_used_in_silence(tmp_path):
    rows = [
        {
            "ts": n,
            "lvl": "INFO",
            "trace": f"{n:032x}",
            "ev": {"kind": "chat", "frage": {"was": f"Wo ist Paket {n}, bitte? a{n}@x.com"}},
            "url": "https://example.com/a",
        }
        for n in range(9)
    ]
    path = written(tmp_path, *rows)
    with pytest.raises(LogError) as caught:
        explain(str(path), USUAL)
    message = str(caught.value)
    assert "most likely: --field ev.frage.was (“Wo ist Paket 0, bitte? ⟦EMAIL-1⟧”" in message
    assert "@x.com" not in message
    assert explain(str(path), Reading(field="ev.frage.was")).inputs == 9


def test_records_without_any_text_are_an_error_without_a_proposal(tmp_path):
    with pytest.raises(LogError, match=r"No user text .* the keys a\. Name the field"):
        explain(str(written(tmp_path, {"a": 1})), USUAL)
