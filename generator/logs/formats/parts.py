"""What spans, runs, observations or rows of one conversation amount to together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from generator.logs.formats.conversation import has_words, trace_of
from generator.logs.formats.raw import Part, RawTrace, Scalar, UnusableError
from generator.records import Message


def conversation_of_parts(parts: Sequence[Part]) -> RawTrace:
    """The conversation that spans, runs, observations or rows hold together.

    Raises:
        UnusableError: nobody speaks in any of them.
    """
    turns = [part.trace for part in parts if part.kind == "turn" and part.trace]
    spoken = _strung(turns) if turns else _spoken(parts)
    late = next((part.answer for part in parts if part.answer), None)
    signals = [part.signals for part in parts]
    return replace(spoken, answer=spoken.answer or late, signals=_merged(spoken.signals, *signals))


def _strung(turns: Sequence[RawTrace]) -> RawTrace:
    messages = [message for turn in turns for message in turn.messages]
    whole = trace_of(messages)
    return with_circumstances(whole, turns)


def _spoken(parts: Sequence[Part]) -> RawTrace:
    roots = [part for part in parts if part.kind == "root" and part.trace]
    calls = sorted(
        (part.trace for part in parts if part.kind == "call" and part.trace), key=lambda each: each.seen_at or ""
    )
    everything = [*(part.trace for part in roots if part.trace), *calls]
    if not everything:
        raise UnusableError("nobody speaks in it")
    if not roots:
        return _with_system(_fullest([each for each in calls if holds(each, calls[0])]), everything)
    asked = everything[0]
    wanted = _last_said(asked)
    holding = [each for each in calls if any(said.strip() == wanted for said in _said(each))]
    if not holding:
        return _with_system(asked, everything)
    fullest = _fullest(holding)
    if roots[0].whole:
        fullest = _without_orders(fullest, asked)
    return _with_system(replace(fullest, answer=asked.answer or fullest.answer), everything)


def _fullest(traces: Sequence[RawTrace]) -> RawTrace:
    return max(traces, key=lambda each: (len(each.messages), each.answer is not None))


def _with_system(trace: RawTrace, others: Sequence[RawTrace]) -> RawTrace:
    """The trace with all that others know of it, and the system prompt of one of them where it has none."""
    if not any(message.role == "system" for message in trace.messages):
        prompts = (message for each in others for message in each.messages[:1] if message.role == "system")
        trace = replace(trace, messages=(*tuple(prompts)[:1], *trace.messages))
    return with_circumstances(trace, others)


def _without_orders(trace: RawTrace, asked: RawTrace) -> RawTrace:
    """The trace with what the application put before the user's words in the user's name as what it is, orders."""
    known = {said.strip() for said in _said(asked)}
    messages = list(trace.messages)
    for number, message in enumerate(messages):
        if message.role == "user" and message.content.strip() in known:
            break
        if message.role == "user":
            messages[number] = replace(message, role="system")
    return replace(trace, messages=tuple(messages))


def _said(trace: RawTrace) -> list[str]:
    return [message.content for message in trace.messages if message.role == "user"]


def _last_said(trace: RawTrace) -> str:
    return next((said.strip() for said in reversed(_said(trace)) if has_words(said)), "")


def with_circumstances(trace: RawTrace, others: Sequence[RawTrace]) -> RawTrace:
    """The trace with when it began, who asked, and all outcomes of what belongs to it."""
    return replace(
        trace,
        seen_at=min((each.seen_at for each in others if each.seen_at), default=trace.seen_at),
        signals=_merged(trace.signals, *(each.signals for each in others)),
        user=trace.user or next((each.user for each in others if each.user), None),
        conversation=trace.conversation or next((each.conversation for each in others if each.conversation), None),
    )


def _merged(*signals: Mapping[str, Scalar]) -> dict[str, Scalar]:
    merged: dict[str, Scalar] = {}
    for each in signals:
        for key, value in each.items():
            merged.setdefault(key, value)
    return merged


def holds(longer: RawTrace, shorter: RawTrace) -> bool:
    """Whether one conversation begins with all of the other, system prompts aside."""
    ours, theirs = turns_of(longer), turns_of(shorter)
    return len(ours) >= len(theirs) and all(_same(one, other) for one, other in zip(ours, theirs, strict=False))


def turns_of(trace: RawTrace) -> list[Message]:
    """The messages of a conversation without system prompts."""
    return [message for message in trace.messages if message.role != "system"]


def _same(one: Message, other: Message) -> bool:
    return one.role == other.role and one.content == other.content and asked_of(one) == asked_of(other)


def asked_of(message: Message) -> list[tuple[str, str]]:
    """The tools that a message asks for, without their ids, which change from one log of it to the next."""
    return [(call.name, call.arguments) for call in message.tool_calls]
