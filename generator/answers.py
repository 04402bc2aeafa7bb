"""Answers in words: what the command line shows of gaps, mirages and scores."""

from typing import TYPE_CHECKING, Any

from generator.narration import percent, show, show_table
from generator.printable import one_line

if TYPE_CHECKING:
    from generator.assessment import GapsAnswer, MirageAnswer, ScoreAnswer
    from generator.evalset.scoring import Difference, Score

_ROWS = 5
"""How many of a list are shown."""
_CLUSTERS = 15
_OWN_SIZES = (10, 80, 640)
"""Numbers of own traces that the mirage table shows beside the benchmarks."""


def show_gaps(answer: "GapsAnswer", limit: int, most: float) -> None:
    """What a set of items leaves untested, by cluster, and what of it nobody asks."""
    figures = answer.as_json(exemplars=1)
    coverage, share, unseen = (answer.gaps.coverage, answer.gaps.gap_share, answer.gaps.unseen_mass)
    show(f"{len(answer.items):,} items test {_span(coverage)} of the traffic")
    show(f"{_span(share)} of the traffic lies in groups more likely untested than tested")
    show(f"about {percent(unseen.estimate)} of the next inputs ask what these logs do not hold ({_range(unseen)})")
    words = {
        "covered": f"covered: at most {percent(most)} is untested",
        "gaps": f"gaps: more than {percent(most)} is untested",
        "unsure": f"unsure: the evidence does not say whether more than {percent(most)} is untested",
    }
    show(words[answer.verdict])
    show()
    show_table(
        ["#untested", "#traffic", "cluster", "typical input", "#same need", "nearest item"],
        [
            (
                percent(gap["uncovered"]),
                percent(gap["share"]),
                one_line(gap["name"], 26),
                one_line(gap["exemplars"][0] if gap["exemplars"] else "", 34),
                f"{100 * gap['same_need']:.0f} %",
                one_line(gap["nearest_item"] or "none", 26),
            )
            for gap in figures["clusters"][:limit]
        ],
    )
    for title, rows in (
        ("nobody asks this:", [one_line(text, 100) for text in figures["off_traffic"]]),
        ("near-copies:", [" = ".join(one_line(text, 50) for text in pair["items"]) for pair in figures["near_copies"]]),
    ):
        if rows:
            show(f"{title}")
            for row in rows[:_ROWS]:
                show(f"  {row}")
            if len(rows) > _ROWS:
                show(f"  and {len(rows) - _ROWS} more")


def _span(found: Any) -> str:
    return f"{percent(found.estimate)} ({_range(found)})"


def _range(found: Any) -> str:
    return f"{percent(found.low)} to {percent(found.high)}"


def show_mirage(answer: "MirageAnswer") -> None:
    """What benchmarks reach, beside random traces of the same traffic."""
    rows = [
        (
            one_line(each.name, 40),
            f"{len(each.items):,}",
            percent(each.reach.share.estimate),
            _range(each.reach.share),
            f"{each.reach.worth.estimate:.1f}",
        )
        for each in answer.benchmarks
    ]
    rows += [
        ("random traces of your own", f"{size:,}", percent(share), "", f"{size:,}")
        for size, share in zip(answer.own.sizes, answer.own.shares, strict=True)
        if size in _OWN_SIZES
    ]
    show_table(["items", "#number", "#traffic reached", "#interval", "#worth in own traces"], rows)
    if answer.unreached:
        names = ", ".join(one_line(name, 30) for name in answer.unreached[:_ROWS])
        show(f"{len(answer.unreached)} clusters that none of them reaches, the largest: {names}")
    show("Closeness of topic is not sameness of task: if anything, the benchmarks are flattered.")


def show_score(answer: "ScoreAnswer") -> None:
    """What results say of production, the clusters, and the failures found beside it."""
    _show_one_score("A: " if answer.second else "", answer.first)
    if answer.second is not None:
        _show_one_score("B: ", answer.second)
    if answer.difference is not None:
        _show_difference(answer.difference)
    _show_clusters_scored(answer.first)
    _show_edge_cases(answer.first)
    for line in (*answer.unknown, answer.warning):
        if line:
            show(line)


def _show_one_score(label: str, found: "Score") -> None:
    if found.estimate is None:
        show(f"{label}{found.note}")
        return
    show(f"{label}handles {percent(found.estimate)} of production ({_range(found)})")
    show(f"  {found.items} random items, worth {found.effective_n:.0f} of a simple random sample. {found.note}")
    if found.untested_share > 0:
        low, high = found.bounds
        show(f"  with untested traffic all failing or all passing: {percent(low)} to {percent(high)}")


def _show_difference(gap: "Difference") -> None:
    if gap.estimate is None:
        show(f"B less A: {gap.verdict}, no random item has both results")
        return
    points = f"{100 * gap.estimate:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
    show(f"B less A: {points}: {gap.verdict}")
    if gap.more_items:
        show(f"  about {gap.more_items:,} more random items would settle a difference of this size")


def _show_clusters_scored(found: "Score") -> None:
    tested = [each for each in found.clusters if each.production.items or each.discovery.items]
    if not tested:
        return
    show()
    show_table(
        ["cluster", "#traffic", "#random", "#passed", "#found", "#passed"],
        [
            (
                one_line(each.name, 36),
                percent(each.share),
                str(each.production.items),
                _rate(each.production.estimate),
                str(each.discovery.items),
                _rate(each.discovery.estimate),
            )
            for each in tested[:_CLUSTERS]
        ],
    )


def _show_edge_cases(found: "Score") -> None:
    if not found.edge_cases:
        return
    show()
    show("These find failures; they are no part of the score:")
    show_table(
        ["origin", "kind", "#items", "#passed", "#interval"],
        [
            (each.origin, each.kind, str(each.rate.items), _rate(each.rate.estimate), _range(each.rate))
            for each in found.edge_cases
        ],
    )


def _rate(share: float | None) -> str:
    return "" if share is None else percent(share)
