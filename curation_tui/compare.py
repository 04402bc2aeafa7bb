"""The Compare screen: two answers to one item, and which is better, without knowing whose they are."""

from collections.abc import Mapping
from typing import ClassVar, cast

from curation_tui.actions import Where, bindings
from curation_tui.blind import BlindScreen
from generator.evalset.sitting import Sitting, Task
from generator.judging import Choice

_WORDS: Mapping[str, str] = {
    "left": "1 is better",
    "right": "2 is better",
    "same": "no difference",
    "both_bad": "both bad",
}


class CompareScreen(BlindScreen):
    """Two answers side by side, or one above the other where there is no room."""

    WHERE: ClassVar[Where] = "compare"
    BINDINGS = bindings(WHERE)
    COUNT = 2
    TITLES = ("1", "2")
    GREETING = "Which is better? Names stay hidden."

    def words(self, said: str) -> str:
        """A verdict in words."""
        return _WORDS[said]

    def record(self, sitting: Sitting, task: Task, verdict: str, seconds: float) -> None:
        """Save which of the two is better, with the criteria that were marked."""
        sitting.compare(task, cast("Choice", verdict), seconds, self._marks)

    def action_differences(self) -> None:
        """Mark the words that differ, or no longer."""
        self._differences = not self._differences
        if self._shown is not None:
            self._show_answers()
        self.say("Words that differ are marked." if self._differences else "Words that differ are no longer marked.")
