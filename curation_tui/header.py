"""The two lines on top: where we are and whether it is saved; coverage, goal and what this item adds."""

from datetime import datetime

from textual.content import Content

from curation_tui.figures import percent, points
from curation_tui.item import Item, Progress, Tally
from curation_tui.line import Variant
from curation_tui.looks import Glyphs, bar
from curation_tui.places import PLACES, is_offered
from curation_tui.safe_text import NOTHING, joined, label, line
from curation_tui.session import Session


def top_line(
    project: str, actor: str, screen: str, saved_at: datetime | None, glyphs: Glyphs, *, failed: bool
) -> tuple[Variant, ...]:
    """Project, screen, curator, and the time of the last commit, or that it failed."""
    name = joined(label(" groundset", "bold $primary"), label("  "), line(project, 40, "bold"))
    here = label(f"  [{screen}]", "$muted")
    who = line(actor, 24, "$muted")
    state = saved(saved_at, glyphs, failed=failed)
    between = label(f" {glyphs.dot} ", "$muted") if state else NOTHING
    right = joined(who, between, state, label(" "))
    return (
        Variant(joined(name, here, _doors(screen)), right),
        Variant(joined(name, here), right),
        Variant(name, joined(state, label(" "))),
        Variant(label(" groundset", "bold $primary"), joined(state, label(" "))),
    )


def who_decides(session: Session) -> str:
    """The person, and whether they decide without knowing what others did."""
    return f"{session.actor}, blind" if session.store.blind else session.actor


def _doors(screen: str) -> Content:
    """The other places with their keys."""
    doors = [
        joined(label(f"  {each.key} ", "bold $primary"), label(each.title, "$muted"))
        for each in PLACES
        if each.key and each.title != screen and is_offered(each.name)
    ]
    return joined(*doors)


def saved(at: datetime | None, glyphs: Glyphs, *, failed: bool) -> Content:
    """A tick and the time of the commit; nothing before there was one."""
    if failed:
        return label(f"NOT SAVED {glyphs.rejected}", "bold $error")
    return NOTHING if at is None else label(f"saved {at:%H:%M:%S} {glyphs.accepted}", "$success")


def coverage_line(progress: Progress, item: Item | None, tally: Tally, glyphs: Glyphs) -> tuple[Variant, ...]:
    """Coverage with its bar and goal, the gain of the item shown, and how far the goal is."""
    coverage, goal = progress.coverage, progress.goal
    margin = f" {glyphs.margin}{100 * (coverage.high - coverage.low) / 2:.1f}" if coverage.high > coverage.low else ""
    gain = f"accept {glyphs.arrow} {percent(coverage.estimate + item.gain)} ({points(item.gain)})" if item else ""
    short_gain = f"accept {points(item.gain)}" if item else ""
    distance = to_goal(progress)
    counts = (
        f"{glyphs.accepted}{tally.accepted} {glyphs.edited}{tally.edited} "
        f"{glyphs.rejected}{tally.rejected} {glyphs.later}{tally.later} "
    )
    reached = label(percent(coverage.estimate), "bold")

    def short(width: int, gap: str) -> Content:
        meter = _meter(coverage.estimate, goal, width, glyphs)
        return joined(label(" "), reached, label(" "), meter, label(f" {goal:.0%}{gap}{short_gain}{gap}{distance}"))

    return (
        Variant(
            joined(
                label(" Coverage "),
                reached,
                label(f"{margin} ", "$muted"),
                _meter(coverage.estimate, goal, 28, glyphs),
                label(f" goal {goal:.0%}   {gain}"),
            ),
            label(f"{distance} "),
        ),
        Variant(short(20, "   "), label(counts, "$muted")),
        Variant(short(12, "  "), label(counts, "$muted")),
        Variant(short(12, "  ")),
        Variant(joined(label(" "), reached, label(f" of {goal:.0%}  {short_gain}"))),
    )


def to_goal(progress: Progress) -> str:
    """How many accepts are left to the goal, in words."""
    if progress.coverage.estimate >= progress.goal:
        return "goal reached"
    if progress.to_goal is None:
        return "goal out of reach" if progress.listed >= progress.left else f"over {progress.listed} to goal"
    return f"{progress.to_goal} to goal"


def _meter(share: float, goal: float, width: int, glyphs: Glyphs) -> Content:
    filled, empty = bar(share, width, glyphs)
    row = filled + empty
    limit = min(round(goal * width), width - 1)
    left, right = glyphs.bar_ends
    if share < goal:
        row = row[:limit] + glyphs.tick + row[limit + 1 :]
    whole = len(filled)
    return joined(
        label(left, "$muted"),
        label(row[:whole], "$success" if share >= goal else "$primary"),
        label(row[whole:], "$muted"),
        label(right, "$muted"),
    )
