"""The Grade screen: one answer against its criteria, without knowing whose it is."""

from collections.abc import Mapping
from typing import ClassVar, cast

from curation_tui.actions import Where, bindings
from curation_tui.blind import BlindScreen
from generator.evalset.sitting import Sitting, Task
from generator.judging import Grade

_WORDS: Mapping[str, str] = {"pass": "passes", "fail": "fails", "unsure": "unsure"}


class GradeScreen(BlindScreen):
    """An item with one answer."""

    WHERE: ClassVar[Where] = "grade"
    BINDINGS = bindings(WHERE)
    COUNT = 1
    TITLES = ("answer",)
    GREETING = "As expected? Its name stays hidden."

    def words(self, said: str) -> str:
        """A verdict in words."""
        return _WORDS[said]

    def record(self, sitting: Sitting, task: Task, verdict: str, seconds: float) -> None:
        """Save whether it passes, with the criteria that were marked."""
        sitting.grade(task, cast("Grade", verdict), seconds, self._marks[0] or None)
