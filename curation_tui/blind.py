"""What the Compare and Grade screens share: a session in which it stays hidden whose answers are judged."""

import contextlib
import re
import statistics
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from curation_tui.answer_view import LEVELS, folded, marked, shown
from curation_tui.document import Block, Document
from curation_tui.draft_view import turn
from curation_tui.figures import counted, percent
from curation_tui.framed import FramedScreen
from curation_tui.item import short_id
from curation_tui.looks import Glyphs
from curation_tui.outcome import outcome_blocks, progress_blocks, why_nothing
from curation_tui.prompt import Choice, Confirm
from curation_tui.review import BROKEN
from curation_tui.safe_text import joined, label, passage, separated
from curation_tui.session import Session
from curation_tui.sheet import Sheet
from curation_tui.ticks import Marks, Ticks, mark
from generator.errors import ProjectError
from generator.evalset.sitting import Outcome, Sitting, Task, choices_of
from generator.judging import Answer
from generator.records import Content as ItemContent

_SIDE_BY_SIDE = 100  # columns from which two answers stand beside one another
_ALL = 20  # rows from which the item and answers that lie one above the other are all seen
_TWO = 11  # rows from which two answers are
_ITEM = 0.35  # share of the rows that the item may take from its answers
_FEWEST = 4  # rows that it always has
_CRITERION = 600  # characters
_GONE = "This answer is no longer there."


