import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import LogError
from generator.logs.formats import FORMATS, NAMES, RawTrace, UnusableError, recognise
from generator.logs.formats.flat import resolve
from generator.logs.formats.times import parse_time
from generator.records import Message, ToolCall, user_text
from tests.hostile.corpus import SHORT

DATA = Path(__file__).parents[3] / "shared" / "data"
USER = {"role": "user", "content": "where is my order?"}
TURNS = [{"role": "system", "content": "Be kind."}, USER]


def trace(value: object, **options: str) -> RawTrace:
    return recognise([value], "log", **options).read(value)


def name_of(value: object) -> str:
    return recognise([value], "log").format


def sample(path: str) -> list[object]:
    file = DATA / path
    if not file.exists():
        pytest.skip(f"the real sample {path} is not on this machine")
    text = (gzip.decompress(file.read_bytes()) if path.endswith(".gz") else file.read_bytes()).decode()
    return json.loads(text) if path.endswith(".json") else [json.loads(line) for line in text.split("\n") if line]


# Which format it is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"request": {"messages": TURNS}, "response": {"choices": []}}, "openai"),
        ({"request": json.dumps({"messages": TURNS}), "response": "{}"}, "openai"),
        ({"request_body": {"messages": TURNS}, "response_body": {"choices": []}}, "openai"),
        ({"custom_id": "1", "body": {"model": "m", "messages": TURNS}}, "openai"),
        ({"messages": TURNS, "model": "m", "response": "here it is"}, "openai"),
        ({"messages": TURNS, "model": "m", "choices": []}, "openai"),
        ({"request": {"messages": TURNS}, "response": {"type": "message", "content": []}}, "anthropic"),
        ({"request": {"system": "Be kind.", "messages": [USER]}}, "anthropic"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "x"}]}]}, "anthropic"),
        ({"messages": TURNS}, "messages"),
        ({"conversation": TURNS, "language": "English"}, "messages"),
        ({"input": TURNS, "output": "here"}, "messages"),
        (TURNS, "messages"),
        ({"conversations": [{"from": "human", "value": "hi"}]}, "sharegpt"),
        ({"text": "hi"}, "flat"),
        ({"id": 1, "User Input": "hi"}, "flat"),
        ({"inputs": {"question": "hi"}}, "flat"),
        ("hi", "flat"),
    ],
)
def test_a_format_is_recognised_by_its_shape(value, name):
    assert name_of(value) == name


def test_the_reason_says_what_was_seen_and_how_often():
    found = recognise([{"messages": TURNS}, {"messages": TURNS}, {"other": 1}], "log")
    assert found.why == "messages is a list of messages, in 2 of 3 records"


def test_an_unknown_shape_is_an_error_that_names_the_keys_and_the_option():
    with pytest.raises(LogError) as caught:
        recognise([{"ts": 1, "frage_des_kunden": "Wo ist meine Bestellung?", "kanal": "web"}], "chat.jsonl")
    assert str(caught.value) == (
        "No user text was found in chat.jsonl, whose records have the keys ts, frage_des_kunden, kanal. "
        "Name the field that holds it, most likely: --field frage_des_kunden (“Wo ist meine Bestellung?”), "
        "or --field kanal"
    )


@pytest.mark.parametrize("value", SHORT.values())
def test_an_error_shows_keys_of_a_log_without_control_characters(value):
    with pytest.raises(LogError) as caught:
        recognise([{value: 1}], "log")
    assert all(char.isprintable() or char in "⟦⟧" or not char.isascii() for char in str(caught.value))


def test_a_person_can_name_the_format():
    value = {"messages": TURNS, "model": "m", "response": "here it is"}
    for name in NAMES:
        if name != "flat":
            assert recognise([value], "log", format=name).format == name
    assert trace({"text": "a", "body": "b"}, format="flat").messages[0].content == "a"
    with pytest.raises(LogError, match=r"langflow is not a log format .* it knows otlp, .*, messages, flat"):
        recognise([value], "log", format="langflow")


# Flat records ---------------------------------------------------------------------------------


