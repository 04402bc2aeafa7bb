"""The whole pipeline on one page: logs come in, we learn what the traffic is, a model drafts, people decide.

    ingest -> embed -> cluster -> draft -> rank -> (people curate) -> export

Every stage keys its work by content, so a second run does only what is new, and a killed one goes on where
it was.
"""

import contextlib
import json
import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from generator.config import Config
from generator.drafting import providers
from generator.drafting.briefing import Ask
from generator.drafting.budget import Estimate
from generator.drafting.drafting import DraftingReport
from generator.errors import StageError
from generator.evalset.queue import Queue
from generator.ledger import Spending
from generator.logs.ingestion import USUAL, IngestReport, Reading
from generator.narration import money
from generator.records import Cell, Cluster, Draft, Interval, Landing, Regrouping, Spot, content_id, now
from generator.store import Counts, Store

if TYPE_CHECKING:
    from generator.distributed import Gathered
    from generator.drafting.batching import BatchReport
    from generator.drafting.naming import NamingReport
    from generator.drafting.shadow import ShadowReport
    from generator.drafting.track_record import TrackRecord
    from generator.drafting.verification import Surroundings
    from generator.evalset.answering import Checked, TakenIn
    from generator.logs.explaining import Explanation
    from generator.records import Sample
    from generator.traffic.coverage import Traffic
    from generator.traffic.kept import Kept

__all__ = [
    "Narrator",
    "Status",
    "cluster",
    "draft",
    "embed",
    "estimate",
    "explain",
    "gather",
    "ingest",
    "join",
    "prompts_for",
    "provider_of",
    "rank",
    "rename",
    "run",
    "shadow",
    "split",
    "status",
    "take_in_answers",
    "track_records",
]


class Narrator(Protocol):
    """Where a stage tells what it does."""

    def say(self, line: str) -> None:
        """One line of narration."""

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        """How far something has come, and a word on it; `done == total` ends it."""


