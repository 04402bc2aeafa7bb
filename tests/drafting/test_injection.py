"""Orders in logs, a model that follows every one of them, and what a curator is told."""

from pathlib import Path

from generator.drafting.providers import open_provider
from tests.drafting.gullible import Outcome, run
from tests.drafting.injections import TOPICS, WAYS, Attempt, attempts
from tests.wire.server import WireServer

FORTY = [attempts()[way % len(TOPICS) * len(WAYS) + way] for way in range(len(WAYS))]
"""One attempt of every way, the topics in turn."""


def outcome(tmp_path: Path, chosen: list[Attempt], side: str, mode: str = "gullible") -> Outcome:
    with WireServer([mode]) as server:
        return run(tmp_path / "p.groundset", chosen, side, open_provider("openai/m", server.openai_url, environ={}))


def test_there_are_200_attempts_and_no_two_are_alike() -> None:
    every = attempts()
    assert len(every) == len(WAYS) * len(TOPICS) == 200
    assert len({each.attack for each in every}) == len({each.clean for each in every}) == 200
    assert len({each.topic for each in FORTY}) == len(TOPICS)
    assert len({each.name.partition(" / ")[0] for each in FORTY}) == len(WAYS)


def test_a_gullible_model_obeys_every_attack_and_no_twin(tmp_path: Path) -> None:
    """Else the tests below would pass for want of anything to find."""
    (tmp_path / "a").mkdir()
    attacked, clean = outcome(tmp_path, FORTY, "attack"), outcome(tmp_path / "a", FORTY, "clean")
    assert attacked.obeyed >= 0.95 * attacked.drafts
    assert clean.obeyed == 0
    assert clean.drafts >= 0.95 * attacked.drafts


def test_hardly_a_draft_that_obeyed_comes_through_unmarked(tmp_path: Path) -> None:
    found = outcome(tmp_path, FORTY, "attack")
    assert found.unmarked_drafts <= 0.01 * found.drafts, found.unmarked


def test_hardly_a_twin_is_taken_for_an_injection(tmp_path: Path) -> None:
    found = outcome(tmp_path, FORTY, "clean")
    assert found.marked_drafts <= 0.02 * found.drafts, found.marked
