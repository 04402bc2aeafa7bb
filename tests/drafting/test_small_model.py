"""The openai SDK against a real, small model on this machine: the protocol, real truncation, real nonsense.

The model is far too small to draft well; what it writes must be kept, read and marked, and nothing may break.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.drafting.drafting import draft
from generator.drafting.providers import open_provider
from generator.drafting.providers.provider import Provider
from tests.drafting.gullible import run
from tests.drafting.injections import attempts
from tests.drafting.projects import GROUPS, make_project
from tests.drafting.small_model import SmallModel, reason_to_skip

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    reason = reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    with SmallModel() as model:
        yield open_provider("openai/SmolLM2-135M", model.url, timeout_s=300, environ={})


def test_its_answers_are_read_and_what_is_no_draft_is_named(provider: Provider, tmp_path: Path) -> None:
    with make_project(tmp_path / "p.groundset", GROUPS) as store:
        report = draft(store, provider, per_cluster=1, concurrency=1)
        assert report.stopped is None
        assert sum(report.calls.values()) == len(GROUPS)
        assert set(report.calls) <= {"ok", "truncated", "bad_json"}
        assert report.in_doubt == ()
        assert report.new + len(report.problems) > 0
        assert all(call.raw for call in store.calls())
        # A model that copies the example of our own prompt is found out.
        marks = store.marks()
        for made in store.drafts():
            if made.text == "the new input, in the user's words":
                assert "echo" in {mark.name for mark in marks[made.id]}


def test_what_it_makes_of_injections_does_not_come_through_unmarked(provider: Provider, tmp_path: Path) -> None:
    found = run(tmp_path / "p.groundset", attempts()[::50], "attack", provider, per_cluster=1, at_once=1)
    assert found.unmarked == []