def test_the_surest_name_wins_among_several_texts():
    assert recognise([{"description": "d", "content": "c", "prompt": "p"}], "log").field == "prompt"
    assert recognise([{"meta": {"text": "nested"}, "content": "c"}], "log").field == "content"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b[0].c", 1),
        ("a.b[-1].c", 2),
        ("a[b]", None),
        ("a.b[9].c", None),
        ("a.b.c", None),
        ("input.value", 3),
        ("attributes.input.value", 4),
        ("stored.inner[0]", 5),
        ("missing", None),
        ("a.b[0].c.d", None),
    ],
)
def test_a_path_leads_through_objects_lists_dotted_keys_and_stored_json(path, expected):
    value = {
        "a": {"b": [{"c": 1}, {"c": 2}]},
        "input.value": 3,
        "attributes": {"input.value": 4},
        "stored": '{"inner": [5]}',
    }
    assert resolve(value, path) == expected


def test_a_named_field_may_hold_text_parts_or_a_conversation():
    assert trace({"a": {"b": "hi"}}, field="a.b").messages == (Message("user", "hi"),)
    assert trace({"a": [{"type": "text", "text": "hi"}]}, field="a").messages == (Message("user", "hi"),)
    assert trace({"a": [USER]}, field="a").messages == (Message("user", USER["content"]),)


def test_a_named_field_that_is_nowhere_is_an_error_with_the_keys():
    with pytest.raises(LogError, match=r"--field question is in none of the first 1 records of log, .* the keys text"):
        recognise([{"text": "hi"}], "log", field="question")
    for field in ("", "a[", "a[x", "[]"):
        with pytest.raises(LogError, match="is not a path"):
            recognise([{"text": "hi"}], "log", field=field)
    with pytest.raises(LogError, match="--field goes with --format flat"):
        recognise([{"text": "hi"}], "log", field="text", format="openai")


def test_a_flat_record_keeps_system_prompt_answer_time_and_outcome():
    raw = trace({"prompt": "hi", "system": "Be kind.", "response": "hello", "created_at": 1731368630, "rating": 5})
    assert raw == RawTrace(
        (Message("system", "Be kind."), Message("user", "hi")), "hello", "2024-11-11T23:43:50Z", {"rating": 5}
    )


# Conversations --------------------------------------------------------------------------------


def test_an_openai_exchange_keeps_context_and_the_answer_apart():
    raw = trace(
        {
            "request": {
                "messages": [*TURNS, {"role": "assistant", "content": "Which?"}, {"role": "user", "content": "FH-1"}]
            },
            "response": {
                "created": 1731368630,
                "choices": [{"message": {"role": "assistant", "content": "On its way."}, "finish_reason": "stop"}],
            },
        }
    )
    assert [message.role for message in raw.messages] == ["system", "user", "assistant", "user"]
    assert user_text(raw.messages) == "where is my order?\nFH-1"
    assert (raw.answer, raw.seen_at, raw.signals) == ("On its way.", "2024-11-11T23:43:50Z", {"finish_reason": "stop"})


def test_tools_that_were_asked_for_and_their_results_are_context_not_input():
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 1}'}}
    raw = trace(
        {
            "messages": [
                USER,
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "shipped"},
                {"role": "assistant", "content": "It is shipped."},
            ]
        }
    )
    assert raw.messages[1:] == (
        Message("assistant", "", (ToolCall("c1", "find", '{"id": 1}'),)),
        Message("tool", "shipped", tool_call_id="c1"),
    )
    assert user_text(raw.messages) == USER["content"]
    assert raw.answer == "It is shipped."


def test_an_answer_that_is_a_tool_call_is_kept_as_text():
    call = {"id": "c1", "function": {"name": "find", "arguments": '{"id": 1}'}}
    value = {
        "request": {"messages": [USER]},
        "response": {"choices": [{"message": {"content": None, "tool_calls": [call]}}]},
    }
    assert trace(value).answer == 'find({"id": 1})'


