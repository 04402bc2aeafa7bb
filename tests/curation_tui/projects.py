"""Project files for the tests of the terminal app, built from records as the stages would leave them."""

import contextlib
import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generator.errors import ProjectError
from generator.judging import Answer
from generator.records import Cell, Cluster, Draft, Landing, Message, Neighbour, ToolCall, Trace
from generator.store import Store


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    asks: tuple[str, ...]
    criteria: tuple[str, ...]
    must_not: tuple[str, ...]


TOPICS = (
    Topic(
        "refund: partial",
        (
            "sent back 2 of 3 shoes and got only one refund",
            "partial return, where is the rest of my money",
            "returned 2, refunded 1. order ⟦ORDER-1⟧",
            "I returned two of three items from order ⟦ORDER-2⟧, but you refunded only one. The box had both. "
            "Can you check and fix it?",
        ),
        (
            "Says that two items are logged as returned and one refund is missing",
            "Opens a refund request for the second item",
            "Does not promise a date",
        ),
        ("refund the third item", "ask for a photo first"),
    ),
    Topic(
        "cancel: trial ended",
        (
            "my trial ended yesterday and I was charged 49",
            "cancel my trial before it renews please",
            "charged after trial, want it stopped",
        ),
        ("Explains when the trial ended", "Offers to cancel at once"),
        ("blame the customer",),
    ),
    Topic(
        "login: SSO loop",
        ("login sends me back to the login page", "SSO redirects forever since this morning", "can't log in with okta"),
        ("Asks for the identity provider", "Names the cookie setting to check"),
        (),
    ),
    Topic(
        "invoice: VAT number",
        ("add our VAT number to the invoice", "the invoice lacks the VAT id ⟦TAX_ID-1⟧", "need invoice with VAT"),
        ("Says where to enter a VAT number", "Offers to issue the invoice again"),
        ("give tax advice",),
    ),
    Topic(
        "lang: pt-BR billing",
        ("minha fatura veio errada", "quero mudar a forma de pagamento", "por que fui cobrado duas vezes?"),
        ("Answers in Portuguese", "Names both charges with their dates"),
        ("answer in English",),
    ),
)
KINDS = ("other_words", "missing_detail", "typos", "changed_mind", "negation", "two_needs")
CELLS_PER_CLUSTER = 4


def make_project(
    path: Path,
    *,
    drafts: int = 12,
    clusters: int = 5,
    inputs: Sequence[str] = (),
    model: str = "anthropic/claude-test",
    ranked: bool = True,
) -> list[str]:
    """Make a project; returns the ids of its drafts in the order in which they were made.

    `inputs` are texts for the first drafts and traces, in place of the made-up ones.
    """
    made = _drafts(drafts, clusters, inputs, model)
    with Store.open(path, create=True) as store:
        traces = _traces(clusters, inputs)
        source = store.begin_source("support.jsonl", f"digest of {path.name}", 1, "lines", "chat", "a test")
        store.add_batch(source.id, traces, [], len(traces), {}, {})
        found, cells = _clusters(clusters, traces)
        cell_of_trace = {trace.id: cells[place % len(cells)].id for place, trace in enumerate(traces)}
        store.replace_clustering(found, cells, [], cell_of_trace, "clustered by a test")
        store.add_drafts(made)
        if ranked:
            store.replace_landings(landings(made, traces, cells), "ranked by a test")
    return [draft.id for draft in made]


def add_drafts(path: Path, numbers: Sequence[int]) -> list[str]:
    """Put more drafts into a project, as another process would while the app runs."""
    with Store.open(path) as store:
        clusters = store.clusters()
        new = [_draft(number, len(clusters), None, "anthropic/claude-test") for number in numbers]
        store.add_drafts(new)
        traces = store.traces(each[0] for each in store.trace_texts())
        store.replace_landings(landings(store.drafts(), traces, store.cells()), "ranked again")
    return [draft.id for draft in new]


def fill_disk(store: Store) -> None:
    """Let every further write of this connection fail as on a full disk."""
    database: sqlite3.Connection = store._db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    # What room is left on the last page of the events goes too.
    with contextlib.suppress(ProjectError):
        while True:
            store.decide(["d-ballast"], "later", "nobody")


def free_disk(store: Store) -> None:
    """Take `fill_disk` back."""
    database: sqlite3.Connection = store._db
    database.execute("PRAGMA max_page_count = 1073741823")


