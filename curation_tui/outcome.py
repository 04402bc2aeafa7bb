"""What came of a blind session, once its names are shown; and how far one is, before."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote

from curation_tui.document import Block
from curation_tui.figures import counted, percent
from curation_tui.item import short_id
from curation_tui.looks import Glyphs
from curation_tui.panels import agreement_blocks
from curation_tui.safe_text import NOTHING, joined, label, line
from generator.evalset.sitting import Noticed, Outcome, Sitting

_NAME = 40
_WORDS: Mapping[str, str] = {
    "same": "no difference",
    "both_bad": "both bad",
    "pass": "passed",
    "fail": "failed",
    "unsure": "unsure",
}


def why_nothing(sitting: Sitting) -> str:
    """Why there is no task, in words."""
    if not sitting.size:
        return "No item, as it is now, has an answer of everybody who is judged here."
    if sitting.with_others:
        return "What is left is before somebody else just now."
    return "Everything here is judged. b ends the session: names and result."


def outcome_blocks(found: Outcome, actor: str, path: Path, glyphs: Glyphs) -> Iterator[Block]:
    """Names, figures, planted pairs, agreement, and what to do next."""
    yield Block(label("Names and result", "bold $secondary"))
    if found.rate is None:
        yield Block(label("Nothing was judged.", "$muted"))
    else:
        yield from _figures(found)
    preferred, of = found.left_preferred
    if of:
        yield Block(label(f"the answer on the left was preferred {preferred:,} of {counted(of, 'time')}", "$muted"))
    yield from (each for own in found.noticed for each in _noticed_blocks(own, actor, glyphs))
    yield from _people(found)
    if found.against_programs:
        shown = ", ".join(short_id(each) for each in found.against_programs[:5])
        words = f"people and programs (or the file) differ on {counted(len(found.against_programs), 'item')}: {shown}"
        yield Block(label(words, "$muted"))
    if len(found.candidates) == 2:
        command = label(f"groundset decide {quote(path.name)}", "bold")
        names = joined(*(joined(label(" "), line(quote(each), _NAME, "bold")) for each in found.candidates))
        yield Block(joined(command, names), label("What it says of production  ", "$muted"), space_before=True)
    if found.left:
        yield Block(label(f"about {found.left:,} are left; j goes on with them, names hidden again", "$muted"))


def _figures(found: Outcome) -> Iterator[Block]:
    names = {each: line(each, _NAME, "bold") for each in found.candidates}
    for word, count in found.said.items():
        better = joined(names[word], label(" better")) if word in names else label(_WORDS[word])
        yield Block(better, label(f"{count:>6,}  ", "bold"))
    assert found.rate is not None  # noqa: S101 - the caller has looked
    how = "wins" if len(found.candidates) == 2 else "passes"
    rate = f" {how} {percent(found.rate.estimate)} ({percent(found.rate.low)} to {percent(found.rate.high)})"
    yield Block(joined(names[found.candidates[0]], label(rate, "bold")), space_before=True)
    halves = "no difference and both bad count half" if how == "wins" else "unsure left out"
    seconds = "" if found.median_seconds is None else f", {found.median_seconds:.1f} s each"
    words = f"of {counted(found.items, 'item')}{seconds}; {halves}; not weighted by traffic"
    yield Block(label(words, "$muted"), label("  "))


def _noticed_blocks(own: Noticed, actor: str, glyphs: Glyphs) -> Iterator[Block]:
    if not own.planted:
        return
    who = label("you", "bold") if own.actor == actor else line(own.actor, 30, "bold")
    yield Block(joined(label("planted pairs noticed by "), who, label(f": {own.noticed} of {own.planted}")))
    if own.missed and own.actor == actor:
        missed = ", ".join(short_id(each) for each in own.missed[:5])
        yield Block(label(f"missed: {missed}", "$warning"), label(f"{glyphs.warning} ", "bold $warning"))


def _people(found: Outcome) -> Iterator[Block]:
    for pair in found.agreements:
        yield from agreement_blocks(pair, pair.first, pair.second)
    if not found.agreements:
        yield Block(label("No item was judged by two people.", "$muted"))


def progress_blocks(judged: int, left: int, seconds: float | None, keys: float | None) -> Iterator[Block]:
    """How far one is; nothing that could tell who is who, or who is better."""
    yield Block(label(f"{judged:,} judged by you, about {left:,} left"))
    pace = [] if seconds is None else [f"median {seconds:.1f} s"]
    pace += [] if keys is None else [f"{keys:.1f} keys each"]
    if pace:
        yield Block(label(", ".join(pace), "$muted"))
    yield Block(
        label(
            "Names, result, planted pairs and agreement are shown when b ends the session. What programs say of the "
            "answers is not shown before: a verdict that follows them could not correct them."
        ),
        NOTHING,
        space_before=True,
    )
