"""The two lines at the bottom: what the last act did, and the keys."""

from collections.abc import Iterator

from textual.content import Content

from curation_tui.actions import Where, footer, footer_key
from curation_tui.figures import percent
from curation_tui.item import Done, short_id
from curation_tui.line import Variant
from curation_tui.looks import Glyphs
from curation_tui.safe_text import blank, joined, label, line, separated

_REASONS = (
    "1 duplicate  2 unrealistic  3 wrong expected  4 private  5 vague  6 easy  7 off scope",
    "1 dup  2 unreal  3 wrong expected  4 private  5 vague  6 easy  7 scope",
    "1 dup 2 unreal 3 wrong 4 PII 5 vague 6 easy 7 scope",
)
_STYLE = {
    "accepted": "$success",
    "edited": "$success",
    "pinned": "$success",
    "rejected": "$error",
    "reason": "$error",
    "later": "$warning",
    "flagged": "$warning",
}
_ACCEPTED = {"accepted": "accepted", "edited": "accepted as edited", "pinned": "accepted as the real input"}
_MESSAGE_WIDTH = 400


def key_line(where: Where) -> tuple[Variant, ...]:
    """The keys, as many as fit, the most needed first to stay."""
    most = len(footer(where, 99))
    return tuple(Variant(_keys(where, count, gap)) for count in range(most, 0, -1) for gap in ("  ", " "))


def keys(where: Where, width: int) -> Content:
    """The keys of the footer for a border, as many as fit."""
    shown = (_keys(where, count, "  ") for count in range(len(footer(where, 99)), 1, -1))
    return next((each for each in shown if each.cell_length <= width), _keys(where, 1, "  "))


def _keys(where: Where, count: int, gap: str) -> Content:
    shown = [
        joined(label(footer_key(action), "bold $primary"), label(f" {action.label}", "$foreground"))
        for action in footer(where, count)
    ]
    return joined(label(" "), separated(shown, gap), label(" "))


def last_line(done: Done, glyphs: Glyphs) -> tuple[Variant, ...]:
    """What the last act did, and what may follow."""
    return tuple(_last(done, glyphs))


def _last(done: Done, glyphs: Glyphs) -> Iterator[Variant]:
    name, style = named(done), _STYLE.get(done.verb, "")
    undo = joined(label("u", "bold $primary"), label(" undo "))
    match done.verb:
        case "rejected":
            start = f" {glyphs.rejected} {name}"
            if done.detail:
                yield Variant(label(f"{start} rejected: {done.detail}", style), undo)
                return
            for reasons in _REASONS:
                yield Variant(joined(label(f"{start} rejected", style), label(f" {glyphs.dot} why?  {reasons}")), undo)
            yield Variant(joined(label(start, style), label(f" {glyphs.dot} why? {_REASONS[-1]}")))
            yield Variant(label(f" {glyphs.rejected} why? {_REASONS[-1]}", style))
            yield Variant(label(f" {glyphs.rejected} rejected, why? 1-7", style))
        case "accepted" | "edited" | "pinned":
            mark = {"accepted": glyphs.accepted, "edited": glyphs.edited, "pinned": glyphs.pinned}[done.verb]
            said = _ACCEPTED[done.verb]
            before, after = done.coverage
            change = f" {glyphs.dot} coverage {percent(before)} {glyphs.arrow} {percent(after)}"
            yield Variant(joined(label(f" {mark} {name} {said}", style), label(change)), undo)
            yield Variant(label(f" {mark} {name} {said}", style), undo)
        case "later":
            yield Variant(label(f" {glyphs.later} {name} put off; it comes back after the rest", style), undo)
            yield Variant(label(f" {glyphs.later} {name} put off", style), undo)
        case "reason":
            said = f" {glyphs.rejected} {name} rejected: {done.detail}"
            yield Variant(joined(label(said, style), label(" (another number changes it)", "$muted")), undo)
            yield Variant(label(said, style))
        case "tagged" | "noted":
            sign = "#" if done.verb == "tagged" else '"'
            yield Variant(joined(label(f" {name} {done.verb}: {sign}"), line(done.detail, 60)), undo)
            yield Variant(label(f" {name} {done.verb}"), undo)
        case "flagged" | "unflagged":
            said = "flagged" if done.verb == "flagged" else "is no longer flagged"
            yield Variant(label(f" {glyphs.flag} {name} {said}", style), undo)
        case "undone" | "redone":
            before, after = done.coverage
            change = f" {glyphs.dot} coverage {percent(before)} {glyphs.arrow} {percent(after)}"
            said = f" {done.verb}: {done.detail} of {name}"
            yield Variant(joined(label(said, "bold"), label(change if before != after else "")))
            yield Variant(label(said, "bold"))
        case _:
            yield Variant(label(f" Nothing {done.detail}.", "$muted"))


def named(done: Done) -> str:
    """The draft that an act touched, and how many besides."""
    return short_id(done.draft_id) + (f" and {done.others:,} more" if done.others else "")


def said(text: str, style: str = "$muted") -> tuple[Variant, ...]:
    """A sentence in the place of the last act."""
    return (Variant(joined(label(" "), line(text, _MESSAGE_WIDTH, style)), wraps=True),)


def hint(text: str) -> tuple[Variant, ...]:
    """A sentence that helps where there is room, and may be missing where there is none."""
    return (Variant(joined(label(" "), line(text, _MESSAGE_WIDTH, "$muted"))), Variant(blank(1)))
