"""Flat records: a text in a field, found by a usual name or by the path that a person gives."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from generator.errors import LogError
from generator.logs.formats.conversation import are_turns, messages_of, text_of, trace_of, unwrapped
from generator.logs.formats.messages import answer_in
from generator.logs.formats.raw import RawTrace, UnusableError
from generator.records import Message

NAME = "flat"
FIELD_NAMES = (
    *("text", "userinput", "usermessage", "userprompt", "userquery", "usertext", "input", "inputtext", "prompt"),
    *("query", "question", "utterance", "message", "content", "request", "instruction", "human", "customermessage"),
    *("msg", "body", "transcript", "ticket", "description", "comment", "goal", "problem", "search", "searchquery"),
)
"""Names of fields that hold what a user wrote, the surest first, folded."""
PATHS = {
    "answer": "answer, response, output and the like",
    "time": "timestamp, created_at and the like",
    "user": "user_id, user and the like",
    "outcome": "score, feedback, error and the like",
}
_STEP = re.compile(r"\[(-?\d{1,9})\]|\.?([^.\[\]]+)")


def folded(key: str) -> str:
    """A name without case and separators, so that `User-Input` and `user_input` are one."""
    return re.sub(r"[\W_]+", "", key).lower()


def find_field(values: Sequence[Any]) -> str | None:
    """The path of the field that most likely holds the user's text in most of these records."""
    objects = [value for value in values if isinstance(value, dict)]
    seen: Counter[str] = Counter(path for value in objects for path in dict(_texts(value)))
    common = [path for path, times in seen.items() if 2 * times >= len(objects)]
    return min(common, key=_rank, default=None)


def _texts(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        each = unwrapped(each) if not prefix else each
        if isinstance(each, str):
            if folded(key) in FIELD_NAMES and each.strip():
                yield prefix + key, each
        elif isinstance(each, dict) and not prefix and folded(key) not in ("response", "output", "metadata"):
            yield from _texts(each, f"{key}.")


def _rank(path: str) -> tuple[int, int]:
    return path.count("."), FIELD_NAMES.index(folded(path.rpartition(".")[2]))


def resolve(value: Any, path: str) -> Any:
    """What lies at a path such as `request.body.turns[0].text`; None where nothing does.

    A key that itself holds dots (`input.value`) is found too: longer keys are tried first.
    """
    if not path:
        return value
    if isinstance(value, str):
        value = unwrapped(value)
    if isinstance(value, dict):
        return _resolve_key(value, path.removeprefix("."))
    step = _STEP.match(path)
    if isinstance(value, list) and step and step[1]:
        index = int(step[1])
        if -len(value) <= index < len(value):
            return resolve(value[index], path[step.end() :])
    return None


def _resolve_key(value: Mapping[str, Any], path: str) -> Any:
    ends = [len(path), *(spot.start() for spot in reversed(list(re.finditer(r"[.\[]", path))))]
    for end in ends:
        if path[:end] in value:
            found = resolve(value[path[:end]], path[end:])
            if found is not None:
                return found
    return None


def check_path(field: str) -> None:
    """Stop at a path that cannot be followed.

    Raises:
        LogError: it is not made of names, dots and [numbers].
    """
    rest = field
    while rest and (step := _STEP.match(rest)):
        rest = rest[step.end() :]
    if rest or not field:
        raise LogError(f"--field {field!r} is not a path; write names and positions, for example request.turns[0].text")


def reader(field: str | None) -> Callable[[Any], RawTrace]:
    """What reads the text at `field`; None where records are texts themselves."""

    def read(value: Any) -> RawTrace:
        if field is None:
            return trace_of([Message("user", text_of(value))])
        if not isinstance(value, dict | list):
            raise UnusableError("not an object")
        found = resolve(value, field)
        if found is None:
            raise UnusableError("the field is missing")
        return _trace(value, found)

    return read


def _trace(value: Any, found: Any) -> RawTrace:
    turns = unwrapped(found)
    if are_turns(turns):
        return trace_of(messages_of(turns), None, value)
    record = value if isinstance(value, dict) else {}
    system = record.get("system") or record.get("system_prompt")
    messages = [Message("system", system)] if isinstance(system, str) and system.strip() else []
    messages.append(Message("user", text_of(found)))
    answer = answer_in(record)
    return trace_of(messages, answer if answer != messages[-1].content else None, record, record.get("metadata"))
