"""The screens that keys lead to from everywhere, in the order of the keys; one row for each."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from curation_tui.place import PlaceScreen

PlaceName = Literal["review", "list", "clusters", "map", "runs", "export", "second", "compare", "grade"]


@dataclass(frozen=True, slots=True)
class Place:
    """A screen of its own, one key away."""

    name: PlaceName
    """Its `WHERE`, and its group in the table of actions."""
    key: str
    """Empty for Review, which esc leads back to."""
    title: str
    """As the top line and the footer call it."""
    help: str
    """What is seen there, in one sentence."""
    module: str
    screen: str
    """The class in the module; imported when it is first opened, since the first paint is of Review."""
    answers: int = 0
    """Candidates that must have answered before it is offered."""

    def load(self) -> "type[PlaceScreen]":
        """The class of the screen, which is made with the session and the glyphs."""
        found: type[PlaceScreen] = getattr(import_module(self.module), self.screen)
        return found


PLACES: tuple[Place, ...] = (
    Place("review", "", "Review", "One item, one decision, one key.", "curation_tui.review", "ReviewScreen"),
    Place("list", "l", "List", "All drafts: search, filter, act on several.", "curation_tui.listing", "ListScreen"),
    Place("clusters", "c", "Clusters", "See and shape the clusters.", "curation_tui.clusters", "ClustersScreen"),
    Place("map", "m", "Map", "See what is untested on a map of the traffic.", "curation_tui.traffic_map", "MapScreen"),
    Place("runs", "r", "Runs", "See what drafting does and costs.", "curation_tui.runs", "RunsScreen"),
    Place("export", "w", "Export", "Check the set and write it.", "curation_tui.export", "ExportScreen"),
    Place("second", "S", "Second look", "Look without knowing; settle.", "curation_tui.second_look", "SecondScreen"),
    Place("compare", "P", "Compare", "Compare answers, blind.", "curation_tui.compare", "CompareScreen", answers=2),
    Place("grade", "O", "Grade", "Grade one answer at a time, blind.", "curation_tui.grade", "GradeScreen", answers=1),
)
_offered: set[str] = {each.name for each in PLACES}


def offer(candidates: int) -> None:
    """Offer what makes sense where so many candidates have answered; the keys of the rest lead to how to get there."""
    _offered.clear()
    _offered.update(each.name for each in PLACES if each.answers <= candidates)


def is_offered(name: str) -> bool:
    """Whether a place is named in header, footer, help and palette."""
    return name in _offered


def place_of(name: str) -> Place:
    """The place of that name."""
    return next(each for each in PLACES if each.name == name)
