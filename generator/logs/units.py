"""What is "the input" of a conversation: all that the user says in it, each turn of it, or the first one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

from generator.logs.formats.conversation import answer_of, has_words
from generator.logs.formats.raw import RawTrace
from generator.records import Message

Unit = Literal["conversation", "turn", "first"]
UNITS: tuple[Unit, ...] = get_args(Unit)


def units_of(trace: RawTrace, unit: Unit) -> Iterator[RawTrace]:
    """The inputs in a conversation.

    Args:
        trace: The conversation.
        unit: "conversation" for all of it as one input; "turn" for each turn of the user, what came before it
            as its context; "first" for the first turn only.
    """
    if unit == "conversation":
        yield trace
        return
    starts = _starts(trace.messages)
    ends = [*starts[1:], len(trace.messages)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        yield _turn(trace, start, end, last=number == len(starts) - 1)
        if unit == "first":
            return


def _starts(messages: tuple[Message, ...]) -> list[int]:
    """Where the user begins to speak; what they say before anybody answers is one turn."""
    starts: list[int] = []
    speaking = False
    for number, message in enumerate(messages):
        if message.role == "user":
            if not speaking and has_words(message.content):
                starts.append(number)
                speaking = True
        elif message.role != "system":
            speaking = False
    return starts


def _turn(trace: RawTrace, start: int, end: int, *, last: bool) -> RawTrace:
    """One turn: what came before it, what the user says, and the tools that were used before the answer."""
    given = max(number for number in range(start, end) if trace.messages[number].role in ("user", "tool"))
    before = (replace(each, context=each.role == "user") for each in trace.messages[:start])
    answer = answer_of(trace.messages[given + 1 : end]) or (trace.answer if last else None)
    return replace(trace, messages=(*before, *trace.messages[start : given + 1]), answer=answer)