def _traces(clusters: int, inputs: Sequence[str]) -> list[Trace]:
    made = []
    for number in range(max(clusters * CELLS_PER_CLUSTER, len(inputs))):
        topic = TOPICS[number % len(TOPICS)]
        ask = topic.asks[(number // len(TOPICS)) % len(topic.asks)]
        text = inputs[number] if number < len(inputs) else _numbered(ask, number)
        made.append(
            Trace(
                Trace.id_of(f"{number} {text}"),
                text,
                (Message("user", text),),
                seen_at=f"2026-09-{number % 28 + 1:02d}T08:00:00+00:00",
                source="support.jsonl",
                position=number + 1,
                count=37 - number % 30,
            )
        )
    return made


def _clusters(count: int, traces: Sequence[Trace]) -> tuple[list[Cluster], list[Cell]]:
    total = count * (count + 1) / 2
    clusters, cells = [], []
    for place in range(count):
        weight = (count - place) / total
        exemplars = tuple(trace.id for trace in traces[place::count][:3])
        name = TOPICS[place % len(TOPICS)].name + ("" if place < len(TOPICS) else f" {place // len(TOPICS) + 1}")
        clusters.append(Cluster(f"c{place}", name, "phrases", weight, round(weight * 10_000), 120, exemplars))
        for part in range(CELLS_PER_CLUSTER):
            share = weight * (0.4, 0.3, 0.2, 0.1)[part]
            cells.append(Cell(place * CELLS_PER_CLUSTER + part, f"c{place}", share, 30, exemplars[0]))
    return clusters, cells


def _drafts(count: int, clusters: int, inputs: Sequence[str], model: str) -> list[Draft]:
    return [
        _draft(number, clusters, inputs[number] if number < len(inputs) else None, model) for number in range(count)
    ]


def _draft(number: int, clusters: int, text: str | None, model: str) -> Draft:
    topic = TOPICS[number % clusters % len(TOPICS)]
    # The fullest ask first, so that the first item on screen is a proper one.
    ask = topic.asks[-1 - (number // clusters) % len(topic.asks)]
    user = text if text is not None else _numbered(ask, number)
    messages = [Message("system", "You help the customers of a shoe shop."), Message("user", user)]
    if number % clusters == 0:
        call = ToolCall("call-1", "orders.get", '{"order":"⟦ORDER-2⟧"}')
        messages += [
            Message("assistant", "", (call,)),
            Message("tool", "3 lines, 2 back, 1 refunded", tool_call_id="call-1"),
            Message("user", "So where is the rest of my money?"),
        ]
    draft = Draft(
        id="",
        origin="edge" if number % 2 else "variant",
        kind=KINDS[number % len(KINDS)],
        messages=tuple(messages),
        criteria=topic.criteria if text is None else (text, *topic.criteria),
        must_not=topic.must_not if text is None else (text, *topic.must_not),
        why="Half of these customers write again within a day." if text is None else text,
        cluster_id=f"c{number % clusters}",
        source_ids=(),
        model=model,
        prompt_hash="0123456789abcdef",
        reference=text,
        invented=("an order with 3 lines",) if text is None else (text,),
    )
    return replace(draft, id=Draft.id_of(draft.origin, (*draft.messages, Message("user", str(number)))))


def landings(drafts: Sequence[Draft], traces: Sequence[Trace], cells: Sequence[Cell]) -> list[Landing]:
    """Where drafts lie: mostly in their own cluster, now and then elsewhere or off the traffic."""
    found = []
    for place, draft in enumerate(drafts):
        draw = random.Random(draft.id)
        own = [cell for cell in cells if cell.cluster_id == draft.cluster_id]
        elsewhere = place % 11 == 7 and len(cells) > len(own)
        home = draw.choice([cell for cell in cells if cell not in own] if elsewhere else own)
        near = draw.sample(list(traces), min(4, len(traces)))
        similarities = sorted((round(draw.uniform(0.6, 0.95), 2) for _ in near), reverse=True)
        peers = [other.id for other in drafts if other.cluster_id == draft.cluster_id and other.id != draft.id][:3]
        found.append(
            Landing(
                draft.id,
                home.id,
                home.cluster_id,
                tuple(Neighbour(trace.id, each) for trace, each in zip(near, similarities, strict=True)),
                tuple((peer, round(0.9 - 0.1 * rank, 2)) for rank, peer in enumerate(peers)),
                tuple((cell.id, round(draw.uniform(0.2, 0.9), 2)) for cell in dict.fromkeys([home, *own[:2]])),
                off_traffic=place % 13 == 9,
            )
        )
    return found


def _numbered(text: str, number: int) -> str:
    return text if number < len(TOPICS) else f"{text} (no. {number})"


def lay_out(path: Path) -> None:
    """Draw a map of a project, as ranking does."""
    import numpy as np

    from generator.traffic import layout

    with Store.open(path) as store:
        cells = {trace: cell for trace, cell in store.trace_cells() if cell is not None}
        draw = np.random.default_rng(3)
        centres = draw.random((len(store.cells()), 2)) * 0.8 + 0.1
        cell_of = np.array(list(cells.values()), dtype=np.int64)
        made = layout.Layout(np.clip(centres[cell_of] + 0.02 * draw.normal(size=(len(cells), 2)), 0, 1), centres)
        counts = np.array([count for _, _, count in store.trace_texts()], dtype=np.int64)
        tiles = layout.tiles(made.places(), counts, cell_of)
        ranked = store.meta("ranked")
        store.replace_layout(made.places().astype("<u2").tobytes(), made.cell_places(), tiles, "by a test")
        if ranked is not None:
            store.set_meta("ranked", ranked)
        spots = made.cell_places()
        landed = {row.draft_id: row.cell_id for row in store.queue_rows()}
        store.replace_draft_places({draft: spots[cell] for draft, cell in landed.items() if cell is not None})


def add_answers(path: Path, outputs: Mapping[str, Sequence[str]], *, drawn: bool = True) -> None:
    """Let candidates answer every item; each takes its texts in turn. `drawn`: four in five are random draws."""
    with Store.open(path) as store:
        drafts = store.drafts()
        if drawn:
            chosen = [each.id for place, each in enumerate(drafts) if place % 5]
            store._db.executemany("UPDATE draft SET origin = 'random' WHERE id = ?", [(each,) for each in chosen])
            weights = {each.id: (1 / len(chosen), each.cluster_id) for each in drafts if each.id in set(chosen)}
            store.set_random_frame(weights)
        contents = store.contents([each.id for each in drafts])
        store.put_answers(
            [
                Answer(
                    each.id,
                    candidate,
                    texts[place % len(texts)],
                    contents[each.id].asked,
                    contents[each.id].expected,
                    "file",
                    "a.jsonl",
                )
                for candidate, texts in outputs.items()
                for place, each in enumerate(drafts)
            ]
        )
