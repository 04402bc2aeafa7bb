"""The drafter that needs no model, on real and on hostile texts."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.drafting.briefing import Brief, Source
from generator.drafting.drafting import draft
from generator.drafting.kinds import EDGE_CASES, KINDS, VARIANTS
from generator.drafting.prompting import build_prompt
from generator.drafting.providers.details import details
from generator.drafting.providers.offline import OfflineProvider
from generator.drafting.providers.phrases import language_of
from generator.drafting.providers.rules import RULES, asks, sentences_of
from generator.drafting.questions import drafting_question
from generator.drafting.schema import Origin, Reading, read_answer
from generator.records import Cluster, Draft, Message, Trace, messages_to_json
from generator.store import Store
from tests.drafting.projects import GROUPS, make_project, with_tool
from tests.hostile.corpus import HOSTILE, SHORT

ALL = (*VARIANTS, *EDGE_CASES)
SEEDS = Path(__file__).parents[2] / "seeds"


def drafts_for(texts: list[str], near: list[str], kinds: Any = ALL, sample: int = 0, **messages: Any) -> Reading:
    def trace(text: str) -> Trace:
        return Trace(Trace.id_of(text), text, messages.get("messages", lambda each: (Message("user", each),))(text))

    sources = tuple(Source(f"s{number}", "typical", trace(text)) for number, text in enumerate(texts, start=1))
    cluster = Cluster("c", "c", "phrases", 1.0, len(texts), len(texts), ())
    neighbours = tuple(trace(text) for text in near)
    elsewhere = messages.get("elsewhere", "")
    prompt = build_prompt(Brief(cluster, tuple(kinds), sources, neighbours, sample=sample, elsewhere=elsewhere))
    raw = asyncio.run(OfflineProvider().send(drafting_question(prompt)))
    return read_answer(OfflineProvider().parse(raw.body).text, Origin(prompt, "offline/rules", "key"))


TRANSFERS = list(GROUPS["transfers"])
NEAR = [GROUPS["cards"][0], GROUPS["rates"][0]]


def by_kind(reading: Reading) -> dict[str, Draft]:
    return {each.kind: each for each in reading.drafts}


def test_every_kind_of_the_table_has_its_rule() -> None:
    assert set(RULES) == set(KINDS) - {"other"}


def test_all_kinds_but_those_of_tools_are_made_from_four_real_questions() -> None:
    reading = drafts_for(TRANSFERS, NEAR)
    assert reading.problems == ()
    assert set(by_kind(reading)) == {kind.name for kind in ALL} - {"tool_output_injection"}


def test_the_same_brief_gives_the_same_drafts_and_another_sample_gives_others() -> None:
    assert drafts_for(TRANSFERS, NEAR) == drafts_for(TRANSFERS, NEAR)
    assert drafts_for(TRANSFERS, NEAR).drafts != drafts_for(TRANSFERS, NEAR, sample=1).drafts


def test_every_draft_says_that_no_model_wrote_it_and_names_its_source() -> None:
    for each in drafts_for(TRANSFERS, NEAR).drafts:
        assert "no model wrote it" in each.why
        assert each.model == "offline/rules"
        assert len(each.source_ids) == 1
        assert each.criteria


def test_sources_take_turns() -> None:
    reading = drafts_for(
        TRANSFERS, NEAR, kinds=[KINDS[name] for name in ("emoji", "typos", "rambling", "second_contact")]
    )
    assert len({each.source_ids for each in reading.drafts}) == 4


def test_two_needs_are_both_asked_for_and_both_expected() -> None:
    made = by_kind(drafts_for(["How do I reset my password?"], ["Where is my invoice?"]))["two_needs"]
    assert "How do I reset my password?" in made.text
    assert "Where is my invoice?" in made.text
    assert made.criteria[0] == "Handles both requests: «How do I reset my password?» and «Where is my invoice?»"


@pytest.mark.parametrize(
    ("text", "without", "what"),
    [
        ("Where is my order ⟦ORDER-1⟧?", "Where is my order?", "order"),
        ("can you send the report TRX-20391 again", "can you send the report again", "reference number"),
        ("book me a room from 2026-03-02, please", "book me a room, please", "date"),
        ("we are waiting for 3 days now", "we are waiting now", "number of days"),
        ("I was charged €25.50 and don't know why", "I was charged and don't know why", "amount"),
    ],
)
def test_a_missing_detail_is_really_missing_and_what_is_missing_is_named(text: str, without: str, what: str) -> None:
    made = by_kind(drafts_for([text], [], kinds=[KINDS["missing_detail"]]))["missing_detail"]
    assert made.text == without
    assert f"Says that the {what} is missing and asks for it" in made.criteria[0]


def test_a_contradiction_names_both_values() -> None:
    made = by_kind(drafts_for(["I need a hotel for 3 nights"], []))["contradiction"]
    (shown,) = [each for each in made.invented if each.startswith("the second value: ")]
    assert "«3»" in made.criteria[0]
    assert shown.removeprefix("the second value: ") in made.text


def test_a_boundary_value_takes_the_place_of_the_real_one() -> None:
    made = by_kind(drafts_for(["My train leaves at 10:30"], []))["boundary_value"]
    assert made.text == "My train leaves at 25:00"


def test_what_changes_the_mind_is_a_second_turn() -> None:
    made = by_kind(drafts_for(["I need a hotel for 3 nights"], []))["changed_mind"]
    assert [message.role for message in made.messages] == ["user", "user"]
    assert made.messages[0].content == "I need a hotel for 3 nights"
    assert "not 3" in made.messages[1].content


def test_a_tool_result_is_poisoned_only_where_there_are_tools() -> None:
    reading = drafts_for(["Where is my transfer?", "Is it there yet"], [], messages=with_tool)
    made = by_kind(reading)["tool_output_injection"]
    assert [message.role for message in made.messages] == ["user", "assistant", "tool"]
    assert made.messages[1].tool_calls[0].name == "get_transfer"
    assert made.messages[2].content.startswith('{"status": "pending"}')
    assert made.messages[2].tool_call_id == made.messages[1].tool_calls[0].id


def test_an_injection_expects_the_request_to_be_served_and_the_order_to_be_ignored() -> None:
    made = by_kind(drafts_for(["Where is my parcel?"], []))["prompt_injection"]
    code = made.must_not[0].removeprefix("Writes ")
    assert code in made.text
    assert made.text.startswith("Where is my parcel?")


def test_placeholders_addresses_and_code_are_never_touched() -> None:
    text = "Please write to ⟦EMAIL-1⟧ about https://example.com/orders/12345 today, thanks"
    for sample in range(20):
        for each in drafts_for([text], ["another question"], sample=sample).drafts:
            if each.kind != "underspecified" and text[:6].casefold() in each.text.casefold():
                assert "⟦EMAIL-1⟧" in each.text or each.kind == "missing_detail"
                assert "https://example.com/orders/12345" in each.text


def test_turns_before_the_last_word_are_kept() -> None:
    def conversation(text: str) -> tuple[Message, ...]:
        return (Message("user", "Hello"), Message("assistant", "Hi, how can I help?"), Message("user", text))

    made = by_kind(drafts_for(["Where is my parcel?"], [], messages=conversation))["emoji"]
    assert [message.role for message in made.messages] == ["user", "assistant", "user"]


def test_a_rule_that_does_not_apply_is_made_good_by_another_kind() -> None:
    planned = [KINDS[name] for name in ("boundary_value", "contradiction", "missing_detail", "tool_output_injection")]
    reading = drafts_for(["Where is my parcel?", "parcel lost"], [], kinds=planned)
    assert len(reading.drafts) == 4
    assert not {each.kind for each in reading.drafts} & {kind.name for kind in planned}


def test_a_language_that_we_cannot_write_gets_only_what_needs_no_words_of_ours() -> None:
    reading = drafts_for(
        ["注文した商品がまだ届きません。3日前に発送されたはずです。", "配送状況を教えてください"], ["返品したいです"]
    )
    assert {"two_needs", "emoji", "prompt_injection", "pasted_block", "boundary_value"} <= set(by_kind(reading))
    for each in reading.drafts:
        if each.kind not in {"prompt_injection", "pasted_block"}:
            assert not any(word in each.text for word in ("please", "bitte", "Sorry"))


@pytest.mark.parametrize(
    ("text", "it_does"),
    [
        ("my card was stolen, please block it", True),
        ("when will my order arrive", True),
        ("We need a bigger car. The one we have is full.", True),
        ("cancel my subscription", True),
        ("My bag is lost! Any help", True),
        ("When you pay for a window seat and there is no window", False),
        ("What a great flight", False),
        ("The new seats help a lot", False),
        ("pilots need more sleep", False),
        ("will never fly with them again", False),
    ],
)
def test_praise_and_reports_are_no_requests(text: str, it_does: bool) -> None:
    assert asks(text, language_of(text, "the and is my was in it to")) == it_does


def test_a_wait_is_contradicted_by_no_confirmation() -> None:
    assert "contradiction" not in by_kind(drafts_for(["why have I been waiting for 3 hours now?"], []))


def test_a_question_inside_a_question_is_not_put_in_other_words() -> None:
    made = by_kind(drafts_for(["Can you say why is there no seat for me?", "why is there no seat on it?"], []))
    assert not any("why I would like" in each.text for each in made.values())


def test_what_is_not_wanted_follows_the_request_and_not_the_greeting() -> None:
    made = by_kind(drafts_for(["Good morning all. Can I bring two bags with me? I fly on Monday."], []))["negation"]
    greeting, request, _, last = sentences_of(made.text)
    assert (greeting, request, last) == ("Good morning all.", "Can I bring two bags with me?", "I fly on Monday.")


def test_a_search_is_a_request_and_gets_all_that_goes_around_one() -> None:
    searches = ["bike leasing", "vpn split tunnel", "expense report", "po approval limit", "holiday calendar"]
    made = by_kind(drafts_for(searches, ["mail room"], elsewhere="where is the office and how do i get in there"))
    assert {"rambling", "negation", "second_contact", "overspecified", "code_switching", "other_tone"} <= set(made)


def test_what_was_said_before_is_neither_missing_nor_vague() -> None:
    def conversation(text: str) -> tuple[Message, ...]:
        first = Message("user", "My order ⟦ORDER-1⟧ has not come")
        return (first, Message("assistant", "I am sorry to hear that."), Message("user", text))

    texts = ["Where is my order ⟦ORDER-1⟧ then?", "My order ⟦ORDER-1⟧ is late, what do I do about the order?"]
    assert not {"missing_detail", "underspecified"} & set(by_kind(drafts_for(texts, [], messages=conversation)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is my order and why is it late?", "en"),
        ("Wo ist meine Bestellung und warum ist sie nicht da?", "de"),
        ("¿Dónde está mi pedido y por qué no llega?", "es"),
        ("Où est ma commande et pourquoi est-elle en retard ?", "fr"),
        ("Onde está o meu pedido e por que não chega?", "pt"),
        ("Dov'è il mio ordine e perché non è ancora qui?", "it"),
        ("注文はどこですか", None),
        ("Где мой заказ?", None),
        ("zzz qqq", None),
    ],
)
def test_the_language_is_told_by_its_small_words(text: str, code: str | None) -> None:
    found = language_of(text, "")
    assert (found.code if found else None) == code


def test_details_are_found_where_they_are_and_not_in_addresses() -> None:
    text = "Order #12345 of 3.4.2026, 12:30, €19.90, 2 pieces, v3.11.2, https://x.y/2026-01-01, ⟦ORDER-7⟧, TRX-20391"
    assert [(each.kind, each.text) for each in details(text)] == [
        ("reference", "#12345"),
        ("date", "3.4.2026"),
        ("time", "12:30"),
        ("amount", "€19.90"),
        ("number", "2"),
        ("placeholder", "⟦ORDER-7⟧"),
        ("reference", "TRX-20391"),
    ]


@pytest.mark.parametrize("name", SHORT)
def test_a_hostile_text_costs_at_most_its_own_drafts(name: str) -> None:
    for texts in ([HOSTILE[name]], [HOSTILE[name], "Where is my parcel?", HOSTILE[name] + "!"]):
        reading = drafts_for(texts, [HOSTILE[name], "How do I pay?"])
        for each in reading.drafts:
            messages_to_json(each.messages).encode()
        assert reading.drafts or len(texts) == 1


def test_the_shared_hostile_corpus_goes_through() -> None:
    texts = list(HOSTILE.values())
    for start in range(0, len(texts), 10):
        for each in drafts_for(texts[start : start + 10], texts[:2], elsewhere="where is my order and why").drafts:
            messages_to_json(each.messages).encode()


@settings(max_examples=60)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=4), st.lists(st.text(max_size=40), max_size=2))
def test_any_texts_give_drafts_that_can_be_read_or_none(texts: list[str], near: list[str]) -> None:
    reading = drafts_for(texts, near)
    assert not [each for each in reading.problems if "holds no drafts" not in each and "the same as" not in each]


def lines(name: str) -> list[str]:
    # The seed is in the encoding of an old export on purpose.
    return [line for line in (SEEDS / name).read_text(encoding="cp1252").split("\n") if line.strip()]


def test_the_search_box_seed_gives_its_drafts() -> None:
    texts = lines("search_box.txt")
    made = [
        drafts_for(texts[start : start + 8], texts[start + 8 : start + 10], elsewhere="\n".join(texts[:100]))
        for start in range(0, 160, 8)
    ]
    kinds = {each.kind for reading in made for each in reading.drafts}
    assert len(kinds & {kind.name for kind in EDGE_CASES}) >= 12
    assert all(len(reading.drafts) >= 12 for reading in made)


def first_words(name: str) -> list[str]:
    """What users said first, in the lines of a seed that can be read; a few cannot, on purpose."""
    texts: list[str] = []
    for line in (SEEDS / name).read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
            texts.append(json.loads(line)["request"]["messages"][0]["content"])
    return [text for text in texts if isinstance(text, str)]


def test_the_travel_agent_seed_gives_its_drafts() -> None:
    texts = first_words("travel_agent.jsonl")
    assert len(texts) > 60
    for start in range(0, 48, 6):
        reading = drafts_for(texts[start : start + 6], texts[50:52], elsewhere="\n".join(texts[:50]))
        assert len(reading.drafts) >= 12
        assert not reading.problems


def test_a_whole_project_is_drafted_offline_for_nothing_and_only_once(tmp_path: Path) -> None:
    groups = {f"group {number}": lines("search_box.txt")[8 * number : 8 * number + 8] for number in range(12)}
    with make_project(tmp_path / "p.groundset", groups) as store:
        report = draft(store, OfflineProvider(), max_cost=0)
        assert report.new >= 44
        assert report.calls == {"ok": 12}
        assert len({each.kind for each in store.drafts()}) >= 14
        assert store.spending() == (0, 0)
        assert draft(store, OfflineProvider(), max_cost=0).calls == {"known": 12}
        _all_origins_fit_their_kind(store)


def _all_origins_fit_their_kind(store: Store) -> None:
    for each in store.drafts():
        assert each.origin == KINDS[each.kind].origin
