"""Review without a screen, as a process with pipes."""

import subprocess
import sys
from pathlib import Path

from generator.store import Store
from tests.curation_tui.projects import make_project
from tests.hostile.corpus import HOSTILE


def plain(project: Path, typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "curation_tui", str(project), "--plain", "--as", "ana"],
        input=typed, capture_output=True, text=True, encoding="utf-8", errors="surrogateescape", timeout=60,
    )  # fmt: skip


def test_the_keys_of_the_screen_decide(tmp_path: Path) -> None:
    make_project(tmp_path / "p.groundset")
    done = plain(tmp_path / "p.groundset", "a\nx 3\n \n\nt refund late\nn ask again\nf\nu\nzz\nq\n")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "zz is no key" in done.stdout
    assert "Why next: " in done.stdout
    with Store.open(tmp_path / "p.groundset") as store:
        verbs = [decision.verb for decision in store.decisions()]
        assert verbs == ["accept", "reject", "reason", "later", "tag", "note", "flag", "undo"]
        states = list(store.states().values())
        assert {state.tags for state in states} == {(), ("refund", "late")}
        assert not any(state.flagged for state in states)


def test_the_end_of_the_input_ends_it_and_a_bare_return_decides_nothing(tmp_path: Path) -> None:
    make_project(tmp_path / "p.groundset")
    assert plain(tmp_path / "p.groundset", "\n\n\n").returncode == 0
    with Store.open(tmp_path / "p.groundset") as store:
        assert store.decisions() == []


def test_hostile_texts_are_read_out_without_a_control(tmp_path: Path) -> None:
    texts = [text for text in HOSTILE.values() if text.encode("utf-8", "ignore").decode() == text][:40]
    make_project(tmp_path / "p.groundset", drafts=len(texts), inputs=texts)
    done = plain(tmp_path / "p.groundset", "j\n" * len(texts) + "a\nq\n")
    assert done.returncode == 0
    assert not [each for each in done.stdout if (ord(each) < 32 and each != "\n") or 0x7F <= ord(each) < 0xA0]
