"""Review without a screen: one question at a time on standard output, one line of answer on standard input.

For screen readers, pipes and terminals that cannot draw. The keys are those of the Review screen, from the same
table; what a key needs more (a reason, tags, a note) follows it on the same line: `x 3`, `t refund late`.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from curation_tui.actions import Action, Where, actions
from curation_tui.evidence import why_next
from curation_tui.figures import counted, percent, points
from curation_tui.item import Done, Item, short_id
from curation_tui.session import Session
from curation_tui.words import step_line, tags_of
from generator.errors import ProjectError
from generator.printable import printable
from generator.records import REASONS

_LONGEST = 4_000  # characters of a text
_SPOKEN = {"later": "put off", "edited": "accepted as edited", "pinned": "accepted as the real input"}


class PlainReview:
    """Asks about one draft after the other until the queue, the input or the person ends it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._acts: dict[str, Callable[[Item | None, str], Done | str | None]] = {
            "accept": lambda item, _: session.decide("accept") if item is not None else None,
            "reject": self._reject,
            "reason": lambda _, said: session.give_reason(said),
            "later": lambda *_: session.decide("later"),
            "edit": self._edit,
            "undo": lambda *_: session.undo(),
            "redo": lambda *_: session.redo(),
            "next_item": lambda *_: None if session.move(1) else "This is the last item.",
            "previous_item": lambda *_: None if session.move(-1) else "This is the first item.",
            "next_cluster": lambda *_: None if session.next_cluster(1) else "There is no other cluster below.",
            "previous_cluster": lambda *_: None if session.next_cluster(-1) else "There is no other cluster above.",
            "flag": lambda item, _: session.flag(item.draft.id) if item is not None else None,
            "tag": lambda item, said: session.tag([item.draft.id], tags_of(said)) if item is not None else None,
            "note": lambda item, said: session.note(item.draft.id, said) if item is not None else None,
            "repeat": lambda item, _: session.repeat_remark(item.draft.id) if item is not None else None,
            "duplicate": lambda *_: session.reject_as_duplicate() or "No accepted item is near it.",
            "pin": lambda item, _: (session.pin(item) if item is not None else None) or "No real input is near it.",
            "unfold": lambda *_: f"{counted(session.unfold(), 'draft')} unfolded.",
            "history": lambda *_: "\n".join(map(step_line, session.history()[:20])) or "Nothing was decided yet.",
            "help": lambda *_: "\n".join(_help()),
        }

    def run(self) -> None:
        """Ask until there is no more."""
        self._session.rank_now()  # the first order is short, for a screen that is soon there
        shown: tuple[str | None, int] = (None, -1)
        while True:
            draft_id = self._session.current
            item = self._session.item(draft_id) if draft_id is not None else None
            if (draft_id, self._session.generation) != shown:
                say("\n".join(_told(item, self._session)))
                shown = (draft_id, self._session.generation)
            answer = ask(f"Decide [{','.join(self._keys())}]? ")
            if answer is None or not self._answer(item, answer):
                return

    def _keys(self) -> list[str]:
        first = [(each, each.shown.split(" ")[0]) for each in actions("review") if each.footer]
        return [key for each, key in first if len(key) == 1 and each.name in {*self._acts, "quit"}]

    def _answer(self, item: Item | None, answer: str) -> bool:
        """Do what an answer asks for; False where it ends the review."""
        if not answer:
            return True  # a bare return key decides nothing
        key, _, said = answer.partition(" ") if answer.strip() else (" ", "", "")
        action = action_of(key)
        if action is None:
            say(f"{printable(key)[:20]} is no key; ? lists them.")
            return True
        if action.name == "quit":
            return False
        if action.name not in self._acts:
            say(f"{action.label} needs the screen: groundset curate {self._session.path}")
            return True
        try:
            done = self._acts[action.name](item, key if action.takes_key else said.strip())
        except ProjectError as error:
            say(f"NOT SAVED. {error}")
            return True
        if isinstance(done, Done):
            say(_outcome(done))
            self._session.rank_now()
        elif done is not None:
            say(done)
        return True

    def _reject(self, _: Item | None, said: str) -> Done | None:
        done = self._session.decide("reject")
        return self._session.give_reason(said) if done is not None and said in REASONS else done

    def _edit(self, item: Item | None, said: str) -> Done | str | None:
        if item is None:
            return "This item cannot be read, so it cannot be edited."
        users = [place for place, message in enumerate(item.messages) if message.role == "user"]
        text = said or ask("New input (nothing keeps it): ")
        if text is None:
            return "Nothing was changed."
        messages = list(item.messages)
        if text and users:
            messages[users[-1]] = replace(messages[users[-1]], content=text)
        criteria = _lines("Expected behaviour, one a line, an empty line ends it (nothing keeps it): ")
        must_not = _lines("Must not, one a line, an empty line ends it (nothing keeps it): ")
        return self._session.accept_edited(
            item.draft.id, messages, criteria or item.criteria, must_not or item.must_not
        )


