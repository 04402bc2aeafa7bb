"""A project of any size, written straight into the store: what the stages would leave, without their work.

Drafts lie in cells as real ones do: most of a draft's reach is in its own cluster and deep in its own cell, the rest
is spread thin over the clusters beside it. Texts are made of a few hundred words, so that searches find much.

    python tests/benchmarks/large.py OUT.groundset --drafts 100000
"""

import argparse
import json
import math
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from generator.migrations import WORDS_OF_DRAFT
from generator.records import Cell, Cluster, Draft, Landing, Message, Neighbour, Trace
from generator.store import Store

THINGS = (
    "refund", "parcel", "invoice", "trial", "login", "password", "order", "address", "seat", "plan", "card", "coupon",
    "export", "webhook", "quota", "device", "delivery", "warranty", "contract", "payment", "account", "receipt",
    "upgrade", "server", "backup", "report", "ticket", "booking", "flight", "hotel",
)  # fmt: skip
PROBLEMS = (
    "late", "missing", "broken", "wrong", "double", "declined", "expired", "locked", "empty", "partial", "unreadable",
    "changed", "cancelled", "lost", "stuck", "duplicate", "delayed", "unexpected", "overdue", "invalid",
)  # fmt: skip
ASKS = ("where is", "please check", "I cannot find", "why was", "can you fix", "who decides about", "when comes")


def make_large(
    path: Path, *, drafts: int, clusters: int = 400, cells_per_cluster: int = 5, reach: int = 43, seed: int = 1
) -> None:
    """Make a project with so many ranked, undecided drafts."""
    draw = random.Random(seed)
    traces = [_trace(number, draw) for number in range(clusters * cells_per_cluster)]
    made, cells = _clusters(clusters, cells_per_cluster, traces)
    with Store.open(path, create=True) as store:
        source = store.begin_source("large.jsonl", "large", 1, "lines", "chat", "made for a benchmark")
        store.add_batch(source.id, traces, [], len(traces), {}, {})
        store.finish_source(source.id)
        cell_of = {trace.id: number for number, trace in enumerate(traces)}
        store.replace_clustering(made, cells, [], cell_of, "made for a benchmark")
        database: sqlite3.Connection = store._db
        database.execute("PRAGMA synchronous = OFF")
        homes = [draw.choices(range(len(cells)), [cell.weight for cell in cells], k=1)[0] for _ in range(drafts)]
        ids: list[str] = []
        for start in range(0, drafts, 10_000):
            some = [_draft(number, homes[number], cells, draw) for number in range(start, min(start + 10_000, drafts))]
            ids += [draft.id for draft in some]
            store.add_drafts(some)
        store.replace_landings(_landings(ids, homes, cells, traces, reach, draw), "made for a benchmark")


def multiply(path: Path, times: int) -> None:
    """Put copies of all drafts beside them, by other ids, so that there are so many times as many."""
    with Store.open(path) as store:
        database: sqlite3.Connection = store._db
        database.execute("PRAGMA synchronous = OFF")
        (drafts,) = database.execute("SELECT max(number) FROM draft").fetchone()
        database.execute("BEGIN")
        for copy in range(1, times):
            columns = "origin, kind, messages, criteria, must_not, why, cluster_id, model, prompt_hash, call_key, "
            columns += "reference, invented, weight, stratum"
            database.execute(
                f"INSERT INTO draft (number, id, {columns}) SELECT number + ?, id || ?, {columns} FROM draft "
                "WHERE number <= ?",
                (copy * drafts, f"-{copy}", drafts),
            )
            places = "cell_id, cluster_id, neighbours, alike, off_traffic, reach"
            database.execute(
                f"INSERT INTO landing (draft_id, {places}, worth, lot) SELECT draft_id || ?, {places}, "
                "worth * (1 - 0.001 * ?), abs(random() % 4503599627370496) FROM landing "
                "WHERE draft_id IN (SELECT id FROM draft WHERE number <= ?)",
                (f"-{copy}", copy, drafts),
            )
        database.execute(f"INSERT INTO draft_words (rowid, words) {WORDS_OF_DRAFT} WHERE number > ?", (drafts,))
        database.execute("COMMIT")


