"""Judging answers blind without a screen: one question at a time, as `plain` does for drafts.

The keys are those of the Compare and Grade screens, from the same table. Names are hidden until `b` ends the session.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import cast

from curation_tui.actions import Action, Where, actions
from curation_tui.figures import counted, percent
from curation_tui.item import short_id
from curation_tui.outcome import why_nothing
from curation_tui.plain import action_of, ask, say, shortened
from curation_tui.session import Session
from generator.errors import ProjectError
from generator.evalset.sitting import Outcome, Sitting, Task
from generator.judging import Choice, Grade
from generator.printable import printable

_ORDINALS = ("First answer", "Second answer")
_SAID = {
    "left": "the first is better",
    "right": "the second is better",
    "same": "no difference",
    "both_bad": "both bad",
    "pass": "passes",
    "fail": "fails",
    "unsure": "unsure",
}


class PlainJudging:
    """Asks about one task after the other until there is none, or the input or the person ends it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sitting = Sitting(session.store, session.actor, session.candidates)
        self._where: Where = "compare" if len(session.candidates) == 2 else "grade"
        self._goes_on = True
        self._told: list[str] = []
        """What was said of the task, so that no verdict falls on another text."""
        self._asked_at = time.monotonic()

    def run(self) -> None:
        """Ask until there is no more."""
        with contextlib.suppress(ProjectError):  # a project that cannot be written can be read all the same
            self._sitting.plant()
        shown: Task | None = None
        while self._goes_on:
            task = next(iter(self._sitting.coming()), None)
            if task is None:
                say(why_nothing(self._sitting))
            elif task != shown or list(self._text_of(task)) != self._told:
                self._tell(task)
            shown = task
            answer = ask(f"Verdict [{','.join(self._keys())}]? ")
            if answer is None:
                return
            if answer.strip():
                self._answer(task, answer.strip())

    def _keys(self) -> list[str]:
        return [each.shown.split(" ")[0] for each in actions(self._where) if _works(each) and each.name != "redo"]

    def _tell(self, task: Task) -> None:
        self._told = list(self._text_of(task))
        left = f"{self._sitting.judged:,} judged, about {self._sitting.left:,} left"
        say("\n".join(("", f"Item {short_id(task.draft_id)}, {left}.", *self._told)))
        self._asked_at = time.monotonic()

    def _text_of(self, task: Task) -> Iterator[str]:
        store = self._session.store
        content = store.contents([task.draft_id])[task.draft_id]
        for message in content.messages:
            yield f"{message.role.capitalize()}: {shortened(message.content)}"
        for number, criterion in enumerate(content.criteria, start=1):
            yield f"Expected {number}: {shortened(criterion)}"
        yield from (f"Must not: {shortened(each)}" for each in content.must_not)
        for ordinal, (draft_id, candidate) in zip(_ORDINALS, task.answers, strict=False):
            texts = [each.output for each in store.answers(candidate, [draft_id])]
            yield f"{ordinal if len(task.answers) > 1 else 'Answer'}: {shortened(''.join(texts)) or '(empty)'}"

    def _answer(self, task: Task | None, key: str) -> None:
        action = action_of(key, self._where)
        if action is None:
            say(f"{printable(key)[:20]} is no key; ? lists them.")
            return
        try:
            self._do(action, task)
        except ProjectError:
            # Its words may name a candidate.
            say("NOT SAVED: the project cannot be written now, or an answer has changed. Try again.")

    def _do(self, action: Action, task: Task | None) -> None:
        match action.name:
            case "quit" | "back":
                self._goes_on = False
            case "help":
                say(
                    "\n".join(
                        f"{each.shown.split(' ')[0]}: {each.help}" for each in actions(self._where) if _works(each)
                    )
                )
            case "undo" | "redo":
                found, about = self._sitting.take_back("undo" if action.name == "undo" else "redo")
                name = "" if about is None else f": {short_id(about.draft_id)}"
                say(f"Saved: {action.name}{name}." if found else f"Nothing to {action.name}.")
            case "reveal":
                say("\n".join(_result(self._sitting.reveal())))
                self._goes_on = False
            case "next_row" if task is not None:
                self._sitting.put_off(task)
            case "choose" if task is not None:
                self._judge(task, action.argument)
            case _:
                say(f"{action.label} needs the screen: groundset curate {self._session.path}")

    def _judge(self, task: Task, verdict: str) -> None:
        if list(self._text_of(task)) != self._told:
            say("It has changed meanwhile; read it again.")
            return
        seconds = time.monotonic() - self._asked_at
        if len(task.answers) == 2:
            self._sitting.compare(task, cast("Choice", verdict), seconds)
        else:
            self._sitting.grade(task, cast("Grade", verdict), seconds)
        self._session.judged += 1
        say(f"Saved: {short_id(task.draft_id)} {_SAID[verdict]}.")


def _works(action: Action) -> bool:
    return action.name in {"choose", "undo", "redo", "next_row", "reveal", "help", "quit"}


def _result(found: Outcome) -> Iterator[str]:
    yield "Names and result."
    for word, count in found.said.items():
        yield f"{_SAID.get(word, f'{printable(word)} is better')}: {count:,}"
    if found.rate is not None:
        does = "wins" if len(found.candidates) == 2 else "passes"
        low, high = percent(found.rate.low), percent(found.rate.high)
        rate = f"{percent(found.rate.estimate)}, {low} to {high}, of {counted(found.items, 'item')}"
        yield f"{printable(found.candidates[0])} {does} {rate}, not weighted by traffic."
    for own in found.noticed:
        yield f"Planted pairs noticed by {printable(own.actor)}: {own.noticed} of {own.planted}."
    for pair in found.agreements:
        yield f"{printable(pair.first)} and {printable(pair.second)}: {pair.agreed} of {pair.items} alike."