class BlindScreen(FramedScreen):
    """An item with one answer, or two, whose names stay hidden until the session ends."""

    COUNT: ClassVar[int]
    """Answers to a task."""
    TITLES: ClassVar[tuple[str, ...]]
    DEFAULT_CSS = """
    BlindScreen #columns { layout: vertical; }
    BlindScreen #item { height: 35%; }
    BlindScreen #answers { height: 1fr; }
    BlindScreen #asked, BlindScreen #expected, BlindScreen .answer { border: round $rule; padding: 0 0 0 1; }
    BlindScreen #asked, BlindScreen .answer { width: 1fr; }
    BlindScreen #expected { width: 42%; }
    BlindScreen .-chosen { border: round $primary; }
    BlindScreen.-ascii #asked, BlindScreen.-ascii #expected, BlindScreen.-ascii .answer { border: ascii $rule; }
    BlindScreen.-ascii .-chosen { border: ascii $primary; }
    BlindScreen.-stacked #answers { layout: vertical; }
    BlindScreen.-stacked .answer { height: 1fr; }
    BlindScreen.-stacked #expected { display: none; }
    BlindScreen .-away { display: none; }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._names: tuple[str, ...] = ()
        """What must not be shown."""
        self._sitting: Sitting | None = None
        self._shown: Task | None = None
        self._texts: list[str | None] = []
        self._content: ItemContent | None = None
        self._read_at = -1
        """The version of the project in which both were read."""
        self._marks: Marks = ()
        self._level = 0
        self._new = True
        """Whether the task is shown for the first time, and so from its beginning."""
        self._differences = True
        self._turned = ""
        """The part that the person turned to; empty where they did not."""
        self._done: list[Task] = []
        self._back = 0
        """How many steps back in `_done` is looked; 0 is the next task."""
        self._outcome: Outcome | None = None
        self._since = time.monotonic()
        self._keys = 0
        self._looks: list[float] = []

    def body(self) -> ComposeResult:
        """The item above its answers."""
        with Vertical():
            with Horizontal(id="item"):
                yield Document(id="asked")
                yield Document(id="expected")
            with Horizontal(id="answers"):
                for number in range(self.COUNT):
                    yield Document(id=f"answer-{number}", classes="answer")

    def on_resize(self, event: events.Resize) -> None:
        """Lay out for the new size."""
        self.set_class(event.size.width < _SIDE_BY_SIDE, "-stacked")
        super().on_resize(event)

    def on_key(self) -> None:
        """Count what a judgement takes."""
        self._keys += 1

    # What is shown ------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what there is to judge; the task shown stays."""
        self._names = tuple(self._session.store.candidates())
        if self._sitting is None:
            self._begin(self._chosen())
        else:
            self._sitting.take()
        if self._has_changed():
            self.say("It has changed meanwhile; read it again.", "$warning")

    def _chosen(self) -> tuple[str, ...]:
        session = self._session
        if len(session.candidates) == self.COUNT:
            return session.candidates
        return next(iter(choices_of(session.store, session.actor, self.COUNT)), ())

    def _begin(self, candidates: tuple[str, ...]) -> None:
        if not candidates:
            return
        self._sitting = Sitting(self._session.store, self._session.actor, candidates)
        self._shown, self._outcome, self._done, self._back = None, None, [], 0
        with contextlib.suppress(ProjectError):  # a project that cannot be written can be looked at all the same
            self._sitting.plant()

    def show(self) -> None:
        """Show the task, or why there is none."""
        if self._outcome is not None:
            self._show_words(
                "Result", outcome_blocks(self._outcome, self._session.actor, self._session.path, self._glyphs)
            )
            return
        if self._sitting is None:
            self._show_words("No answers", self._no_answers())
            return
        if self._shown is None:
            try:
                self._take_up(next(iter(self._sitting.coming()), None))
            except ProjectError as error:
                self.complain(error)
                return
        if self._shown is None:
            self._show_words("Nothing waits", [Block(label(why_nothing(self._sitting)))])
            return
        self._arrange()
        self._show_item(stay=not self._new)
        self._show_answers(stay=not self._new)
        self._new = False

    def _no_answers(self) -> Iterator[Block]:
        path = self._session.path.name
        yield Block(label(f"There is nothing to {self.WHERE} yet: too few candidates have answered."))
        yield Block(
            label(f"groundset answers {path} NAME=FILE", "bold"), label("Read answers made elsewhere  ", "$muted")
        )
        yield Block(
            label(f"groundset shadow {path} --model MODEL", "bold"), label("Or let a model answer        ", "$muted")
        )

    def _show_words(self, title: str, blocks: Sequence[Block] | Iterator[Block]) -> None:
        asked = self.query_one("#asked", Document)
        self._see({"item", "asked"})
        asked.border_title, asked.border_subtitle = label(title, "bold"), label("")
        asked.show(blocks)

    def _take_up(self, task: Task | None) -> None:
        """Make a task the one that is shown."""
        self._shown, self._level, self._new = task, 0, True
        self._marks = tuple({} for _ in range(self.COUNT))
        self._since, self._turned = time.monotonic(), ""
        if task is None:
            return
        self._read(task)
        self.call_after_refresh(self._look_ahead)

    def _read(self, task: Task) -> None:
        store = self._session.store
        self._read_at = store.data_version()
        self._texts, self._content = [None] * self.COUNT, None
        with contextlib.suppress(*BROKEN):  # what cannot be read can be put off
            self._texts = [_first(store.answers(candidate, [draft_id])) for draft_id, candidate in task.answers]
            self._content = store.contents([task.draft_id]).get(task.draft_id)

    def _has_changed(self) -> bool:
        """Whether another process has changed what is on the screen, which is read again then."""
        if self._shown is None or self._session.store.data_version() == self._read_at:
            return False
        before = self._texts, self._content
        self._read(self._shown)
        return before != (self._texts, self._content)

    def _look_ahead(self) -> None:
        """Once the task is on the screen: keep it for this person, and draw up the next."""
        if self._shown is None or self._sitting is None:
            return
        with contextlib.suppress(ProjectError):
            self._session.keep(self._shown.draft_id)
            self._sitting.coming(2)

    # Where things lie ---------------------------------------------------------------------------

    @property
    def _rows(self) -> int:
        return self.size.height - 2

    @property
    def _parts(self) -> tuple[str, ...]:
        """What tab goes through; what is shown first comes first."""
        each = tuple(f"answer-{number}" for number in range(self.COUNT))
        item = ("asked", "expected") if not self.has_class("-stacked") else ("asked",)
        if self.has_class("-stacked") and self._rows < _TWO:
            return (*item, *each)
        if self.has_class("-stacked") and self._rows < _ALL:
            return (*item, "answers") if self.COUNT > 1 else (*item, *each)
        return ("answers", *item, *each) if self.COUNT > 1 else (*each, *item)

    @property
    def _part(self) -> str:
        """The part that keys scroll, and that is seen where only one is."""
        parts = self._parts
        return self._turned if self._turned in parts else parts[0]

    def _arrange(self) -> None:
        """Show the panes that fit, the chosen one among them."""
        names = {f"answer-{number}" for number in range(self.COUNT)}
        if not self.has_class("-stacked") or self._rows >= _ALL:
            self._see({"item", "asked", "expected", "answers", *names})
        elif self._part == "asked":
            self._see({"item", "asked"})
        elif self._part == "answers":
            self._see({"answers", *names})
        else:
            self._see({"answers", self._part})
        chosen = names if self._part == "answers" else {self._part}
        for pane in self.query(Document):
            pane.set_class(pane.id in chosen, "-chosen")

    def _see(self, seen: set[str]) -> None:
        for name in ("item", "asked", "expected", "answers", *(f"answer-{number}" for number in range(self.COUNT))):
            self.query_one(f"#{name}").set_class(name not in seen, "-away")
        if "answers" not in seen:
            self.query_one("#item").styles.height = "1fr"

    def _fit(self) -> None:
        """Give the item the rows that it needs, up to a third, and the rest to the answers."""
        panes = [each for each in self.query("#asked, #expected").results(Document) if each.display]
        if self.query_one("#answers").has_class("-away") or not panes:
            return
        needed = max(each.get_content_height(each.size, each.size, each.content_size.width) for each in panes) + 2
        height = min(needed, max(round(_ITEM * self._rows), _FEWEST))
        styles = self.query_one("#item").styles
        if styles.height is None or styles.height.value != height or not styles.height.is_cells:
            styles.height = height

    def _show_item(self, *, stay: bool = True) -> None:
        task, sitting, content = self._shown, self._sitting, self._content
        if task is None or sitting is None:
            return
        asked, expected = self.query_one("#asked", Document), self.query_one("#expected", Document)
        share, dot = sitting.share(task), self._glyphs.dot
        stands_for = "" if share is None else f" {dot} stands for {percent(share)} of traffic"
        asked.border_title = self._title("asked", f"{short_id(task.draft_id)} {dot} input{stands_for}")
        asked.border_subtitle = label(f"{sitting.judged:,} judged {dot} about {sitting.left:,} left")
        expected.border_title = self._title("expected", "expected")
        if content is None:
            asked.show([Block(label("This item cannot be shown; j goes on."))])
            expected.show([])
            return
        wanted = list(self._expected(content))
        stacked = self.has_class("-stacked")
        turns = [block for message in content.messages for block in turn(message, brief=stacked)]
        asked.show([*turns, *wanted] if stacked else turns, stay=stay)
        expected.show(wanted, stay=stay)
        if asked.content_size.width > 1:
            self._fit()
        else:
            self.call_after_refresh(self._fit)

    def _expected(self, content: ItemContent) -> Iterator[Block]:
        stacked = self.has_class("-stacked")
        for number, (text, forbidden) in enumerate(_criteria(content), start=1):
            sign = f"{self._glyphs.rejected} " if forbidden else f"{number} "
            marks = [mark(each.get(text), self._glyphs) for each in self._marks] if any(self._marks) else []
            head = joined(label(sign, "$error" if forbidden else "$muted"), *marks, label(" " if marks else ""))
            if number == 1 and stacked:
                head = joined(label("EXPECTED ", "bold $secondary"), head)
            yield Block(passage(text, characters=_CRITERION), head)
        if content.reference is not None:
            yield Block(label("REFERENCE ANSWER", "bold $secondary"))
            yield Block(passage(content.reference))

    def _show_answers(self, *, stay: bool = True) -> None:
        texts = [_GONE if each is None else each for each in self._texts]
        contents = [shown(each, self._level) for each in texts]
        if self._differences and len(contents) == 2:
            contents = list(marked(*contents))
        for number, (text, content) in enumerate(zip(texts, contents, strict=True)):
            pane = self.query_one(f"#answer-{number}", Document)
            size = f" {self._glyphs.dot} {len(text):,} characters" if len(text) > LEVELS[0][0] else ""
            pane.border_title = self._title(pane.id or "", f"{self.TITLES[number]}{size}")
            pane.border_subtitle = label("z shows more" if folded(text, self._level) else "")
            content = content if text.strip() else label("(the answer is empty)", "$muted")
            pane.show([Block(content)], stay=stay)
        self._say_verdict()

    def _say_verdict(self) -> None:
        """What the person said of a task that they look at again."""
        said = self._sitting.said(self._shown) if self._sitting is not None and self._shown is not None else None
        if said is not None and self._back:
            self.say(f"You said: {self.words(said)}. Another verdict takes its place.")

    def _title(self, name: str, words: str) -> Content:
        answers = self._part == "answers" and name.startswith("answer")
        here = name == self._part or answers
        return separated([*([label(self._glyphs.cursor, "bold $primary")] if here else []), label(words, "bold")], " ")

    # Judging ------------------------------------------------------------------------------------

    @abstractmethod
    def words(self, said: str) -> str:
        """A verdict in words."""

    @abstractmethod
    def record(self, sitting: Sitting, task: Task, verdict: str, seconds: float) -> None:
        """Save a verdict.

        Raises:
            ProjectError: it could not be saved.
        """

    def action_choose(self, verdict: str) -> None:
        """Give a verdict, and go on."""
        task, sitting = self._shown, self._sitting
        unread = self._content is None or None in self._texts
        if task is None or sitting is None or self._outcome is not None or unread:
            self.app.bell()
            return
        seconds = time.monotonic() - self._since
        try:
            # A verdict must be on the texts that were read, not on those that came in their place.
            if self._has_changed():
                self.show()
                self.say("It has changed meanwhile; read it again.", "$warning")
                self.app.bell()
                return
            self.record(sitting, task, verdict, seconds)
        except ProjectError as error:
            self.complain(error)
            return
        self._session.judged += 1
        self._looks.append(seconds)
        if task not in self._done:
            self._done.append(task)
        self._go_to(max(self._back - 1, 0))
        self.say(f"{self._glyphs.accepted} saved: {short_id(task.draft_id)} {self.words(verdict)}", "$success")

    def _go_to(self, back: int) -> None:
        """Show the next task, or one of those judged before."""
        self._back = back
        self._take_up(self._done[-back] if back else None)
        self.show()

    def action_undo(self) -> None:
        """Take back the last judgement."""
        self._take_back("undo")

    def action_redo(self) -> None:
        """Take back the last undo."""
        self._take_back("redo")

    def _take_back(self, verb: str) -> None:
        sitting = self._sitting
        if sitting is None:
            self.app.bell()
            return
        try:
            found, task = sitting.take_back("undo" if verb == "undo" else "redo")
        except ProjectError as error:
            self.complain(error)
            return
        if not found:
            self.say(f"Nothing to {verb}. What was judged before names were shown stays.")
            return
        self._outcome = None
        about = "a judgement of other answers" if task is None else short_id(task.draft_id)
        if task is not None and verb == "undo":
            self._done = [each for each in self._done if each != task]
            self._back = 0
            self._take_up(task)
            self.show()
        else:
            if task is not None:
                self._done.append(task)
            self._go_to(0)
        self.say(f"{'undone' if verb == 'undo' else 'redone'}: {about}")

    def action_tick(self) -> None:
        """Say which criteria are met."""
        rows = [] if self._shown is None or self._content is None else _criteria(self._content)
        if not rows:
            self.app.bell()
            return
        self.app.push_screen(Ticks(rows, self._marks, self._glyphs), self._ticked)

    def _ticked(self, marks: Marks | None) -> None:
        if marks is not None:
            self._marks = marks
            self._show_item()
            self.say("Kept until the verdict, and saved with it." if any(marks) else "No criterion is marked.")

    def complain(self, error: ProjectError) -> None:
        """Say what cannot be done, and why; whose answer it is about stays hidden."""
        text = str(error)
        for name in sorted(self._names, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "somebody", text)
        super().complain(ProjectError(text))

    # The end ------------------------------------------------------------------------------------

    def action_reveal(self) -> None:
        """End the session, if that is meant."""
        sitting = self._sitting
        if sitting is None or self._outcome is not None:
            self.app.bell()
            return
        said = f"{counted(sitting.judged, 'task')} judged, about {sitting.left:,} left."
        after = "Names cannot be hidden again, and nothing judged so far can be changed after."
        self.app.push_screen(
            Confirm("End the session and show names?", [Block(label(f"{said} {after}"))]), self._reveal
        )

    def _reveal(self, yes: bool | None) -> None:
        if not yes or self._sitting is None:
            return
        try:
            self._outcome = self._sitting.reveal()
        except ProjectError as error:
            self.complain(error)
            return
        self._done, self._back, self._shown = [], 0, None
        self.show()
        self.say(
            f"{self._glyphs.accepted} saved: names were shown. j goes on with what is left, esc leaves.", "$success"
        )

    def action_report(self) -> None:
        """How far this person is."""
        if self._sitting is None:
            self.app.bell()
            return
        seconds = statistics.median(self._looks) if self._looks else None
        keys = self._keys / len(self._looks) if self._looks else None
        blocks = list(progress_blocks(self._sitting.judged, self._sitting.left, seconds, keys))
        self.app.push_screen(Sheet(label("How far you are"), blocks))

    def action_candidates(self) -> None:
        """Judge the answers of others."""
        store, actor = self._session.store, self._session.actor
        found = choices_of(store, actor, self.COUNT)
        if len(found) < 2:
            self.say(f"There is nothing else to {self.WHERE}.")
            self.app.bell()
            return
        what = "pair" if self.COUNT == 2 else "candidate"
        sittings = [Sitting(store, actor, each) for each in found]
        rows = [
            label(f"{what} {number}: {each.judged:,} judged by you, about {each.left:,} left")
            for number, each in enumerate(sittings, start=1)
        ]
        self.app.push_screen(
            Choice(f"Which {what}? Names stay hidden", rows, self._glyphs),
            lambda row: None if row is None else self._change(found[row]),
        )

    def _change(self, candidates: tuple[str, ...]) -> None:
        self._begin(candidates)
        self.show()

    # Looking ------------------------------------------------------------------------------------

    def action_next_row(self) -> None:
        """Put the task off; after the end, go on with what is left."""
        sitting = self._sitting
        if self._outcome is not None:
            self._outcome = None
            self._go_to(0)
        elif sitting is None or self._shown is None:
            self.app.bell()
        elif self._back:
            self._go_to(self._back - 1)
        else:
            sitting.put_off(self._shown)
            self._go_to(0)
            self.say("Put off; it comes back after the rest.")

    def action_previous_row(self) -> None:
        """Look at the task judged before."""
        if self._outcome is not None or self._back >= len(self._done):
            self.app.bell()
            return
        self._go_to(self._back + 1)

    def action_unfold(self) -> None:
        """Show more of what is folded."""
        self._fold_to(self._level + 1)

    def action_fold(self) -> None:
        """Fold it again."""
        self._fold_to(0)

    def _fold_to(self, level: int) -> None:
        some = any(folded(each or "", self._level) for each in self._texts)
        if self._shown is None or level == self._level or (level > self._level and not some):
            self.app.bell()
            return
        self._level = level
        self._show_answers()

    def action_turn(self) -> None:
        """Go to the next part."""
        self._turn(1)

    def action_turn_back(self) -> None:
        """Go to the part before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        if self._shown is None:
            self.app.bell()
            return
        parts = self._parts
        place = parts.index(self._part)
        self._turned = parts[(place + step) % len(parts)]
        self.show()

    def action_page_down(self) -> None:
        """Scroll down."""
        self._scroll(1)

    def action_page_up(self) -> None:
        """Scroll up."""
        self._scroll(-1)

    def _scroll(self, pages: int) -> None:
        ended = self._outcome is not None or self._shown is None
        panes = [each for each in self.query(Document) if each.id == "asked" or not ended]
        panes = [each for each in panes if ended or each.has_class("-chosen")]
        if pages > 0 and not ended and all(each.at_end for each in panes) and self._has_more(panes):
            self._fold_to(self._level + 1)
        for pane in panes:
            pane.turn_page(pages)

    def _has_more(self, panes: Sequence[Document]) -> bool:
        """Whether one of these panes holds an answer that is folded."""
        texts = {f"answer-{number}": text or "" for number, text in enumerate(self._texts)}
        return any(folded(texts.get(pane.id or "", ""), self._level) for pane in panes)


def _first(answers: Sequence[Answer]) -> str | None:
    return answers[0].output if answers else None


def _criteria(content: ItemContent) -> list[tuple[str, bool]]:
    """What is expected of an answer, and of each whether it is something that must not happen."""
    return [*((each, False) for each in content.criteria), *((each, True) for each in content.must_not)]
