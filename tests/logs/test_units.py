import pytest

from generator.errors import LogError
from generator.logs.formats.conversation import messages_of, trace_of
from generator.logs.ingestion import Reading, ingest
from generator.logs.units import UNITS, units_of
from generator.records import Message, messages_from_json, messages_to_json, user_text
from generator.store import Store
from tests.logs.test_ingestion import written

CALL = {"id": "c1", "function": {"name": "find", "arguments": "{}"}}
ROWS = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Where is my order?"},
    {"role": "user", "content": "It is FH-1."},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "shipped"},
    {"role": "assistant", "content": "Shipped."},
    {"role": "user", "content": "Then cancel it."},
    {"role": "assistant", "content": "Done."},
]
TRACE = trace_of(messages_of(ROWS))


def said(unit):
    return [(user_text(each.messages), each.answer) for each in units_of(TRACE, unit)]


def test_a_conversation_is_one_input_or_each_of_its_turns_or_the_first():
    assert said("conversation") == [("Where is my order?\nIt is FH-1.\nThen cancel it.", "Done.")]
    assert said("turn") == [("Where is my order?\nIt is FH-1.", "Shipped."), ("Then cancel it.", "Done.")]
    assert said("first") == [("Where is my order?\nIt is FH-1.", "Shipped.")]


def test_what_came_before_a_turn_is_its_context_with_tools_and_results():
    _, second = units_of(TRACE, "turn")
    assert [message.role for message in second.messages] == [
        *("system", "user", "user", "assistant", "tool", "assistant", "user")
    ]
    assert [message.context for message in second.messages] == [False, True, True, False, False, False, False]
    assert second.messages[3].tool_calls[0].name == "find"
    assert second.messages[4] == Message("tool", "shipped", tool_call_id="c1")


def test_context_survives_the_project_file_and_leaves_no_mark_in_what_is_exported():
    _, second = units_of(TRACE, "turn")
    assert messages_from_json(messages_to_json(second.messages)) == second.messages
    assert all("context" not in message.as_json() for message in second.messages)


def test_a_log_comes_in_by_the_unit_that_was_asked_for_and_the_sum_holds(tmp_path):
    path = written(tmp_path, {"messages": ROWS}, {"messages": ROWS[:2]}, {"messages": []})
    sizes = {}
    for unit in UNITS:
        with Store.open(tmp_path / f"{unit}.groundset", create=True) as store:
            report = ingest(store, [str(path)], Reading(unit=unit))
            assert report.read == report.accepted + report.repeated + report.rejected
            sizes[unit] = store.counts().distinct, report.rejected
    assert sizes == {"conversation": (2, 1), "turn": (3, 1), "first": (2, 1)}


def test_a_project_keeps_to_one_unit(tmp_path):
    with Store.open(tmp_path / "p.groundset", create=True) as store:
        ingest(store, [str(written(tmp_path, {"messages": ROWS}))], Reading(unit="turn"))
        ingest(store, [str(written(tmp_path, {"messages": ROWS[1:2]}, name="2.jsonl"))])
        assert store.counts().traces == 3
        with pytest.raises(LogError, match="holds inputs by turn"):
            ingest(store, [str(tmp_path / "2.jsonl")], Reading(unit="first"))
