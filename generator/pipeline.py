"""The whole pipeline on one page: logs come in, we learn what the traffic is, a model drafts, people decide.

    ingest -> embed -> cluster -> draft -> rank -> (people curate) -> export

Every stage keys its work by content, so a second run does only what is new, and a killed one goes on where
it was.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from generator.config import Config
from generator.drafting import providers
from generator.drafting.budget import Estimate
from generator.drafting.drafting import DraftingReport
from generator.errors import StageError
from generator.evalset.queue import Queue
from generator.logs.ingestion import IngestReport
from generator.records import Interval, content_id
from generator.store import Counts, Store

if TYPE_CHECKING:
    from generator.traffic.coverage import Traffic

__all__ = ["Narrator", "Status", "cluster", "draft", "embed", "estimate", "ingest", "rank", "run", "status"]


class Narrator(Protocol):
    """Where a stage tells what it does."""

    def say(self, line: str) -> None:
        """One line of narration."""

    def progress(self, what: str, done: int, total: int) -> None:
        """How far something has come; `done == total` ends it."""


class Silent:
    """A narrator for those who do not listen."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Show nothing."""


def ingest(
    store: Store,
    paths: Sequence[str],
    narrator: Narrator,
    *,
    format: str = "auto",
    field: str | None = None,
    redact: bool = True,
) -> IngestReport:
    """Read log files into the project."""
    from generator.logs import ingestion

    return ingestion.ingest(
        store,
        paths,
        format=format,
        field=field,
        redact=redact,
        progress=lambda name, done, total: narrator.progress(f"reading {Path(name).name}", done, total),
    )