def _trace(number: int, draw: random.Random) -> Trace:
    text = f"{draw.choice(ASKS)} the {draw.choice(PROBLEMS)} {draw.choice(THINGS)} no {number}"
    return Trace(Trace.id_of(text), text, (Message("user", text),), source="large", position=number + 1, count=10)


def _clusters(count: int, parts: int, traces: list[Trace]) -> tuple[list[Cluster], list[Cell]]:
    total = sum(1 / (place + 3) for place in range(count))
    clusters, cells = [], []
    for place in range(count):
        weight = 1 / (place + 3) / total
        name = f"{THINGS[place % len(THINGS)]}: {PROBLEMS[(place // len(THINGS)) % len(PROBLEMS)]} {place}"
        clusters.append(Cluster(f"c{place}", name, "phrases", weight, round(weight * 1e6), 100, (traces[place].id,)))
        shares = [2.0**-part for part in range(parts)]
        cells += [
            Cell(place * parts + part, f"c{place}", weight * share / sum(shares), 20, traces[place * parts + part].id)
            for part, share in enumerate(shares)
        ]
    return clusters, cells


def _draft(number: int, home: int, cells: list[Cell], draw: random.Random) -> Draft:
    text = (
        f"{draw.choice(ASKS)} the {draw.choice(PROBLEMS)} {draw.choice(THINGS)}, case {number}? "
        f"It was {draw.choice(PROBLEMS)} since the {draw.choice(THINGS)} {draw.choice(PROBLEMS)} again."
    )
    messages = (Message("system", "You help customers."), Message("user", text))
    return Draft(
        Draft.id_of("variant", messages),
        "variant",
        "other_words",
        messages,
        (f"Names the {draw.choice(THINGS)}", f"Says what happens to the {draw.choice(THINGS)}", "Promises no date"),
        (f"blame the {draw.choice(THINGS)}",),
        "",
        cells[home].cluster_id,
        (),
        model="made/up",
    )


def _landings(
    ids: list[str], homes: list[int], cells: list[Cell], traces: list[Trace], reach: int, draw: random.Random
) -> Iterator[Landing]:
    of_home: dict[int, list[int]] = {}
    for number, home in enumerate(homes):
        of_home.setdefault(home, []).append(number)
    for number, (draft_id, home) in enumerate(zip(ids, homes, strict=True)):
        skill = draw.uniform(0.5, 1.0)
        spread = {}
        for step in range(reach):
            cell = (home + (-1) ** step * math.ceil(step / 2)) % len(cells)
            depth = skill * 0.95 * math.exp(-step / 6) * draw.uniform(0.6, 1.0) + 0.05
            spread[cell] = round(depth, 4)
        peers = draw.sample(of_home[home], min(12, len(of_home[home])))
        alike = sorted((round(draw.betavariate(8, 2.5), 4), peer) for peer in peers if peer != number)[::-1]
        near = draw.sample(range(len(traces)), 3)
        yield Landing(
            draft_id,
            home,
            cells[home].cluster_id,
            tuple(Neighbour(traces[each].id, round(0.9 - 0.1 * place, 2)) for place, each in enumerate(near)),
            tuple((ids[peer], similarity) for similarity, peer in alike),
            tuple(sorted(spread.items(), key=lambda each: -each[1])),
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--drafts", type=int, default=100_000)
    parser.add_argument("--reach", type=int, default=43)
    parser.add_argument("--times", type=int, default=1, help="copies of each draft")
    options = parser.parse_args()
    started = time.monotonic()
    if not options.out.exists():
        make_large(options.out, drafts=options.drafts, reach=options.reach)
    multiply(options.out, options.times)
    print(json.dumps({"drafts": options.drafts, "bytes": options.out.stat().st_size, "s": time.monotonic() - started}))


if __name__ == "__main__":
    main()