class Silent:
    """A narrator for those who do not listen."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        """Show nothing."""


def ingest(
    store: Store,
    paths: Sequence[str],
    narrator: Narrator,
    reading: Reading = USUAL,
) -> IngestReport:
    """Read log files into the project."""
    from generator.logs import ingestion

    return ingestion.ingest(
        store,
        paths,
        reading,
        progress=lambda name, done, total: narrator.progress(f"reading {Path(name).name}", done, total),
    )


def gather(
    store: Store, paths: Sequence[str], config: Config, narrator: Narrator, reading: Reading = USUAL
) -> "Gathered":
    """Read, embed and group logs over a cluster; the project gets the traces that stand for them.

    Raises:
        StageError: the project holds traces already, or the settings need all of them in one place.
        LogError: a log cannot be read.
    """
    from generator import distributed
    from generator.traffic.kept import Kept

    _refuse_what_needs_all_traces(store, config)
    encoder = "minilm" if config.encoder == "auto" else config.encoder
    unit, vectors = reading.unit or "conversation", str(store.vectors_path.resolve())
    task = distributed.Task(
        reading, unit, store.redaction_key(), encoder, vectors, config.clusters, config.random_state
    )
    found = distributed.gather(paths, task, narrator.say)
    store.set_meta("unit", unit)
    distributed.keep(store, found, encoder)
    traffic = embed(store, config, narrator)
    fingerprint = content_id(traffic.fingerprint, str(config.clusters), str(config.random_state))
    cell_of = {trace.id: cell for trace, cell in zip(found.kept, found.cell_of, strict=True)}
    store.replace_clustering(found.clusters, found.cells, found.clustering.merges, cell_of, fingerprint)
    Kept(traffic.folder, fingerprint).keep(_known_cells(config), found.clustering.known.to_arrays())
    _keep_trends(store)
    narrator.say(f"{len(found.kept):,} traces stand for {found.inputs:,} inputs in {store.path}")
    return found


def _refuse_what_needs_all_traces(store: Store, config: Config) -> None:
    if store.counts().traces:
        raise StageError(f"{store.path} holds traces already, and --engine ray makes a project; name a new file.")
    if config.encoder == "lexical":
        raise StageError("--engine ray needs an encoder that is not fitted on all texts; leave --encoder lexical out.")
    if config.min_users > 1:
        raise StageError("--engine ray does not count users; leave --min-users out.")


def explain(paths: Sequence[str], reading: Reading) -> "list[Explanation]":
    """How log files would be read; changes nothing."""
    from generator.logs import explaining
    from generator.logs.reading import expand

    return [explaining.explain(path, reading) for path in expand(paths)]


def embed(store: Store, config: Config, narrator: Narrator) -> "Embedded":
    """Turn every distinct trace into a vector."""
    from generator.traffic.embedding import embed_traffic
    from generator.traffic.encoders import open_encoder

    rows = store.trace_texts()
    if not rows:
        raise StageError(f"{store.path} holds no traces yet; read logs with: groundset ingest {store.path} LOGS...")
    texts = [text for _, text, _ in rows]
    encoder = open_encoder(_encoder_name(store, config), lambda: texts)
    vectors = embed_traffic(
        texts, encoder, store.vectors_path, lambda done, total: narrator.progress("embedding", done, total)
    )
    if store.meta("encoder") != encoder.label:
        narrator.say(f"encoder: {encoder.label}")
        store.set_meta("encoder", encoder.label)
    folder = store.vectors_path / encoder.slug / "kept"
    made = store.meta("made_anew")
    return Embedded(encoder, [row[0] for row in rows], texts, [row[2] for row in rows], vectors, folder, made)


def _encoder_name(store: Store, config: Config) -> str:
    """The encoder that was asked for, else the one that made the vectors of this project."""
    made_by = store.meta("encoder")
    if config.encoder != "auto" or made_by is None:
        return config.encoder
    return "lexical" if made_by.startswith("lexical ") else made_by


@dataclass(frozen=True, slots=True)
class Embedded:
    """The traffic as arrays that line up, and what made its vectors."""

    encoder: Any
    ids: list[str]
    texts: list[str]
    counts: list[int]
    vectors: Any
    folder: Path
    """Keeps what was worked out from them."""
    made_anew: str | None
    """What the clusters were made from when they were last made anew; None before there were any."""

    @property
    def fingerprint(self) -> str:
        """Changes when the traffic or the encoder does."""
        return content_id(self.encoder.slug, *self.ids, *map(str, self.counts))

    @property
    def kept(self) -> "Kept":
        """What follows from the traffic alone, takes long to work out, and stays until clusters are made anew."""
        from generator.traffic.kept import Kept

        return Kept(self.folder, self.made_anew or self.fingerprint)


def cluster(store: Store, config: Config, narrator: Narrator, *, anew: bool = False) -> None:
    """Group the traffic into cells and clusters, and shape these as people did before.

    New traces go to cells that are there where these were made of much traffic and the new is like it; `anew`
    groups everything again.
    """
    from generator.traffic import clustering
    from generator.traffic.kept import Kept
    from generator.traffic.languages import language_note

    traffic = embed(store, config, narrator)
    store.set_meta("min_users", str(config.min_users))
    fingerprint = content_id(traffic.fingerprint, str(config.clusters), str(config.random_state))
    if (
        not anew
        and store.is_regrouped()
        and (store.meta("clustered") == fingerprint or _extended(store, config, traffic, fingerprint, narrator))
    ):
        _keep_trends(store)  # also where nothing is new: a run that was killed may have left them as they were
        return
    note = language_note(traffic.texts, traffic.counts, traffic.encoder.label)
    store.set_meta("language_note", note or "")
    narrator.progress("clustering", 0, 1)
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    before = clustering.Before(
        store.every_cluster(),
        {trace: cluster_of_cell[cell] for trace, cell in store.trace_cells() if cell is not None},
    )
    regroupings = store.regroupings()
    made = clustering.cluster(
        traffic.ids,
        traffic.texts,
        traffic.counts,
        traffic.vectors,
        pieces=config.clusters,
        before=before,
        regroupings=regroupings,
        random_state=config.random_state,
    )
    store.replace_clustering(made.clusters, made.cells, made.merges, made.cell_of_trace, fingerprint, len(regroupings))
    Kept(traffic.folder, fingerprint).keep(_known_cells(config), made.known.to_arrays())
    narrator.progress("clustering", 1, 1)
    _keep_trends(store)
    if note is not None:
        narrator.say(note)


def _known_cells(config: Config) -> str:
    return f"cells-{config.clusters}-{config.random_state}"


def _extended(store: Store, config: Config, traffic: Embedded, fingerprint: str, narrator: Narrator) -> bool:
    """Whether new traces may go to the cells that are there; if so, they have."""
    from generator.traffic.known import Known

    found = traffic.kept.find(_known_cells(config)) if traffic.made_anew is not None else None
    if found is None:
        return False
    known = Known.from_arrays(found)
    placed = sum(cell is not None for _, cell in store.trace_cells())
    new = traffic.vectors[placed:]
    if not known.has_room_for(new, len(traffic.ids)):
        return False
    store.extend_clustering(dict(zip(traffic.ids[placed:], known.cells_of(new).tolist(), strict=True)), fingerprint)
    narrator.say(
        f"{len(new):,} new inputs went to the clusters that are there; what changed: groundset drift {store.path} "
        f"(to group everything again: groundset cluster {store.path} --anew)"
    )
    return True


def _keep_trends(store: Store) -> None:
    """Where the share of each cluster is going, in one word, for those who have no numpy to work it out."""
    from generator.evalset.listing import changes_of
    from generator.traffic.trends import trends

    words: dict[str, str] = {cluster: each.word for cluster, each in trends(store.cluster_days()).items()}
    words |= {cluster: each.word for cluster, each in changes_of(store).items()}
    store.set_meta("trends", json.dumps(words))


def split(store: Store, wanted: str, into: int, actor: str) -> list[Cluster]:
    """Divide a cluster along the tree; returns the parts, the heaviest first.

    Raises:
        StageError: the cluster is not there, or has too few cells.
    """
    from generator.traffic import regrouping
    from generator.traffic.clustering import phrase_names

    _require_clusters(store)
    before = store.every_cluster()
    chosen = _shown(store, regrouping.find(before, wanted))
    parts = regrouping.parts_of(chosen, store.cells(), store.merges(), into)
    names = phrase_names(_texts_of(store, parts))[:into]
    made = regrouping.split(chosen, parts, names, (each.id for each in before))
    decision = _decision(store, "split", [regrouping.stand_for(part) for part in parts], actor)
    cluster_of_cell = {cell.id: each.id for each, part in zip(made, parts, strict=True) for cell in part}
    store.regroup(decision, made, cluster_of_cell, before)
    return made


def _shown(store: Store, cluster: Cluster) -> Cluster:
    if cluster.id in store.few_users():
        raise StageError(
            f"Cluster {cluster.id} has fewer than {store.min_users} users and is not shown; "
            f"lower the bound with: groundset cluster {store.path} --min-users 1"
        )
    return cluster


def _texts_of(store: Store, parts: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """The texts of each part of a cluster, then those of each other cluster: what names are made from."""
    group_of_cell: dict[int, str | int] = {cell.id: cell.cluster_id for cell in store.cells()}
    group_of_cell |= {cell.id: number for number, part in enumerate(parts) for cell in part}
    texts: defaultdict[str | int, list[str]] = defaultdict(list)
    for (_, text, _), (_, cell) in zip(store.trace_texts(), store.trace_cells(), strict=True):
        if cell is not None:
            texts[group_of_cell[cell]].append(text)
    return [texts.pop(number) for number in range(len(parts))] + list(texts.values())


def join(store: Store, wanted: Sequence[str], actor: str) -> list[Cluster]:
    """Make several clusters one, with id and name of the largest; returns it.

    Raises:
        StageError: a cluster is not there, or less than two are named.
    """
    from generator.traffic import regrouping

    _require_clusters(store)
    before = store.every_cluster()
    chosen = {each.id: _shown(store, each) for each in (regrouping.find(before, one) for one in wanted)}
    if len(chosen) < 2:
        raise StageError(
            f"Name two or more different clusters to join; their ids are in: groundset clusters {store.path}"
        )
    made = regrouping.joined(list(chosen.values()))
    sides = {each: [cell for cell in store.cells() if cell.cluster_id == each] for each in chosen}
    decision = _decision(store, "join", [regrouping.stand_for(cells) for cells in sides.values()], actor)
    store.regroup(decision, [made], {cell.id: made.id for cells in sides.values() for cell in cells}, before)
    return [made]


def rename(store: Store, wanted: str, name: str, actor: str) -> list[Cluster]:
    """Give a cluster a name of one's own, which it keeps; returns it.

    Raises:
        StageError: the cluster is not there, or the name cannot be used.
    """
    from generator.traffic import regrouping

    _require_clusters(store)
    before = store.every_cluster()
    chosen = _shown(store, regrouping.find(before, wanted))
    made = regrouping.renamed(chosen, name, before)
    cells = [cell for cell in store.cells() if cell.cluster_id == chosen.id]
    decision = _decision(store, "rename", [regrouping.stand_for(cells)], actor, made.name)
    store.regroup(decision, [made], {}, before)
    return [made]


def _decision(
    store: Store,
    verb: Literal["split", "join", "rename"],
    parts: Sequence[dict[str, int]],
    actor: str,
    name: str | None = None,
) -> Regrouping:
    distinct = sum(cell.distinct for cell in store.cells())
    return Regrouping(uuid.uuid4().hex, verb, tuple(parts), distinct, name, actor, now())


def estimate(
    store: Store,
    config: Config,
    price: tuple[float, float] | None = None,
    *,
    names: bool = True,
    batch: bool = False,
    asks: Sequence[Ask] = (),
) -> Estimate:
    """What drafting would cost, the names of clusters included; in a batch, all but the names are cheaper."""
    from generator.drafting import drafting, naming

    provider = provider_of(config)
    found = drafting.estimate(store, provider, per_cluster=config.per_cluster, price=price, batch=batch, asks=asks)
    return found.plus(naming.estimate_naming(store, provider, price=price)) if names else found


def estimate_naming(store: Store, config: Config, price: tuple[float, float] | None = None) -> Estimate:
    """What naming the clusters would cost."""
    from generator.drafting import naming

    return naming.estimate_naming(store, provider_of(config), price=price)


def name_clusters(
    store: Store,
    config: Config,
    *,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
) -> "NamingReport":
    """Have a model name the clusters that nobody has named."""
    from generator.drafting import naming

    _require_clusters(store)
    with _redactor(store) as redact:
        return naming.name_clusters(
            store,
            provider_of(config),
            max_cost=config.max_cost,
            concurrency=config.concurrency,
            price=price,
            retry_in_doubt=retry_in_doubt,
            redact=redact,
        )


@contextlib.contextmanager
def _redactor(store: Store) -> Iterator[Callable[[str], str]]:
    """Masks what a model wrote: it repeats what it saw, and now and then invents data that looks real."""
    from generator.logs.redaction import Redactor

    redactor = Redactor(store.redaction_key(), store.placeholder_numbers())
    try:
        yield redactor.redact
    finally:
        store.keep_placeholders(redactor.drain().placeholders)


def draft(
    store: Store,
    config: Config,
    narrator: Narrator,
    *,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    asks: Sequence[Ask] = (),
    names: bool = True,
) -> DraftingReport:
    """Have a model, or the rules, draft variants and edge cases for every cluster, or what `asks` say.

    A model names the clusters first, unless `names` is false.
    """
    from generator.drafting import drafting

    _require_clusters(store)
    provider = provider_of(config)
    if names:
        name_first(store, config, narrator, price, retry_in_doubt=retry_in_doubt)
    with _redactor(store) as redact:
        return drafting.draft(
            store,
            provider,
            per_cluster=config.per_cluster,
            max_cost=config.max_cost,
            concurrency=config.concurrency,
            price=price,
            retry_in_doubt=retry_in_doubt,
            redact=redact,
            progress=lambda state: narrator.progress(
                "drafting", state.done, state.total, f"{money(state.spent_usd)} spent" if state.spent_usd else ""
            ),
            asks=asks,
        )


def name_first(
    store: Store, config: Config, narrator: Narrator, price: tuple[float, float] | None, *, retry_in_doubt: bool
) -> None:
    """Have the model that drafts name the clusters before it does, if it can; what has a name keeps it."""
    if not provider_of(config).listens:
        return
    report = name_clusters(store, config, price=price, retry_in_doubt=retry_in_doubt)
    if report.requests:
        narrator.say(f"named {report.named} clusters with {report.model}, spent {money(report.spent_usd)}")


def submit_batch(
    store: Store,
    config: Config,
    narrator: Narrator,
    *,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    names: bool = True,
) -> "BatchReport":
    """Hand over what drafting would send, as batches; the names of clusters are asked for at once."""
    from generator.drafting import batching

    _require_clusters(store)
    provider = provider_of(config)
    if names:
        name_first(store, config, narrator, price, retry_in_doubt=retry_in_doubt)
    return batching.submit(
        store,
        provider,
        per_cluster=config.per_cluster,
        max_cost=config.max_cost,
        price=price,
        retry_in_doubt=retry_in_doubt,
    )


def collect_batches(
    store: Store,
    config: Config,
    narrator: Narrator,
    *,
    price: tuple[float, float] | None = None,
    wait: bool = False,
) -> "list[BatchReport]":
    """Read what batches have brought, of every model that has some under way."""
    from generator.drafting import batching

    made = dict.fromkeys((each.provider, each.model, each.server) for each in store.batches("under_way"))
    with _redactor(store) as redact:
        return [
            batching.collect(
                store,
                _provider_at(config, f"{name}/{model}", server),
                price=price,
                redact=redact,
                wait=wait,
                progress=lambda done, total: narrator.progress("batches", done, total),
            )
            for name, model, server in made
        ]


def _provider_at(config: Config, model: str, server: str) -> providers.Provider:
    """The provider of this model at this server, whatever the settings say by now."""
    usual = providers.open_provider(model, config.base_url, timeout_s=config.timeout)
    if usual.params.get("base_url") == server:
        return usual
    return providers.open_provider(model, server, timeout_s=config.timeout)


def provider_of(config: Config) -> providers.Provider:
    """Who drafts."""
    return providers.open_provider(_model(config), config.base_url, timeout_s=config.timeout)


def _model(config: Config) -> str:
    return config.model or providers.default_model(os.environ)


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """What one call of drafting sends."""

    model: str
    schema: str
    """The name of the schema that the answer must have."""
    system: str
    user: str


def prompts_for(store: Store, config: Config, wanted: str) -> list[ShownPrompt]:
    """What drafting would send for a cluster, named by id or name; sends nothing and needs no key.

    Raises:
        StageError: the cluster is not there.
    """
    from generator.drafting.briefing import Survey
    from generator.drafting.prompting import build_prompt
    from generator.drafting.questions import drafting_question
    from generator.traffic import regrouping

    _require_clusters(store)
    chosen = regrouping.find(store.clusters(), wanted)
    questions = (
        drafting_question(build_prompt(each)) for each in Survey(store, [chosen.id]).briefs(config.per_cluster)
    )
    return [ShownPrompt(_model(config), each.schema_name, each.system, each.user) for each in questions]


def track_records(store: Store, config: Config, narrator: Narrator) -> "list[TrackRecord]":
    """How the drafts of each prompt version and model fared.

    Raises:
        StageError: there are no clusters, or nothing is ranked.
    """
    from generator.drafting import track_record

    cell_of = cells_of_traces(store)
    drafts = store.drafts()
    landed_in = {row.draft_id: row.cluster_id for row in store.queue_rows()}
    if not landed_in:
        raise StageError(f"The drafts in {store.path} are not ranked yet; do it with: groundset rank {store.path}")
    measure = _realism_of(store, embed(store, config, narrator), cell_of)
    return track_record.track_records(drafts, landed_in, store.marks(), store.states(), store.calls(), measure)


def _realism_of(
    store: Store, embedded: Embedded, cell_of: Sequence[int]
) -> Callable[[Sequence[Draft]], Interval | None]:
    from generator.traffic.embedding import embed as embed_texts
    from generator.traffic.realism import Texts, matching, realism

    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    traffic = Texts(embedded.texts, embedded.vectors, [cluster_of_cell[cell] for cell in cell_of])

    def measure(drafts: Sequence[Draft]) -> Interval | None:
        texts = [draft.text for draft in drafts]
        vectors = embed_texts(texts, embedded.encoder, store.vectors_path)
        made = Texts(texts, vectors, [draft.cluster_id for draft in drafts])
        return realism(traffic.take(matching(made, traffic, embedded.counts)), made)

    return measure


def rank(store: Store, config: Config, narrator: Narrator, embedded: Embedded | None = None) -> None:
    """Put real traces beside the drafts; measure where every item lies, what it reaches, what speaks against it.

    Whoever ranks again and again passes the traffic `embedded`, which takes a while.
    """
    from generator.drafting import verification
    from generator.evalset.selection import draw_random, exemplar_drafts, random_drafts
    from generator.traffic.coverage import land
    from generator.traffic.embedding import embed as embed_texts

    cell_of = cells_of_traces(store)
    embedded = embed(store, config, narrator) if embedded is None else embedded
    traffic = traffic_of(embedded, cell_of, config)
    _lay_out(store, traffic, config, narrator)
    draws = draw_random(store, config.random_draws, config.random_state)
    randoms = random_drafts(store, draws)
    store.add_drafts([*exemplar_drafts(store), *randoms])
    store.set_random_frame({each.id: (each.weight, each.stratum or "") for each in randoms})
    drafts = store.drafts()
    fingerprint = content_id(store.meta("clustered") or "", f"{verification.VERSION}", *(each.id for each in drafts))
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
    marks = verification.marks_on_landing(drafts, landings, _surroundings(store, embedded, cell_of, landings))
    planted = store.plants()
    # What is known to be bad tests nothing, and nothing gives it away.
    landings = [replace(each, reach=()) if each.draft_id in planted else each for each in landings]
    marks = {draft_id: own for draft_id, own in marks.items() if draft_id not in planted}
    _place_drafts(store, traffic, drafts, landings)
    store.replace_landings(landings, fingerprint, marks)


def _lay_out(store: Store, traffic: "Traffic", config: Config, narrator: Narrator) -> None:
    """Draw the map of the traffic, starting from the last one."""
    import numpy as np

    from generator.traffic import layout

    clustered = store.meta("clustered") or ""
    if store.meta("laid_out") == clustered:
        return
    narrator.progress("drawing the map", 0, 1)
    before = store.trace_places()
    earlier = None if before is None else np.frombuffer(before, dtype="<u2").reshape(-1, 2)
    spots, made_anew = store.cell_places(), store.meta("made_anew")
    if earlier is not None and made_anew is not None and store.meta("laid_out_of") == made_anew:
        cells = [spots[cell] for cell in sorted(spots)]
        made = layout.extend(traffic.placed.smoothed, traffic.counts, traffic.cell_of, earlier, cells)
    else:
        made = layout.lay_out(traffic.placed.smoothed, traffic.counts, traffic.cell_of, earlier, config.random_state)
    places = made.places()
    tiles = layout.tiles(places, traffic.counts, traffic.cell_of)
    store.replace_layout(places.astype("<u2").tobytes(), made.cell_places(), tiles, clustered)
    narrator.progress("drawing the map", 1, 1)


def _place_drafts(store: Store, traffic: "Traffic", drafts: Sequence[Draft], landings: Sequence[Landing]) -> None:
    """Drafts lie on the production input nearest to them, a real input on itself."""
    import numpy as np

    at = np.frombuffer(store.trace_places() or b"", dtype="<u2").reshape(-1, 2)
    number = {trace_id: row for row, trace_id in enumerate(traffic.ids)}
    places = {}
    for draft, landing in zip(drafts, landings, strict=True):
        near = draft.source_ids[:1] if draft.kind == "real" else [each.trace_id for each in landing.neighbours[:1]]
        for row in (number[trace_id] for trace_id in near if trace_id in number):
            places[draft.id] = Spot(int(at[row, 0]), int(at[row, 1]))
    store.replace_draft_places(places)


def _surroundings(
    store: Store, embedded: Embedded, cell_of: Sequence[int], landings: Sequence[Landing]
) -> "Surroundings":
    from generator.drafting.verification import Surroundings, profiles

    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    near = {each.trace_id for landing in landings for each in landing.neighbours}
    return Surroundings(
        clusters={each.id: each.name for each in store.clusters()},
        profiles=profiles(embedded.texts, [cluster_of_cell[cell] for cell in cell_of]),
        traces={trace: text for trace, text in zip(embedded.ids, embedded.texts, strict=True) if trace in near},
        accepted=store.states(verdict="accepted").keys(),
    )


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
    """The embedded traces with their cells, placed in their landscape."""
    import numpy as np

    from generator.traffic.coverage import Traffic
    from generator.traffic.landscape import from_arrays, survey, to_arrays

    def surveyed() -> dict[str, Any]:
        landscape = survey(embedded.vectors, config.random_state)
        return to_arrays(landscape, landscape.place(embedded.vectors))

    name = f"landscape-{config.random_state}"
    landscape, placed = from_arrays(embedded.vectors, embedded.kept.arrays(name, surveyed))
    if (known := len(placed.smoothed)) < len(embedded.vectors):
        placed = placed.with_further(embedded.vectors, landscape.place(embedded.vectors[known:]))
        embedded.kept.keep(name, to_arrays(landscape, placed))
    return Traffic(
        ids=embedded.ids,
        counts=np.asarray(embedded.counts, dtype=np.int64),
        cell_of=np.asarray(cell_of, dtype=np.int64),
        placed=placed,
        landscape=landscape,
    )


def run(
    store: Store,
    paths: Sequence[str],
    config: Config,
    narrator: Narrator,
    reading: Reading = USUAL,
) -> DraftingReport:
    """Everything up to the point where people decide."""
    ingest(store, paths, narrator, reading)
    cluster(store, config, narrator)
    drafted = draft(store, config, narrator)
    rank(store, config, narrator)
    return drafted


def shadow(
    store: Store,
    config: Config,
    narrator: Narrator,
    models: Sequence[str],
    items: "Sequence[Sample]",
    *,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    max_tokens: int | None = None,
) -> "ShadowReport":
    """Have candidate models answer items, and let programs decide what they can of the answers."""
    from generator.drafting import shadow as shadowing
    from generator.evalset.answering import check_answers

    with _redactor(store) as redact:
        report = shadowing.shadow(
            store,
            _candidates(config, models),
            items,
            max_cost=config.max_cost,
            concurrency=config.concurrency,
            price=price,
            retry_in_doubt=retry_in_doubt,
            max_tokens=max_tokens or shadowing.MAX_TOKENS,
            redact=redact,
            progress=lambda done, total, spent: narrator.progress(
                "asking", done, total, f"{money(spent)} spent" if spent else ""
            ),
        )
    check_answers(store)
    return report


def estimate_shadow(
    store: Store,
    config: Config,
    models: Sequence[str],
    items: "Sequence[Sample]",
    *,
    price: tuple[float, float] | None = None,
    max_tokens: int | None = None,
) -> list[Estimate]:
    """What `shadow` would cost, for each candidate; sends nothing."""
    from generator.drafting import shadow as shadowing

    return shadowing.estimate_shadow(
        store, _candidates(config, models), items, price=price, max_tokens=max_tokens or shadowing.MAX_TOKENS
    )


def _candidates(config: Config, models: Sequence[str]) -> list[providers.Provider]:
    return [providers.open_provider(each, config.base_url, timeout_s=config.timeout) for each in models]


def items_to_ask(store: Store, split: str | None, count: int | None, fresh: int) -> "list[Sample]":
    """Accepted items of a split, so many of them, and random draws that nobody has decided on.

    Raises:
        StageError: there are none.
    """
    from generator.drafting.shadow import chosen
    from generator.evalset.selection import answerable

    found = chosen((each for each in answerable(store) if split in {None, each.split}), count, fresh)
    if not found:
        raise StageError(
            f"{store.path} has no such items; accept some with: groundset curate {store.path}, "
            "or ask random draws that nobody has decided on, with --fresh N."
        )
    return found


def take_in_answers(
    store: Store, named: Sequence[tuple[str, str]], *, replace: bool = False
) -> "tuple[list[TakenIn], Checked]":
    """Keep answers that were made elsewhere, and let programs decide what they can."""
    from generator.evalset.answering import check_answers, take_in

    with _redactor(store) as redact:
        taken = take_in(store, named, redact, replace=replace)
    return taken, check_answers(store)


@dataclass(frozen=True, slots=True)
class BatchUnderWay:
    """A batch whose results were not read yet."""

    id: str | None
    """The provider's name for it; None where it was not kept."""
    model: str
    calls: int
    reserved_usd: float
    created_at: str