def embed(store: Store, config: Config, narrator: Narrator) -> "Embedded":
    """Turn every distinct trace into a vector."""
    from generator.traffic.embedding import embed as embed_texts
    from generator.traffic.encoders import open_encoder

    rows = store.trace_texts()
    if not rows:
        raise StageError(f"{store.path} holds no traces yet; read logs with: groundset ingest {store.path} LOGS...")
    texts = [text for _, text, _ in rows]
    encoder = open_encoder(config.encoder, lambda: texts)
    vectors = embed_texts(
        texts, encoder, store.vectors_path, lambda done, total: narrator.progress("embedding", done, total)
    )
    if store.meta("encoder") != encoder.label:
        narrator.say(f"encoder: {encoder.label}")
        store.set_meta("encoder", encoder.label)
    return Embedded(encoder, [row[0] for row in rows], texts, [row[2] for row in rows], vectors)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The traffic as arrays that line up, and what made its vectors."""

    encoder: Any
    ids: list[str]
    texts: list[str]
    counts: list[int]
    vectors: Any

    @property
    def fingerprint(self) -> str:
        """Changes when the traffic or the encoder does."""
        return content_id(self.encoder.slug, *self.ids, *map(str, self.counts))


def cluster(store: Store, config: Config, narrator: Narrator) -> None:
    """Group the traffic into cells and clusters."""
    from generator.traffic import clustering

    traffic = embed(store, config, narrator)
    fingerprint = content_id(traffic.fingerprint, str(config.clusters), str(config.random_state))
    if store.meta("clustered") == fingerprint:
        return
    narrator.progress("clustering", 0, 1)
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    before = clustering.Before(
        store.clusters(),
        {trace: cluster_of_cell[cell] for trace, cell in store.trace_cells() if cell is not None},
    )
    made = clustering.cluster(
        traffic.ids,
        traffic.texts,
        traffic.counts,
        traffic.vectors,
        pieces=config.clusters,
        before=before,
        random_state=config.random_state,
    )
    store.replace_clustering(made.clusters, made.cells, made.merges, made.cell_of_trace, fingerprint)
    narrator.progress("clustering", 1, 1)


def estimate(store: Store, config: Config, price: tuple[float, float] | None = None) -> Estimate:
    """What drafting would cost."""
    from generator.drafting import drafting

    return drafting.estimate(store, _provider(config), per_cluster=config.per_cluster, price=price)


def draft(
    store: Store,
    config: Config,
    narrator: Narrator,
    *,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
) -> DraftingReport:
    """Have a model, or the rules, draft variants and edge cases for every cluster."""
    from generator.drafting import drafting
    from generator.logs.redaction import Redactor

    _require_clusters(store)
    # Models repeat what they saw, and now and then invent data that looks real: both are masked.
    redactor = Redactor(store.redaction_key(), store.placeholder_numbers())
    try:
        return drafting.draft(
            store,
            _provider(config),
            per_cluster=config.per_cluster,
            max_cost=config.max_cost,
            concurrency=config.concurrency,
            price=price,
            retry_in_doubt=retry_in_doubt,
            redact=redactor.redact,
            progress=lambda state: narrator.progress("drafting", state.done, state.total),
        )
    finally:
        store.keep_placeholders(redactor.drain().placeholders)


def _provider(config: Config) -> providers.Provider:
    model = config.model or providers.default_model(os.environ)
    return providers.open_provider(model, config.base_url, timeout_s=config.timeout)


def rank(store: Store, config: Config, narrator: Narrator) -> None:
    """Put real traces beside the drafts, and measure where every item lies and what it reaches."""
    from generator.evalset.selection import draw_random, exemplar_drafts, random_drafts
    from generator.traffic.coverage import land
    from generator.traffic.embedding import embed as embed_texts

    cell_of = cells_of_traces(store)
    embedded = embed(store, config, narrator)
    traffic = traffic_of(embedded, cell_of, config)
    draws = draw_random(store, config.random_draws, config.random_state)
    randoms = random_drafts(store, draws)
    store.add_drafts([*exemplar_drafts(store), *randoms])
    store.set_random_frame({each.id: (each.weight, each.stratum or "") for each in randoms})
    drafts = store.drafts()
    fingerprint = content_id(store.meta("clustered") or "", *(each.id for each in drafts))
    if store.meta("ranked") == fingerprint:
        return
    vectors = embed_texts(
        [each.text for each in drafts],
        embedded.encoder,
        store.vectors_path,
        lambda done, total: narrator.progress("embedding drafts", done, total),
    )
    landings = land(
        drafts, vectors, traffic, store.cells(), lambda done, total: narrator.progress("ranking", done, total)
    )
    store.replace_landings(landings, fingerprint)


def cells_of_traces(store: Store) -> list[int]:
    """The cell of every distinct trace, in the order of `Store.trace_texts`.

    Raises:
        StageError: there are no clusters, or traces have come in since they were made.
    """
    _require_clusters(store)
    cells = [cell for _, cell in store.trace_cells() if cell is not None]
    if len(cells) < store.counts().distinct:
        raise StageError(f"{store.path} has traces without clusters; make them with: groundset cluster {store.path}")
    return cells


def _require_clusters(store: Store) -> None:
    if not store.clusters():
        raise StageError(f"{store.path} has no clusters yet; make them with: groundset cluster {store.path}")


def traffic_of(embedded: Embedded, cell_of: Sequence[int], config: Config) -> "Traffic":
    """The embedded traces with their cells and their scale."""
    import numpy as np

    from generator.traffic.coverage import Traffic
    from generator.traffic.tree import measure_scale

    return Traffic(
        ids=embedded.ids,
        counts=np.asarray(embedded.counts, dtype=np.int64),
        vectors=embedded.vectors,
        cell_of=np.asarray(cell_of, dtype=np.int64),
        scale=measure_scale(embedded.vectors, config.random_state),
    )


def run(
    store: Store,
    paths: Sequence[str],
    config: Config,
    narrator: Narrator,
    *,
    format: str = "auto",
    field: str | None = None,
    redact: bool = True,
) -> DraftingReport:
    """Everything up to the point where people decide."""
    ingest(store, paths, narrator, format=format, field=field, redact=redact)
    cluster(store, config, narrator)
    drafted = draft(store, config, narrator)
    rank(store, config, narrator)
    return drafted


@dataclass(frozen=True, slots=True)
class Status:
    """What a project holds and how far it is. The keys of `--json` are a contract: none is ever renamed."""

    traces: int
    distinct: int
    rejected: int
    clusters: int
    cells: int
    drafts: int
    samples: int
    coverage: Interval
    spent_usd: float
    undecided: int
    in_doubt: int
    encoder: str | None
    redactions: dict[str, int]
    next: str

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def status(store: Store) -> Status:
    """Where a project stands; needs neither numpy nor a model."""
    counts = store.counts()
    queue = Queue.of(store)
    waiting = counts.undecided > 0 and queue.coverage < Config.beside(store.path).goal
    return Status(
        traces=counts.traces,
        distinct=counts.distinct,
        rejected=counts.rejected,
        clusters=counts.clusters,
        cells=counts.cells,
        drafts=counts.drafts,
        samples=counts.samples,
        coverage=queue.coverage_interval(counts.traces),
        spent_usd=counts.spent_usd,
        undecided=counts.undecided,
        in_doubt=counts.in_doubt,
        encoder=store.meta("encoder"),
        redactions=store.redactions(),
        next=_next_command(store, counts, waiting=waiting),
    )


def _next_command(store: Store, counts: Counts, *, waiting: bool) -> str:
    if not counts.traces:
        return f"groundset ingest {store.path} LOGS..."
    if not counts.clusters:
        return f"groundset cluster {store.path}"
    if not counts.drafts:
        return f"groundset draft {store.path}"
    if store.meta("ranked") is None:
        return f"groundset rank {store.path}"
    if waiting or not counts.samples:
        return f"groundset curate {store.path}"
    return f"groundset export {store.path} evals --format inspect"
