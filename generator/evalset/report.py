"""The report: one HTML page that needs nothing else, neither a server nor a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generator.evalset.templating import html_environment
from generator.ledger import Spending
from generator.records import Interval, SourceRead
from generator.store import Counts

STEPS = 5
"""Shades of the map, from untested to tested."""
MAP_WIDTH, MAP_HEIGHT = 1000, 620
_MARGIN = 20
_INK = 0.16
"""Share of the map that the traffic covers with ink."""
_SMALLEST = 1.2
"""Radius below which a dot cannot be seen."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A cell on the map."""

    x: float
    """From the left, 0 to 1."""
    y: float
    """From the top, 0 to 1."""
    weight: float
    """Share of traffic."""
    tested: float
    """Share of its traffic that is tested."""
    cluster: int
    """Row of its cluster."""
    samples: int
    """Accepted samples that lie in it."""


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A cluster and how it stands."""

    id: str
    name: str
    share: float
    inputs: int
    tested: float
    """Share of its traffic that is tested."""
    samples: int
    typical: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """A cluster with untested traffic."""

    number: int
    """As in the table of clusters, from 1."""
    name: str
    share: float
    untested: float
    """Share of all traffic."""
    examples: tuple[str, ...]
    nearest: str | None
    same_need: float
    """Probability that the nearest sample asks what the cluster's middle input asks."""


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """A benchmark, or so many random traces, beside the traffic."""

    name: str
    items: int
    reached: float
    interval: Interval | None
    worth: str


@dataclass(frozen=True, slots=True)
class Mirage:
    """What benchmarks reach of the traffic."""

    rows: tuple[BenchmarkRow, ...]
    trust: str
    unreached: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrafterRow:
    """Who made drafts, and what became of them."""

    name: str
    drafts: int
    accepted: int
    rejected: int
    spent_usd: float


@dataclass(frozen=True, slots=True)
class OriginRow:
    """Samples of one origin."""

    origin: str
    dev: int
    holdout: int
    edited: int
    weight: float
    """Share of traffic that they speak for."""


@dataclass(frozen=True, slots=True)
class DecisionSection:
    """What the evidence says of two candidates, in the words of `groundset decide`."""

    a: str
    b: str
    verdicts: tuple[str, ...]
    clusters: tuple[tuple[str, ...], ...]
    examples: tuple[str, ...]
    kinds: tuple[tuple[str, ...], ...]
    costs: tuple[tuple[str, ...], ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page says."""

    title: str
    counts: Counts
    coverage: Interval
    unseen: Interval
    clusters: tuple[ClusterRow, ...]
    gaps: tuple[GapRow, ...]
    gap_share: Interval
    off_traffic: tuple[str, ...]
    near_copies: tuple[tuple[str, str], ...]
    dots: tuple[Dot, ...]
    decision: DecisionSection | None
    mirage: Mirage | None
    drafters: tuple[DrafterRow, ...]
    spending: Spending
    marks: Mapping[str, int]
    """Drafts that verification holds something against, by what it is."""
    origins: tuple[OriginRow, ...]
    sources: tuple[SourceRead, ...]
    redactions: Mapping[str, int]
    encoder: str
    note: str | None
    curators: Mapping[str, int]
    """Decisions of each person."""
    last_decision: str | None


@dataclass(frozen=True, slots=True)
class Circle:
    """A dot of the map in the units of the picture."""

    x: float
    y: float
    r: float
    shade: int


@dataclass(frozen=True, slots=True)
class Label:
    """The number of a cluster on the map."""

    x: float
    y: float
    number: int


def render(report: Report, *, labels: int = 15) -> bytes:
    """The page in UTF-8; the same report gives the same bytes."""
    page = html_environment().get_template("report.html")
    text = page.render(
        report=report,
        circles=[_circle(dot) for dot in sorted(report.dots, key=lambda dot: -dot.weight)],
        marks=[_at(dot.x, dot.y) for dot in report.dots if dot.samples],
        labels=_labels(report.dots, labels),
        width=MAP_WIDTH,
        height=MAP_HEIGHT,
        steps=STEPS,
    )
    return text.encode()


def _at(x: float, y: float) -> tuple[float, float]:
    return (
        round(_MARGIN + x * (MAP_WIDTH - 2 * _MARGIN), 1),
        round(_MARGIN + y * (MAP_HEIGHT - 2 * _MARGIN), 1),
    )


def _circle(dot: Dot) -> Circle:
    area = _INK * MAP_WIDTH * MAP_HEIGHT * dot.weight
    radius = max((area / 3.1416) ** 0.5, _SMALLEST)
    return Circle(*_at(dot.x, dot.y), round(radius, 1), min(int(dot.tested * STEPS), STEPS - 1))


def _labels(dots: Sequence[Dot], wanted: int) -> list[Label]:
    """The numbers of the largest clusters, each at the cell that is nearest to the cluster's middle."""
    found = []
    for cluster in range(wanted):
        own = [dot for dot in dots if dot.cluster == cluster]
        weight = sum(dot.weight for dot in own)
        if weight > 0:
            x = sum(dot.x * dot.weight for dot in own) / weight
            y = sum(dot.y * dot.weight for dot in own) / weight
            middle = min(own, key=lambda dot: (dot.x - x) ** 2 + (dot.y - y) ** 2)
            found.append(Label(*_at(middle.x, middle.y), cluster + 1))
    return found
