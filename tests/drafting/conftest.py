import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.store import Store
from tests.drafting.projects import GROUPS, make_project


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith(("OPENAI_", "ANTHROPIC_", "GROUNDSET_")):
            monkeypatch.delenv(name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with make_project(tmp_path / "test.groundset", GROUPS) as opened:
        yield opened
