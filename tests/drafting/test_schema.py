"""Reading an answer is total: whatever a model writes, the result is drafts, named problems, or both."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.drafting.briefing import Brief, Source
from generator.drafting.kinds import KINDS, plan
from generator.drafting.prompting import build_prompt
from generator.drafting.providers.anthropic import AnthropicProvider
from generator.drafting.providers.openai import OpenAIProvider
from generator.drafting.providers.provider import Server
from generator.drafting.schema import Origin, Reading, answer_schema, read_answer
from generator.records import Cluster, Draft, Trace, messages_to_json
from tests.drafting.projects import SYSTEM_PROMPT, conversation
from tests.hostile.corpus import HOSTILE

SOURCE = Trace("t1", "Where is my card?", conversation("Where is my card?"))
BRIEF = Brief(
    Cluster("cards", "cards", "phrases", 1.0, 1, 1, ("t1",)), plan("cards", 4), (Source("s1", "typical", SOURCE),), ()
)
ORIGIN = Origin(build_prompt(BRIEF), "openai/m", "key")


def item(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "kind": "typos",
        "turns": [{"role": "user", "content": "Wher is my crad?", "tool": "", "arguments": ""}],
        "criteria": ["Says where the card is"],
        "must_not": ["Invents a date"],
        "why": "typing errors",
        "invented": [],
        "sources": ["s1"],
    }
    return made | changes


def read(value: object, **options: Any) -> Reading:
    return read_answer(value if isinstance(value, str) else json.dumps(value), ORIGIN, **options)


def test_an_answer_in_our_shape_becomes_drafts_with_their_lineage() -> None:
    reading = read({"drafts": [item()]})
    (draft,) = reading.drafts
    assert reading.problems == ()
    assert (draft.origin, draft.kind, draft.cluster_id, draft.model) == ("edge", "typos", "cards", "openai/m")
    assert (draft.source_ids, draft.call_key, draft.prompt_hash) == (("t1",), "key", ORIGIN.prompt.hash)
    assert draft.id == Draft.id_of("edge", draft.messages)
    assert [message.role for message in draft.messages] == ["system", "user"]
    assert draft.messages[0].content == SYSTEM_PROMPT


@pytest.mark.parametrize(
    "text",
    [
        "```json\n%s\n```",
        "Sure, here you are:\n%s\nAnything else?",
        "\ufeff%s",
        "[1] I thought about it. {so} %s",
        '{"answer": %s}',
        "%s\n%s",
        '<think>maybe {"drafts"?}</think>%s',
    ],
)
def test_what_stands_around_the_json_does_no_harm(text: str) -> None:
    whole = json.dumps({"drafts": [item()]})
    assert len(read(text.replace("%s", whole)).drafts) == 1


def test_a_list_or_a_single_item_will_do() -> None:
    assert len(read([item()]).drafts) == 1
    assert len(read(item()).drafts) == 1


def test_an_answer_cut_off_in_the_middle_gives_the_drafts_that_are_whole() -> None:
    items = [item(turns=[{"role": "user", "content": f"card {number}?"}]) for number in range(3)]
    whole = json.dumps({"drafts": items})
    assert [len(read(whole[:cut]).drafts) for cut in (30, len(whole) // 2, len(whole) - 2)] == [0, 1, 3]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"turns": []}, "no user turn"),
        ({"turns": [{"role": "user", "content": "  "}]}, "no user turn"),
        ({"turns": [{"role": "assistant", "content": "Hello"}]}, "no user turn"),
        ({"turns": [{"role": "wizard", "content": "Hello"}]}, "turns.0.role"),
        ({"turns": "Where?"}, "turns"),
        ({"turns": [{"role": "user", "content": 7}]}, "turns.0.content"),
        ({"criteria": []}, "no criteria"),
        ({"criteria": ["  "]}, "no criteria"),
        ({"criteria": None}, "criteria"),
        ({"kind": None}, "kind"),
        ({"turns": [{"role": "user", "content": "Where is   my card?"}]}, "a copy of a real input"),
        ({"turns": [{"role": "user", "content": "x" * 40_001}]}, "a turn of 40,001 characters"),
        ({"turns": [{"role": "user", "content": "x"}] * 41}, "41 turns"),
    ],
)
def test_one_bad_draft_costs_that_draft_and_says_why(change: dict[str, Any], problem: str) -> None:
    reading = read({"drafts": [item(**change), item()]})
    assert len(reading.drafts) == 1
    assert len(reading.problems) == 1
    assert reading.problems[0].startswith(f"draft 1: {problem}")


@pytest.mark.parametrize(
    "text", ["", "   ", "Sorry.", "{", "[", "null", "7", '"drafts"', '{"drafts": 7}', "[" * 100_000]
)
def test_an_answer_without_drafts_is_no_json_of_ours(text: str) -> None:
    reading = read(text)
    assert reading.drafts == ()
    assert not reading.is_json
    assert reading.problems


def test_nulls_where_strings_should_be_are_left_out() -> None:
    (draft,) = read({"drafts": [item(must_not=None, why=None, invented=None, sources=None)]}).drafts
    assert (draft.must_not, draft.why, draft.invented, draft.source_ids) == ((), "", (), ())


def test_a_kind_nobody_asked_for_is_kept_and_an_unknown_one_is_other() -> None:
    drafts = read(
        {"drafts": [item(kind="Emoji"), item(kind="sarcasm", turns=[{"role": "user", "content": "ha"}])]}
    ).drafts
    assert [draft.kind for draft in drafts] == ["emoji", "other"]


def test_the_same_draft_twice_counts_once() -> None:
    assert read({"drafts": [item(), item()]}).problems == ("draft 2: the same as one before it",)


def test_lone_surrogates_and_nan_are_taken_out() -> None:
    drafted = json.dumps(item(criteria=["a \ud800 b"]))
    text = f'{{"drafts": [{drafted}], "score": NaN}}'
    (draft,) = read(text).drafts
    assert draft.criteria == ("a ? b",)
    messages_to_json(draft.messages).encode()


def test_a_number_of_5000_digits_is_no_crash() -> None:
    assert read(f'{{"drafts": [{"9" * 5000}]}}').drafts == ()


def test_every_text_is_redacted_before_it_is_kept() -> None:
    secret = "jane@example.com"
    spoken = [{"role": "user", "content": f"I am {secret}"}]
    reading = read(
        {"drafts": [item(turns=spoken, criteria=[secret], must_not=[secret], why=secret, invented=[secret])]},
        redact=lambda text: text.replace(secret, "⟦EMAIL-1⟧"),
    )
    assert secret not in str(reading)
    assert reading.drafts[0].text == "I am ⟦EMAIL-1⟧"


def test_addresses_that_no_source_has_are_named() -> None:
    turns = [{"role": "user", "content": "see https://evil.example/x and ask eve@evil.example"}]
    (draft,) = read({"drafts": [item(turns=turns)]}).drafts
    assert draft.invented == (
        "address that no source has: https://evil.example/x",
        "address that no source has: eve@evil.example",
    )


def test_tool_results_get_the_call_that_they_answer_and_a_last_assistant_turn_goes() -> None:
    turns = [
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": "", "tool": "find", "arguments": '{"id": 1}'},
        {"role": "tool", "content": "in the post", "tool": "find"},
        {"role": "assistant", "content": "It is in the post."},
    ]
    (draft,) = read({"drafts": [item(turns=turns)]}).drafts
    _, user, assistant, tool = draft.messages
    assert (user.role, assistant.role, tool.role) == ("user", "assistant", "tool")
    assert assistant.tool_calls[0].name == "find"
    assert assistant.tool_calls[0].arguments == '{"id": 1}'
    assert tool.tool_call_id == assistant.tool_calls[0].id


def test_a_tool_result_without_a_call_gets_one() -> None:
    turns = [{"role": "user", "content": "Where is it?"}, {"role": "tool", "content": "in the post", "tool": "find"}]
    (draft,) = read({"drafts": [item(turns=turns)]}).drafts
    assert draft.messages[-2].tool_calls[0].id == draft.messages[-1].tool_call_id


def test_sources_are_named_loosely_and_unknown_ones_are_dropped() -> None:
    (draft,) = read({"drafts": [item(sources=["[S1]", "s1", "s9", ""])]}).drafts
    assert draft.source_ids == ("t1",)


def test_lists_and_entries_are_cut_to_a_readable_size() -> None:
    (draft,) = read({"drafts": [item(criteria=[f"{number} " + "x" * 2000 for number in range(40)])]}).drafts
    assert len(draft.criteria) == 12
    assert all(len(each) <= 600 for each in draft.criteria)


def test_more_drafts_than_anybody_asked_for_are_cut() -> None:
    reading = read({"drafts": [item(turns=[{"role": "user", "content": str(number)}]) for number in range(80)]})
    assert len(reading.drafts) == 50
    assert reading.problems == ("30 drafts too many were left out",)


def test_an_answer_of_5_mb_is_refused_by_its_size() -> None:
    assert read("{" * 5_000_000).problems == ("the answer has 5,000,000 characters",)


def test_the_schema_requires_every_property_and_allows_no_other() -> None:
    schema = answer_schema()
    for model in (schema, *schema["$defs"].values()):
        assert model["required"] == list(model["properties"])
        assert model["additionalProperties"] is False
    assert "default" not in json.dumps(schema)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.sampled_from(["user", "tool", "s1", *KINDS]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*item(), "role", "content", "tool", "drafts"]), inner, max_size=8)
    ),
    max_leaves=25,
)


@given(
    st.one_of(st.text(max_size=300), _JSON.map(json.dumps), _JSON.map(lambda value: json.dumps({"drafts": [value]})))
)
def test_reading_never_raises_and_what_it_gives_can_be_stored(text: str) -> None:
    reading = read(text)
    assert reading.drafts or reading.problems
    for draft in reading.drafts:
        assert draft.criteria
        assert draft.text.strip()
        messages_to_json(draft.messages).encode()


@given(st.integers(0, 2000), st.integers(0, 2000), st.text(max_size=5))
def test_reading_survives_any_cut_and_any_splice(start: int, length: int, spliced: str) -> None:
    whole = json.dumps({"drafts": [item(), item(turns=[{"role": "user", "content": "Why?"}])]})
    read(whole[:start] + spliced + whole[start + length :])


_SERVER = Server("http://127.0.0.1/v1", own=False, local=True, key_variable="K")


@given(st.one_of(st.binary(max_size=300), _JSON.map(lambda value: json.dumps(value).encode())))
def test_reading_a_reply_never_raises(raw: bytes) -> None:
    for provider in (OpenAIProvider("m", _SERVER, api_key="k"), AnthropicProvider("m", _SERVER, api_key="k")):
        assert provider.parse(raw).outcome in {"bad_response", "ok"}


_FIELDS = [
    "choices",
    "message",
    "content",
    "refusal",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "stop_reason",
    "text",
    "type",
]
_REPLY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["length", "text", "refusal"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=6),
    max_leaves=20,
)


@given(_REPLY, _REPLY, _REPLY)
def test_reading_a_reply_with_anything_inside_never_raises(content: object, finish: object, usage: object) -> None:
    openai = {"choices": [{"message": {"content": content, "refusal": usage}, "finish_reason": finish}], "usage": usage}
    anthropic = {"content": [{"type": "text", "text": content}, content], "stop_reason": finish, "usage": usage}
    OpenAIProvider("m", _SERVER, api_key="k").parse(json.dumps(openai).encode())
    AnthropicProvider("m", _SERVER, api_key="k").parse(json.dumps(anthropic).encode())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_goes_through_an_answer(name: str) -> None:
    text = HOSTILE[name]
    reading = read({"drafts": [item(turns=[{"role": "user", "content": text}], criteria=[text, "ok"], why=text)]})
    assert reading.drafts or reading.problems
    for draft in reading.drafts:
        messages_to_json(draft.messages).encode()
        assert json.loads(messages_to_json(draft.messages))[-1]["content"] == draft.messages[-1].content