@dataclass(frozen=True, slots=True)
class FewUsers:
    """Clusters that too few users make, so that they are neither shown nor drafted from."""

    min_users: int
    clusters: int
    share: float
    """Their share of the traffic."""


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
    few_users: FewUsers
    note: str | None
    """What the encoder does not see in this traffic."""
    spending: Spending
    batches: tuple[BatchUnderWay, ...]
    candidates: dict[str, int]
    """Who has answered how many items."""
    stale_answers: int
    """Answers to inputs that have changed since."""
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
        few_users=_few_users(store),
        note=store.meta("language_note") or None,
        spending=store.spending_by(),
        batches=tuple(
            BatchUnderWay(
                each.remote_id, f"{each.provider}/{each.model}", each.calls, each.reserved_usd, each.created_at
            )
            for each in store.batches("under_way")
        ),
        candidates=store.candidates(),
        stale_answers=len(store.stale_answers()),
        next=_next_command(store, counts, waiting=waiting),
    )


def _few_users(store: Store) -> FewUsers:
    few = store.few_users()
    share = sum(each.weight for each in store.every_cluster() if each.id in few)
    return FewUsers(store.min_users, len(few), share)


def _next_command(store: Store, counts: Counts, *, waiting: bool) -> str:
    if not counts.traces:
        return f"groundset ingest {store.path} LOGS..."
    if not counts.clusters or not store.is_regrouped():
        return f"groundset cluster {store.path}"
    if not counts.drafts:
        return f"groundset draft {store.path}" + (" --collect" if store.batches("under_way") else "")
    if store.meta("ranked") is None:
        return f"groundset rank {store.path}"
    if waiting or not counts.samples:
        return f"groundset curate {store.path}"
    return f"groundset export {store.path} evals --format inspect"
