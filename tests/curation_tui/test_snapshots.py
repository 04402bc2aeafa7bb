"""Every screen at four sizes, as it was looked at and found good; a changed one fails with the lines that differ.

Looked at and meant? Then: SNAPSHOTS=update .venv/bin/python -m pytest tests/curation_tui/test_snapshots.py -n 0
"""

import asyncio
import contextlib
import difflib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from generator.store import Store
from tests.curation_tui.projects import lay_out, make_project
from tests.curation_tui.views import (
    SIZES,
    THEMES_SHOWN,
    VIEWS,
    Stage,
    View,
    colours,
    cut,
    faint,
    named,
    open_borders,
    staged,
)

KEPT = Path(__file__).parent / "snapshots"
SHOWN = [view for view in VIEWS if view.name not in {"note", "list-marked", "map-zoomed"}]  # others show the same
PARTS = 4  # that several processes can share
UPDATES = os.environ.get("SNAPSHOTS") == "update"
PROJECT = Path("support-bot.groundset")
# What is of the clock: the time of a commit, that of a step, how long a look took.
MASKS = ((re.compile(r"\d\d:\d\d:\d\d"), "hh:mm:ss"), (re.compile(r"\d\d \w{3} hh"), "dd mon hh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which three people have decided, somebody drafts, and the map is drawn."""
    made_in = tmp_path_factory.mktemp("snapshots")
    path = made_in / PROJECT
    ids = make_project(path, drafts=40)
    lay_out(path)
    with Store.open(path) as store:
        store.decide(ids[:6], "accept", "ana")
        store.decide(ids[6:9], "reject", "ana", reason="too easy")
        store.decide(ids[9:12], "accept", "ben")
        store.decide(ids[12:13], "later", "ana")
        store.hidden.update(ids)
        store.decide(ids[9:11], "reject", "cleo", reason="out of scope")
        store.hidden.clear()
        for number in range(6):
            store.plan_call(f"k{number}", f"c{number % 3}", "anthropic", "claude-test", "hash")
            store.call_sent(f"k{number}", 0.25)
        store.call_answered("k0", b"{}")
        store.call_settled("k0", "ok", {}, 0.125)
        store.call_ended("k1", "in_doubt", "the connection was cut")
        fix_the_clock(store)
    return made_in


def fix_the_clock(store: Store) -> None:
    """Put decisions three seconds apart, so that paces are the same every time."""
    start = datetime(2026, 9, 1, 8, tzinfo=UTC)
    for place, (seq,) in enumerate(store._db.execute("SELECT seq FROM event ORDER BY seq").fetchall()):
        at = (start + timedelta(seconds=3 * place)).isoformat()
        store._db.execute("UPDATE event SET at = ?, uuid = ? WHERE seq = ?", (at, f"uuid-{place:03d}", seq))
    store._db.commit()


async def captured(stage: Stage) -> dict[str, str]:
    """What a view shows at each size, and a digest of its colours in each theme; by size."""
    found: dict[str, str] = {}
    for size in SIZES:
        await stage.resize(size)
        digests = []
        for theme in THEMES_SHOWN:
            await stage.dress(theme)
            faults = [*open_borders(stage), *cut(stage), *faint(stage)]
            digests += [f"{theme} {colours(stage.strips())}", *(f"fault: {each}" for each in faults)]
        found[named(size)] = "\n".join([masked("\n".join(stage.lines())), "", *digests, ""])
    return found


async def all_captured(views: Sequence[View]) -> dict[str, str]:
    """Views at all sizes, by the name of the file; one app shows them one after the other."""
    found = {}
    async with staged(PROJECT) as stage:
        for view in views:
            await stage.go_to(view)
            found |= {f"{view.name}-{size}.txt": text for size, text in (await captured(stage)).items()}
            await stage.back(view)
    return found


def masked(text: str) -> str:
    for pattern, words in MASKS:
        text = pattern.sub(words, text)
    return text


@pytest.mark.parametrize("part", range(PARTS))
def test_every_screen_is_as_it_was(folder: Path, part: int) -> None:
    with contextlib.chdir(folder):  # the Export screen names the folder that it would write to
        found = asyncio.run(all_captured(SHOWN[part::PARTS]))
    assert not [line for text in found.values() for line in text.splitlines() if line.startswith("fault: ")]
    if UPDATES:
        KEPT.mkdir(exist_ok=True)
        for name, text in found.items():
            (KEPT / name).write_text(text, encoding="utf-8")
    changed = [line for name, text in found.items() for line in differing(KEPT / name, text)]
    assert not changed, "\n".join(["", *changed, "", str(__doc__).splitlines()[2]])


def test_nothing_is_kept_of_a_screen_that_is_gone() -> None:
    assert {path.name for path in KEPT.iterdir()} == {
        f"{each.name}-{named(size)}.txt" for each in SHOWN for size in SIZES
    }


def differing(kept: Path, found: str) -> Iterator[str]:
    before = kept.read_text(encoding="utf-8") if kept.exists() else ""
    return difflib.unified_diff(before.splitlines(), found.splitlines(), f"{kept.name} as kept", "now", lineterm="")
