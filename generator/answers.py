"""Answers in words: what the command line shows of gaps, mirages and scores."""

from typing import TYPE_CHECKING, Any

from generator.narration import percent, show, show_table
from generator.printable import one_line

if TYPE_CHECKING:
    from generator.assessment import GapsAnswer, MirageAnswer, Order, ScoreAnswer
    from generator.evalset.leaderboard import Reordered
    from generator.evalset.scoring import Difference, Score
    from generator.traffic.mirage import Worth

_ROWS = 5
"""How many of a list are shown."""
_CLUSTERS = 15
_OWN_SIZES = (10, 80, 640)
"""Numbers of own traces that the mirage table shows beside the benchmarks."""
_MOSTLY = 0.5
"""Unreached share of traffic from which on an order of models says little."""


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


def show_mirage(answer: "MirageAnswer", clusters: int) -> None:
    """What benchmarks reach, beside random traces of the same traffic, overall and in its largest clusters."""
    most = answer.own.curve.largest
    rows = [
        (
            one_line(each.name, 40),
            f"{len(each.items):,}",
            percent(each.reach.share.estimate),
            _range(each.reach.share),
            worth(each.reach.worth, most),
        )
        for each in answer.benchmarks
    ]
    rows += [
        ("random traces of your own", f"{size:,}", percent(answer.own.curve.share(size)), "", f"{size:,}")
        for size in dict.fromkeys((*_OWN_SIZES, most))
        if size <= most
    ]
    show_table(["items", "#number", "#traffic reached", "#interval", "#worth in own traces"], rows)
    if answer.trust.enough:
        show(f"What the shares can be held against: {answer.trust.reason}.")
    else:
        show(f"The evidence is thin: {answer.trust.reason}.")
    if answer.unreached:
        names = ", ".join(one_line(name, 30) for name in answer.unreached[:_ROWS])
        show(f"{len(answer.unreached)} clusters that none of them reaches, the largest: {names}")
    show("Closeness of topic is not sameness of task: if anything, the benchmarks are flattered.")
    if clusters:
        _show_evidence(answer, clusters)
    if answer.order is not None:
        _show_order(answer.order)


def worth(found: "Worth", most: int) -> str:
    """What a benchmark is worth in random traces, in words; `most` were drawn at most."""
    if found.beyond:
        return f"more than {most:,}"
    if found.estimate < 1:
        # Such a share is all tail of the curve of distances, and how thin that is nobody knows.
        return "less than 1"
    high = f"more than {most:,}" if found.high >= most else _traces(found.high)
    return f"{_traces(found.estimate)} ({_traces(found.low)} to {high})"


def _traces(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"


def _show_evidence(answer: "MirageAnswer", clusters: int) -> None:
    show()
    show_table(
        ["cluster", "#traffic", "#reached", "most by", "its nearest item"],
        [
            (
                one_line(name, 30),
                percent(share),
                percent(reached) if 2 * reached >= 1 else f"not: {percent(reached)}",
                one_line(benchmark, 16),
                one_line(item, 44),
            )
            for name, share, reached, benchmark, item in answer.evidence(clusters)
        ],
    )


def _show_order(order: "Order") -> None:
    show()
    if order.reordered is None:
        show("None of the benchmarks reaches any of the traffic: the order of their models says nothing about it.")
    else:
        _show_models(order.reordered)
        weights = ", ".join(f"{one_line(name, 30)} {percent(each.estimate)}" for name, each in order.weights.items())
        show(f"Weighted by the traffic that is each benchmark's own: {weights}.")
    unreached = (
        f"{percent(order.unreached.estimate)} of the traffic ({_range(order.unreached)}) is reached by none of them"
    )
    if order.unreached.estimate > _MOSTLY:
        show(f"{unreached}: the reordered table still says little about it.")
    else:
        show(f"{unreached}, and of that the table says nothing.")
    for each in order.omitted:
        show(f"left out: {each}")


def _show_models(reordered: "Reordered") -> None:
    last = len(reordered.models) - 1
    show_table(
        ["model", "#by traffic", "#rank", "#plain mean", "#rank", "#moves", "before the next"],
        [
            (
                one_line(each.model, 40),
                percent(each.weighted),
                str(each.weighted_rank),
                percent(each.mean),
                str(each.rank),
                f"{each.rank - each.weighted_rank:+d}" if each.rank != each.weighted_rank else "",
                "" if number == last else "yes" if each.leads_next else "cannot tell",
            )
            for number, each in enumerate(reordered.models)
        ],
    )
    words = {
        "changed": "The order changes, wherever in their intervals the shares lie.",
        "same": "The order stays as it is, wherever in their intervals the shares lie.",
        "cannot tell": "Cannot tell whether the order changes: it depends on where in their intervals the shares lie.",
    }
    show(words[reordered.verdict])


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
