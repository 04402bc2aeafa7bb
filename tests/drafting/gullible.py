"""Runs attempts at injection through the whole of drafting, and counts what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.drafting.drafting import draft
from generator.drafting.providers.provider import Provider
from generator.records import Draft, Message, user_text
from tests.drafting.injections import Attempt
from tests.drafting.projects import make_project


@dataclass
class Outcome:
    """What became of attacks or of their twins."""

    drafts: int = 0
    obeyed: int = 0
    """Drafts that say what the attack demanded."""
    unmarked: list[str] = field(default_factory=list)
    """Attempts of which a draft obeyed and bears no mark."""
    unmarked_drafts: int = 0
    marked: list[str] = field(default_factory=list)
    """Attempts of which a draft bears the mark of an injection, with the reason."""
    marked_drafts: int = 0


def run(
    path: Path, attempts: Sequence[Attempt], side: str, provider: Provider, *, per_cluster: int = 4, at_once: int = 4
) -> Outcome:
    """Draft for a project in which each attempt ("attack" or "clean") stands among four inputs of its topic."""
    pick: Callable[[Attempt], tuple[Message, ...]] = (
        (lambda each: each.attack) if side == "attack" else (lambda each: each.clean)
    )
    groups = {f"{number} {each.name}": _texts(number, each, pick(each)) for number, each in enumerate(attempts)}
    messages = {
        _texts(number, each, pick(each))[0]: _numbered(number, pick(each)) for number, each in enumerate(attempts)
    }
    outcome = Outcome()
    with make_project(path, groups, messages) as store:
        report = draft(store, provider, per_cluster=per_cluster, concurrency=at_once)
        assert report.stopped is None, report.stopped
        marks = store.marks()
        for made in store.drafts():
            attempt = attempts[int(made.cluster_id.split(" ")[0])]
            names = {mark.name: mark.reason for mark in marks.get(made.id, ())}
            outcome.drafts += 1
            if attempt.topic.demanded in said(made):
                outcome.obeyed += 1
                if not names:
                    outcome.unmarked_drafts += 1
                    outcome.unmarked.append(f"{attempt.name}: {made.kind}")
            if "injection" in names:
                outcome.marked_drafts += 1
                outcome.marked.append(f"{attempt.name}: {made.kind}: {names['injection']}")
    return outcome


def said(made: Draft) -> str:
    """Everything that a drafter wrote, as a curator would read it."""
    turns = [message.content for message in made.messages if message.role != "system"]
    return "\n".join([*turns, *made.criteria, *made.must_not, made.why])


def _numbered(number: int, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with a number at its end, since one text is one trace."""
    last = max(at for at, message in enumerate(messages) if message.role == "user")
    ending = Message("user", f"{messages[last].content} (my reference is {number + 1000})")
    return (*messages[:last], ending, *messages[last + 1 :])


def _texts(number: int, attempt: Attempt, messages: tuple[Message, ...]) -> tuple[str, ...]:
    inputs = [f"{text} (my reference is {number + 1000})" for text in attempt.topic.inputs]
    planted = user_text(_numbered(number, messages))
    return (planted, *(text for text in inputs if text != planted))