def test_anthropic_blocks_become_messages_calls_and_results():
    raw = trace(
        {
            "request": {
                "system": [{"type": "text", "text": "Be kind."}],
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image", "source": {}}]},
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "thinking", "thinking": "hm"},
                            {"type": "text", "text": "Looking."},
                            {"type": "tool_use", "id": "t1", "name": "find", "input": {"id": 1}},
                        ],
                    },
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "tool_result",
                                "tool_use_id": "t1",
                                "content": [{"type": "text", "text": "found"}],
                            },
                            {"type": "text", "text": "hurry"},
                        ],
                    },
                ],
            },
            "response": {"type": "message", "content": [{"type": "text", "text": "Here."}], "stop_reason": "end_turn"},
        }
    )
    assert raw.messages == (
        Message("system", "Be kind."),
        Message("user", "one\n[image]"),
        Message("assistant", "[thinking]\nLooking.", (ToolCall("t1", "find", '{"id":1}'),)),
        Message("tool", "found", tool_call_id="t1"),
        Message("user", "hurry"),
    )
    assert user_text(raw.messages) == "one\n[image]\nhurry"
    assert raw.answer == "Here."


def test_a_tool_result_in_a_users_turn_is_not_what_the_user_said():
    raw = trace(
        {
            "system": "x",
            "messages": [
                USER,
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]},
            ],
        }
    )
    assert [message.role for message in raw.messages] == ["system", "user", "tool"]
    assert user_text(raw.messages) == USER["content"]


def test_sharegpt_turns_are_read_and_the_last_reply_is_the_answer():
    rows = [("system", "s"), ("human", "a"), ("gpt", "b"), ("human", "c"), ("gpt", "d")]
    raw = trace({"id": "x_0", "conversations": [{"from": who, "value": said} for who, said in rows]})
    assert [(message.role, message.content) for message in raw.messages] == [
        ("system", "s"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert raw.answer == "d"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "input_text", "text": "a"}, "b"], "a\nb"),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x"}}], "a\n[image]"),
        ([{"type": "text", "text": "a"}, {"type": "input_audio"}], "a\n[input_audio]"),
        ([{"type": "text", "text": "a"}, {"type": "[/evil]\x1b"}, 7], "a\n[part]\n[part]"),
        ({"content_type": "text", "parts": ["a", "b"]}, "a\nb"),
        ({"type": "text", "text": "a"}, "a"),
        ([{"text": "a"}], "a"),
        (5, "5"),
    ],
)
def test_parts_of_a_content_are_joined_and_none_vanishes(content, expected):
    assert trace({"messages": [{"role": "user", "content": content}]}).messages[0].content == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"messages": []}, "no messages"),
        ({"messages": None}, "no messages"),
        ({"messages": "{}"}, "no messages"),
        ({"other": 1}, "no messages"),
        ({"messages": [7]}, "a message is not an object"),
        ({"messages": [{"role": "martian", "content": "x"}]}, "a message of an unknown role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "no user text"),
        ({"messages": [{"role": "user", "content": " \n"}]}, "no user text"),
        ({"messages": [{"role": "user", "content": None}]}, "no user text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "no user text"),
    ],
)
def test_a_record_without_a_user_is_rejected_for_a_reason_that_holds_no_content(value, reason):
    for name in ("messages", "openai"):
        with pytest.raises(UnusableError) as caught:
            trace(value, format=name)
        assert str(caught.value) == reason


# Signals and times ----------------------------------------------------------------------------


def test_outcome_signals_are_kept_and_labels_are_not():
    value = {
        "text": "hi",
        "label": "truth",
        "labels": ["truth"],
        "metadata": {"label": "truth", "thumbs_up": False},
        "scores": {"reward": 0.5},
        "error": {"code": "rate_limited", "message": "m"},
        "status": "",
        "rating": None,
        "feedback": [1],
    }
    assert trace(value).signals == {"error": "rate_limited", "reward": 0.5, "thumbs_up": False}


