"""What was planted in logs never leaves: every request body that a server received is searched for it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from generator import pipeline
from generator.config import Config
from generator.records import Cell, Cluster, Merge
from generator.store import Store
from tests.drafting.plants import MAKERS, Plant, forms, plants
from tests.wire.server import WireServer

_SHOWN = 5
"""Inputs of a cluster, so few that the prompt shows them all."""


def ingested(path: Path, planted: Sequence[Plant]) -> Store:
    """A project that read the plants as a log, and clusters that have each of them sent to a drafter."""
    log = path.with_suffix(".jsonl")
    rows = ({"messages": [message.as_json() for message in plant.messages]} for plant in planted)
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    store = Store.open(path, create=True)
    pipeline.ingest(store, [str(log)], pipeline.Silent())
    ids = [trace_id for trace_id, _, _ in store.trace_texts()]
    share = 1 / len(ids)
    groups = {f"c-{start}": ids[start : start + _SHOWN] for start in range(0, len(ids), _SHOWN)}
    store.replace_clustering(
        [
            Cluster(name, name, "phrases", share * len(group), len(group), len(group), (group[0],))
            for name, group in groups.items()
        ],
        [Cell(number, f"c-{number - number % _SHOWN}", share, 1, trace_id) for number, trace_id in enumerate(ids)],
        [Merge(0 if at == 0 else len(ids) + at - 1, at + 1, 0.1 + at / 1e6) for at in range(len(ids) - 1)],
        {trace_id: number for number, trace_id in enumerate(ids)},
        "made",
    )
    return store


def leaks(bodies: str, planted: Sequence[Plant]) -> list[str]:
    """The kinds and places of the plants that were sent, in whatever dress."""
    return [
        f"{plant.kind} in {plant.place}" for plant in planted if any(form in bodies for form in forms(plant.secret))
    ]


def sent(tmp_path: Path, planted: Sequence[Plant]) -> str:
    """Everything that a server received when drafts were made from these plants."""
    with ingested(tmp_path / "p.groundset", planted) as store, WireServer(["rules"]) as server:
        config = Config(model="openai/m", base_url=server.openai_url)
        report = pipeline.draft(store, config, pipeline.Silent())
        assert report.stopped is None
        assert report.new > 0
        return "\n".join(json.dumps(request.body, ensure_ascii=False) for request in server.requests)


@pytest.fixture(scope="module")
def planted() -> list[Plant]:
    return plants(200, random_state=1)


def test_of_200_planted_secrets_none_is_in_a_request_body(tmp_path: Path, planted: list[Plant]) -> None:
    bodies = sent(tmp_path, planted)
    assert leaks(bodies, planted) == []
    # The texts around them were sent, so there was something to leak.
    arrived = [plant for plant in planted if plant.mark in bodies]
    assert len(arrived) == len(planted)


def test_without_redaction_they_would_be_found(tmp_path: Path, planted: list[Plant]) -> None:
    """The search itself can fail: the same plants unmasked are all there."""
    bodies = json.dumps([[message.as_json() for message in plant.messages] for plant in planted])
    assert len(leaks(bodies, planted)) == len(planted)
    assert len({plant.kind for plant in planted}) == len(MAKERS)


@pytest.mark.parametrize("dress", range(9))
def test_a_secret_is_known_in_every_dress(dress: int) -> None:
    plant = plants(1, random_state=2)[0]
    dressed = list(forms(plant.secret))[dress]
    assert leaks(f"before {dressed} after", [plant])