def _told(item: Item | None, session: Session) -> Iterator[str]:
    """An item in lines that read aloud well: what it is, the text, the evidence, why it is next."""
    progress = session.progress()
    yield ""
    if item is None:
        if session.current is None:
            yield f"Every draft is decided. Coverage {percent(progress.coverage.estimate)}. q ends."
        else:
            yield f"This item cannot be shown ({short_id(session.current)}). x rejects it, j skips it."
        return
    verdict = item.state.verdict
    flag = ", flagged" if item.state.flagged else ""
    yield f"Draft {short_id(item.draft.id)}, {verdict}{flag}, {counted(progress.left, 'draft')} left."
    yield f"Coverage {percent(progress.coverage.estimate)}, accepting adds {points(item.gain)} points."
    yield from _text_of(item)
    yield from _evidence_of(item)


def _text_of(item: Item) -> Iterator[str]:
    for mark in item.marks:
        yield f"Warning: {shortened(mark.reason)}"
    for message in item.messages:
        if message.content:
            yield f"{message.role.capitalize()}: {shortened(message.content)}"
        yield from (f"Calls {shortened(call.name)}: {shortened(call.arguments)}" for call in message.tool_calls)
    for number, criterion in enumerate(item.criteria, start=1):
        yield f"Expected {number}: {shortened(criterion)}"
    yield from (f"Must not: {shortened(each)}" for each in item.must_not)
    if item.state.tags:
        yield f"Tags: {shortened(', '.join(item.state.tags))}"
    if item.state.note:
        yield f"Note: {shortened(item.state.note)}"


def _evidence_of(item: Item) -> Iterator[str]:
    for near in item.near[:3]:
        yield f"Near in production, similarity {near.similarity:.2f}, seen {near.count} times: {shortened(near.text)}"
    if item.twin is not None:
        yield f"Nearest accepted, similarity {item.twin.similarity:.2f}: {shortened(item.twin.text)}"
    if item.cluster is not None:
        yield f"Cluster: {shortened(item.cluster.name)}, {percent(item.cluster.share)} of traffic."
    yield f"Why next: {why_next(item)}"


def _outcome(done: Done) -> str:
    if done.verb == "nothing":
        return f"Nothing {done.detail}."
    what = _SPOKEN.get(done.verb, done.verb)
    detail = f": {shortened(done.detail)}" if done.detail else ""
    before, after = done.coverage
    change = f", coverage {percent(before)} to {percent(after)}" if before != after else ""
    return f"Saved: {short_id(done.draft_id)} {what}{detail}{change}."


def action_of(key: str, where: Where = "review") -> Action | None:
    """The action of a key as typed, or of its name."""
    names = {
        ".": "full_stop",
        " ": "space",
        "]": "right_square_bracket",
        "[": "left_square_bracket",
        "?": "question_mark",
    }
    wanted = names.get(key, key)
    return next((each for each in actions(where) if wanted in each.keys or key in {each.name, each.label}), None)


def _help() -> Iterator[str]:
    for action in actions("review"):
        yield f"{action.shown.split(' ')[0]}: {action.help}"
    yield "What follows a key on its line goes with it: x 3, t refund late, n ask again. The names of actions work too."
    yield from (f"  {key} {reason}" for key, reason in REASONS.items())


def shortened(text: str) -> str:
    """A text on one line, fit to print."""
    shown = " ".join(printable(text[:_LONGEST]).split())
    return shown if len(text) <= _LONGEST else f"{shown} ({len(text) - _LONGEST:,} more characters)"


def _lines(question: str) -> tuple[str, ...]:
    found: list[str] = []
    while line := ask(question if not found else "and: "):
        found.append(line)
    return tuple(found)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def ask(question: str) -> str | None:
    """The line that was typed, or None where there will be no more."""
    sys.stdout.write(question)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        say("")
        return None
    return line.rstrip("\r\n")
