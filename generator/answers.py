"""Answers in words: what the command line shows of gaps, mirages, scores and decisions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from generator.narration import money, percent, show, show_table
from generator.printable import one_line

if TYPE_CHECKING:
    from generator.assessment import GapsAnswer, MirageAnswer, Order, ScoreAnswer
    from generator.decision import Decision, Figure
    from generator.evalset.answering import Checked, TakenIn
    from generator.evalset.evidence import Judgement
    from generator.evalset.leaderboard import Reordered
    from generator.evalset.scoring import Difference, Rate, Score
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
    rows = _benchmark_rows(answer, 40)
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


def _benchmark_rows(answer: "MirageAnswer", width: int) -> list[tuple[str, ...]]:
    """Name, of so many cells at most, size, share with interval and worth of each benchmark."""
    return [
        (
            one_line(each.name, width),
            f"{len(each.items):,}",
            percent(each.reach.share.estimate),
            _range(each.reach.share),
            worth(each.reach.worth, answer.own.curve.largest),
        )
        for each in answer.benchmarks
    ]


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


def show_taken_in(taken: "Sequence[TakenIn]", checked: "Checked") -> None:
    """What became of files of answers, and what programs could decide of them."""
    for each in taken:
        for line in each.lines():
            show(line)
    waiting = checked.criteria - checked.passed - checked.failed
    show(
        f"programs decide {checked.passed + checked.failed:,} of {checked.criteria:,} criteria of {checked.answers:,} "
        f"answers ({checked.failed:,} failed); {waiting:,} wait for people"
    )


CLUSTER_COLUMNS = ("cluster", "#traffic", "#random", "#A", "#B", "#found", "#A", "#B", "#for A", "#for B")
KIND_COLUMNS = ("origin", "kind", "#items", "#A", "#B")
COST_COLUMNS = ("candidate", "#cost of one", "#of all", "#time, median", "#95 % within")


def show_decision(found: "Decision") -> None:
    """What the evidence says of two candidates."""
    for line in verdict_lines(found):
        show(line)
    _show_rows(CLUSTER_COLUMNS, cluster_rows(found)[:_CLUSTERS])
    for line in (*example_lines(found), *evidence_lines(found)):
        show(line)
    kinds = kind_rows(found)
    if kinds:
        show()
        show("Edge cases and other items that find failures; they are no part of the figures above:")
        _show_rows(KIND_COLUMNS, kinds, blank=False)
    _show_rows(COST_COLUMNS, cost_rows(found))
    if found.benchmarks is not None:
        show()
        show("Public benchmarks, for comparison: what they reach of this traffic is all that they can speak for")
        _show_benchmarks(found.benchmarks)


def _show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], *, blank: bool = True) -> None:
    if rows:
        if blank:
            show()
        show_table(columns, rows)


def verdict_lines(found: "Decision") -> list[str]:
    """What the figures say, in sentences."""
    lines = []
    for letter, each in (("A", found.a), ("B", found.b)):
        lines.append(f"{letter} is {one_line(each.name, 60)}: {_handles(each.pass_rate, found.confidence)}")
        if each.stale:
            lines.append(
                f"  {each.stale:,} of {each.answers:,} answers are to earlier versions of their items: left out"
            )
        if each.pass_rate.basis == "results":
            lines.append("  nobody has looked at these answers: this is as good as whoever graded them")
        if each.results is not None:
            alone = percent(each.results.estimate or 0.0)
            lines.append(f"  its results alone, as they came, would say {alone} ({_range(each.results)})")
    gap = found.difference
    if gap.estimate is None:
        lines.append("B less A: nothing is known of both answers to any random item")
    else:
        lines.append(f"B less A: {_points(gap)}: {_verdict_words(found)}")
    return [*lines, *_win_lines(found), *_rule_lines(found)]


def _handles(figure: "Figure", confidence: float) -> str:
    if figure.estimate is None:
        return "nothing is known of its answers to random items"
    rests = {
        "people": f"{figure.judged:,} random items that people judged",
        "people and opinions": f"{figure.judged:,} random items that people judged, and {figure.opinions:,} results "
        f"corrected by them, which makes the interval {percent(figure.gain)} narrower",
        "results": f"results of {figure.opinions:,} random items",
        "nothing": "nothing",
    }[figure.basis]
    return (
        f"handles {percent(figure.estimate)} of production ({_range(figure)} at {100 * confidence:.3g} %), by {rests}"
    )


def _points(figure: "Figure") -> str:
    estimate = figure.estimate or 0.0
    return f"{100 * estimate:+.1f} points ({100 * figure.low:+.1f} to {100 * figure.high:+.1f})"


def _verdict_words(found: "Decision") -> str:
    gap = found.difference
    return gap.verdict if gap.verdict != "cannot tell" else f"cannot tell yet{_more_words(gap)}"


def _more_words(figure: "Figure") -> str:
    if figure.judged:
        return _more_judgements(figure.more, figure.left)
    return "" if figure.more is None else f"; about {figure.more:,} more random {_counted('item', figure.more)} would"


def _more_judgements(more: int | None, left: int) -> str:
    if more is None:
        return "; more judgements of these items would not settle it: draw more random items first"
    first = "" if more <= left else f", so draw more random items first: {left:,} of these are left to judge"
    return f"; about {more:,} more {_counted('judgement', more)} would{first}"


def _counted(what: str, count: int) -> str:
    return what if count == 1 else f"{what}s"


_WINS: "Mapping[Judgement, str]" = {"win": "for B", "loss": "for A", "tie": "ties", "both bad": "both bad"}


def _win_lines(found: "Decision") -> list[str]:
    if found.wins is None:
        return []
    rate, counts = found.wins.rate, found.wins.counts
    said = ", ".join(f"{counts[kind]:,} {words}" for kind, words in _WINS.items())
    undecided = f"cannot tell yet{_more_judgements(found.wins_more, found.wins_left)}"
    verdict = {"above": "B is preferred", "below": "A is preferred"}.get(rate.side(0.5), undecided)
    return [
        f"B wins {percent(rate.estimate or 0.0)} of blind comparisons ({_range(rate)}): {verdict}",
        f"  {rate.judged:,} random items compared: {said}",
    ]


def _rule_lines(found: "Decision") -> list[str]:
    if found.rule is None or found.rule_figure is None:
        return []
    open_yet = found.rule_verdict == "not enough evidence"
    more = _more_words(found.rule_figure) if open_yet else ""
    return [f"rule {one_line(str(found.rule), 160)}, at {100 * found.confidence:.3g} %: {found.rule_verdict}{more}"]


def cluster_rows(found: "Decision") -> list[tuple[str, ...]]:
    """How the two fare in each cluster of which something is known, by traffic."""
    return [
        (
            one_line(each.name, 32),
            percent(each.share),
            *_sides(*each.random),
            *_sides(*each.found),
            *(str(wins or "") for wins in each.preferred[:2]),
        )
        for each in found.clusters
        if each.has_evidence
    ]


def kind_rows(found: "Decision") -> list[tuple[str, ...]]:
    """How the two fare in each kind of item that finds failures."""
    return [(each.origin, each.kind, *_sides(each.a, each.b)) for each in found.kinds]


def cost_rows(found: "Decision") -> list[tuple[str, ...]]:
    """What answers of the two cost and took, where it is known."""
    rows: list[tuple[str, ...]] = []
    for each in (found.a, found.b):
        cost, time = each.cost_usd, each.latency_s
        if cost is not None or time is not None:
            costs = ("", "") if cost is None else (money(cost.total / cost.answers), money(cost.total))
            times = ("", "") if time is None else (f"{time.median:.2f} s", f"{time.p95:.2f} s")
            rows.append((one_line(each.name, 40), *costs, *times))
    return rows


def _sides(a: "Rate", b: "Rate") -> tuple[str, str, str]:
    return (str(a.items) if a.items else "", _rate(a.estimate), _rate(b.estimate))


def example_lines(found: "Decision") -> list[str]:
    """Items to open, that only one of the two passes."""
    lines = []
    for side in ("A", "B"):
        better = [(each.name, each.a_better if side == "A" else each.b_better) for each in found.clusters]
        lines += [
            f"only {side} passes {examples[0].id}: {one_line(examples[0].text, 80)} [{one_line(name, 24)}]"
            for name, examples in [each for each in better if each[1]][:_ROWS]
        ]
    return lines


def evidence_lines(found: "Decision") -> list[str]:
    """What nothing is known of, how far people agree, and how old it all is."""
    nothing, fresh = found.no_evidence, found.freshness
    names = ", ".join(one_line(name, 24) for name in nothing.names)
    lines = [
        f"no evidence at all for {percent(nothing.clusters)} of production, in clusters where nothing of both is known"
        + (f": {names}" if names else ""),
        f"  and {percent(nothing.strata)} lies in strata of which no random item is known: neighbours stand in for it",
    ]
    if nothing.rejected > 0:
        lines.append(f"  random items that people rejected stand for {percent(nothing.rejected)}")
    for each in (*found.reviewers.alike, *found.reviewers.judge):
        beyond = (
            "" if each.ac1 is None else f", AC1 {each.ac1.estimate:.2f} ({each.ac1.low:.2f} to {each.ac1.high:.2f})"
        )
        one, other = one_line(each.one, 30), one_line(each.other, 60)
        lines.append(f"{one} and {other} agree on {each.agreed:,} of {each.items:,} {each.about}{beyond}")
    lines += [
        f"{one_line(person.actor, 30)} noticed {person.caught:,} of {person.planted:,} planted pairs"
        for person in found.reviewers.people
        if person.planted
    ]
    age = "how old the traffic is, the logs do not say"
    if fresh.newest is not None:
        age = f"the traffic ends on {fresh.newest}, {fresh.days_old:,} days ago"
    lines.append(f"{age}; the first answer came in on {fresh.answered}")
    for name, (word, share, known) in list(fresh.changed.items())[:_ROWS]:
        without = "" if known else ", and there is no evidence for it"
        lines.append(f"  since the last logs {one_line(name, 40)} is {word}, {percent(share)} of what came in{without}")
    return lines


def _show_benchmarks(answer: "MirageAnswer") -> None:
    show_table(["benchmark", "#items", "#reached", "#interval", "#worth"], _benchmark_rows(answer, 30))


def _rate(share: float | None) -> str:
    return "" if share is None else percent(share)