@pytest.mark.parametrize("key", ["label", "Label", "labels", "true_label", "intent", "category"])
def test_measurement_labels_never_enter_a_trace(key):
    for value in ({"text": "hi", key: "truth"}, {"messages": TURNS, key: "truth", "metadata": {key: "truth"}}):
        assert "truth" not in repr(trace(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1731368630, "2024-11-11T23:43:50Z"),
        (1731368630.5, "2024-11-11T23:43:50.500000Z"),
        (1731368630123, "2024-11-11T23:43:50.123000Z"),
        ("1731368630", "2024-11-11T23:43:50Z"),
        ("2024-11-11T23:43:50Z", "2024-11-11T23:43:50Z"),
        ("2024-11-11T23:43:50+01:00", "2024-11-11T22:43:50Z"),
        ("2025-01-24 09:20:46.847371", "2025-01-24T09:20:46.847371Z"),
        ("2024-11-11T23:43:50.123456789Z", "2024-11-11T23:43:50.123456Z"),
        ("2024-11-11 23:43:50 UTC", "2024-11-11T23:43:50Z"),
        ("2024-11-11", "2024-11-11T00:00:00Z"),
        ("Sun, 07 Apr 2024 07:30:05 GMT", "2024-04-07T07:30:05Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59-12:00", None),
        ("0001-01-01T00:00:00+12:00", None),
        ("2016-12-31T23:59:60Z", None),
        (-1, None),
        (0, None),
        (float("inf"), None),
        (float("nan"), None),
        (10**30, None),
        (True, None),
        ("yesterday", None),
        ("", None),
        ("1" * 5000, None),
        (None, None),
        ({"a": 1}, None),
    ],
)
def test_a_time_is_read_or_none_and_never_raises(value, expected):
    assert parse_time(value) == expected


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.datetimes().map(str)))
def test_any_value_as_a_time_is_read_or_none(value):
    parse_time(value)


# Anything at all ------------------------------------------------------------------------------

_KEYS = st.sampled_from(
    (
        *("messages", "role", "content", "request", "response", "choices", "text", "type", "from", "value", "author"),
        *("conversations", "system", "tool_calls", "function", "timestamp", "metadata", "error", "input", "parts"),
    )
)
_LEAVES = st.sampled_from(
    ["user", "assistant", "tool", "tool_use", "tool_result", "text", "", '{"messages": []}', 1, None]
)
_VALUES = st.recursive(
    _LEAVES | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner),
)


@settings(max_examples=500, deadline=None)
@given(_VALUES)
def test_any_record_in_any_format_is_a_trace_or_unusable(value):
    for each in FORMATS:
        each.recognise(value)
    for name in NAMES:
        try:
            raw = trace(value, format=name)
        except (UnusableError, LogError):
            continue
        assert user_text(raw.messages).strip()
        assert raw.messages[-1].role in ("user", "tool")


@pytest.mark.parametrize("text", [text for text in SHORT.values() if text.strip()])
def test_a_hostile_text_is_kept_as_it_is(text):
    assert trace({"text": text}, field="text").messages[0].content == text
    assert trace({"messages": [{"role": "user", "content": text}]}).messages[0].content == text


@pytest.mark.parametrize("text", [text for text in SHORT.values() if not text.strip()])
def test_a_text_of_white_space_is_no_input(text):
    for value in ({"text": text, "id": 1}, {"messages": [{"role": "user", "content": text}]}):
        with pytest.raises(UnusableError, match="no user text"):
            recognise(
                [{"text": "x"}, {"text": "x"}, value], "log", format="auto" if "messages" in value else "flat"
            ).read(value)


# Real samples ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "format", "usable"),
    [
        ("traces/openai/chat_completions_request_response.jsonl", "openai", 3),
        ("traces/anthropic/messages_request_response.jsonl", "anthropic", 2),
        ("traces/sharegpt/sharegpt_sample.json", "sharegpt", 5),
        ("traces/tau_bench/gpt4o_airline_trajectories.jsonl.gz", "tau-bench", 200),
        ("traces/braintrust/anthropic-v0800.log-payloads.json", "braintrust", 8),
        ("logs/airline_support.jsonl.gz", "messages", 12_000),
        ("logs/arena_prompts.jsonl.gz", "messages", 500),
        ("logs/tool_calls.jsonl.gz", "messages", 2251),
        ("labelled/clinc150.jsonl.gz", "flat", 23_700),
        ("benchmarks/mmlu.jsonl.gz", "flat", 3000),
    ],
)
def test_real_logs_are_recognised_and_read(path, format, usable):
    rows = sample(path)
    found = recognise(rows[:100], path)
    assert found.format == format
    read = 0
    for row in rows:
        try:
            raw = found.read(row)
        except UnusableError:
            continue
        read += 1
        assert "label" not in raw.signals
    assert read == usable


def test_a_litellm_payload_is_read_as_openai():
    raw = trace(sample("traces/litellm/standard_logging_payload.json"))
    assert (raw.answer, raw.seen_at) == ("hi", "2025-01-24T09:20:46.847371Z")
