"""The tour: five steps on the demo project, each of which waits until the real thing was done with the real key."""

from dataclasses import dataclass

from textual.screen import Screen

from curation_tui.actions import actions, footer_key
from curation_tui.footer import said
from curation_tui.line import Line
from curation_tui.safe_text import joined, label

DEMO, TOURED = "demo", "toured"
"""What a project remembers: that it is the demo, and that the tour was shown."""
_END = "That was all: everything you did is saved. ? lists the keys, q leaves."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    text: str
    """What it is about; `{}` stands for the keys."""
    acts: tuple[str, ...]
    """The actions it waits for, one after the other; "open map" is the action with what it is handed."""


STEPS: tuple[Step, ...] = (
    Step(
        "This draft comes from real inputs, shown beside it. {} shows more of them.",
        ("next_evidence",),
    ),
    Step("{} accepts it. Watch coverage on top: the share of real traffic that the set tests.", ("accept",)),
    Step("{} rejects the next one, {} says that its expected behaviour is wrong.", ("reject", "reason")),
    Step("Nothing is final: {} takes the last step back, even tomorrow.", ("undo",)),
    Step("{} shows what is still untested; {} checks the set and writes it.", ("open map", "open export")),
)
_REASON = "3"


class TourLine(Line):
    """The strip with the step."""

    DEFAULT_CSS = "TourLine { height: auto; max-height: 3; background: $accent 25%; }"


class Tour:
    """How far somebody is; told of every action that was done."""

    def __init__(self) -> None:
        self._step = 0
        self._act = 0
        self.over = False
        """Whether it has ended, or was left."""

    @property
    def text(self) -> str:
        """What is to be done now."""
        if self._step >= len(STEPS):
            return _END
        step = STEPS[self._step]
        keys = [_key(each) for each in step.acts]
        return f"Tour {self._step + 1} of {len(STEPS)}: {step.text.format(*keys)}"

    def saw(self, act: str) -> None:
        """Something was done: "accept", or "open map"."""
        if self._step >= len(STEPS) or act in {"leave_tour", "back"}:
            self.over = True
            return
        if act == STEPS[self._step].acts[self._act]:
            self._act += 1
        if self._act == len(STEPS[self._step].acts):
            self._step, self._act = self._step + 1, 0

    def show_on(self, screen: Screen[object]) -> None:
        """Put the strip on a screen, change it, or take it away."""
        strips = screen.query(TourLine)
        if self.over:
            strips.remove()
            return
        if not strips:
            if not screen.query("#last"):  # a small window over the screen
                return
            strip = TourLine()
            screen.mount(strip, before="#last")
        else:
            strip = strips.first()
        strip.variants = tuple(
            type(each)(joined(each.left, label("  esc leaves the tour", "$muted")), wraps=True)
            for each in said(self.text, "bold")
        )


def _key(act: str) -> str:
    """The key of an action of the tour, as the footer shows it."""
    name, _, argument = act.partition(" ")
    if name == "reason":
        return _REASON
    found = next(each for each in actions("review") if each.name == name and each.argument == argument)
    return footer_key(found)
