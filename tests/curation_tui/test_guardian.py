"""Whatever becomes of the app: the terminal is restored and no decision is lost."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from curation_tui.item import short_id
from curation_tui.session import Session
from generator.store import Store
from tests.curation_tui.projects import lay_out, make_project
from tests.curation_tui.terminal import ROOT, Terminal, review

FATAL = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "support.groundset"
    make_project(path, drafts=24)
    return path


def verbs(project: Path) -> list[str]:
    with Store.open(project) as store:
        return [each.verb for each in store.decisions()]


def process(pid: int) -> list[str]:
    """State and figures of a process; a Z for one that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ["Z", *["0"] * 20]


def processor_seconds(pid: int) -> float:
    return sum(int(each) for each in process(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def gone(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process(pid)[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_keys_go_in_and_decisions_come_out(project: Path) -> None:
    with review(project) as terminal:
        terminal.send("a")
        terminal.wait_for("accepted", "saved")
        terminal.send("x3")
        terminal.wait_for("rejected: wrong expected behaviour")
        terminal.send(" u\x1b[B\x1b[A")
        terminal.wait_for("undone: later")
        terminal.send("\x1a")  # ctrl+z is undo, not suspend
        terminal.wait_for("undone: reason")
        terminal.send("q")
        assert terminal.wait() == 0
        assert "1 decided" in terminal.text() or "2 decided" in terminal.text()
        assert "groundset export" in terminal.text()
        assert terminal.modes_left_on() == set()
        assert terminal.is_restored()
    assert verbs(project) == ["accept", "reject", "reason", "later", "undo", "undo"]


@pytest.mark.parametrize("number", FATAL, ids=lambda each: each.name)
def test_the_terminal_is_restored_after_any_end_of_the_app(project: Path, number: signal.Signals) -> None:
    with review(project) as terminal:
        assert not terminal.is_restored()
        terminal.send("a")
        terminal.wait_for("accepted")
        os.kill(terminal.app, number)
        assert terminal.wait() == 128 + number
        assert terminal.modes_left_on() == set()
        assert terminal.is_restored()
    assert verbs(project) == ["accept"]


@pytest.mark.parametrize("number", PASSED_ON, ids=lambda each: each.name)
def test_signals_to_the_guardian_end_both(project: Path, number: signal.Signals) -> None:
    with review(project) as terminal:
        app = terminal.app
        os.kill(terminal.guardian, number)
        assert terminal.wait() == 128 + number
        assert gone(app, 1.0)
        assert terminal.modes_left_on() == set()
        assert terminal.is_restored()


def test_a_stuck_app_ends_all_the_same(project: Path) -> None:
    with review(project) as terminal:
        os.kill(terminal.app, signal.SIGSTOP)
        time.sleep(0.2)
        # The guardian stops with its child, as jobs do; a signal and a wake-up reach both.
        os.kill(terminal.guardian, signal.SIGCONT)
        os.kill(terminal.guardian, signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        assert terminal.is_restored()


def test_without_its_guardian_the_app_ends_and_restores_the_terminal(project: Path) -> None:
    with review(project) as terminal:
        app = terminal.app
        os.kill(terminal.guardian, signal.SIGKILL)
        assert gone(app, 5.0)
        assert terminal.wait() == -signal.SIGKILL
        assert terminal.modes_left_on() == set()
        assert terminal.is_restored()


def test_a_closed_terminal_ends_both_and_burns_no_time(project: Path) -> None:
    with review(project) as terminal:
        app = terminal.app
        before = processor_seconds(app)
        terminal.close()
        spent = before
        until = time.monotonic() + 5.0
        while time.monotonic() < until and not gone(app, 0.03):
            spent = max(spent, processor_seconds(app))
        assert gone(app, 0.1)
        assert gone(terminal.guardian, 1.0)
        assert spent - before < 1.0


def test_saved_decisions_survive_the_end_of_both(project: Path) -> None:
    saved = []
    for _ in range(3):
        with review(project) as terminal:
            shown = re.search(r"(d-[0-9a-f]{6}) · NEW", terminal.text())[1]
            terminal.send("a")
            terminal.wait_for(f"{shown} accepted")
            saved.append(shown)
            app = terminal.app
            os.kill(terminal.guardian, signal.SIGKILL)
            os.kill(app, signal.SIGKILL)
    with Store.open(project) as store:
        assert [short_id(each.draft_id) for each in store.decisions()] == saved


WORK = (
    # Where a person is, and what they type there: the way to it, then keys that decide or go on.
    ("review", "", ("a", "x", "x3", " ", "u", "fj")),
    ("list", "l", ("X", "A", "j", "jj", " ", "u")),
    ("second look", "S", ("a", "x", "x6", "j")),
    ("clusters", "c", ("+", "+", "j", "k")),
    ("map", "axm", ("n", "z", "Z", "T", "C")),
    ("runs", "aar", ("\t", "R")),
    ("export", "xxw", ("j", " ", "d")),
    ("edit", "e", ("\t", "words ", "\x13e")),
    ("a prompt", "t", ("late ", "\rat")),
    ("a window", "ax?", ("j", " ")),
)
# What the screen says once an act is on disk.
SAVED = re.compile(r"[✓✗✎~] (?:saved: )?(d-[0-9a-f]{6}) (?:accepted|rejected|put off)")
TALLY = re.compile(r"✓(\d+) ✎(\d+) ✗(\d+)")
PLANNED = re.compile(r"saved: (\d+) samples? planned")


@dataclass
class Kills:
    """What became of a project whose app was killed again and again."""

    by_signal: Counter[str] = field(default_factory=Counter)
    by_place: Counter[str] = field(default_factory=Counter)
    named: set[str] = field(default_factory=set)
    """Short ids of which a screen said that the decision is saved."""
    counted: int = 0
    """Verdicts that the screens had counted when they died."""
    planned: int = 0
    """The highest target of a cluster that a screen said was saved."""
    modes_left_on: int = 0
    not_restored: int = 0
    lost: int = 0
    on_disk: int = 0

    def __str__(self) -> str:
        places = ", ".join(f"{count} {name}" for name, count in self.by_place.items())
        signals = ", ".join(f"{count} {name}" for name, count in sorted(self.by_signal.items()))
        return (
            f"{self.by_place.total()} kills ({signals}; {places}): {self.modes_left_on} terminal modes left on, "
            f"{self.not_restored} terminals not restored, {self.lost} of {len(self.named)} acknowledged drafts lost, "
            f"{self.counted} verdicts counted on screen and {self.on_disk} on disk"
        )


def kill_often(project: Path, kills: int, draw: random.Random) -> Kills:
    """Kill app or guardian at random times, by every signal, on every screen, while keys decide."""
    found = Kills()
    for number in range(kills):
        name, way, keys = WORK[number % len(WORK)]
        victim, signum = ("app", "guardian")[number // len(FATAL) % 2], FATAL[number % len(FATAL)]
        found.by_signal[signum.name] += 1
        found.by_place[name] += 1
        # Every tenth is still starting.
        size = draw.choice([(120, 36), (80, 24), (60, 16)])
        with Terminal(str(project), "--as", "ana", size=size) as terminal:
            if number % 10 == 9:
                terminal.read(draw.uniform(0.1, 1.0))
            else:
                terminal.wait_for("a accept", "u undo", seconds=60)
                terminal.send(way)
                terminal.read(0.3 if way else 0.0)
                for _ in range(draw.randrange(1, 20)):
                    terminal.send(draw.choice(keys))
                    terminal.read(draw.uniform(0.0, 0.12))
            end(terminal, victim, signum)
            learn(found, terminal)
    with Store.open(project) as store:
        own = [each for each in store.decisions() if each.actor == "ana"]
        found.lost = len(found.named - {short_id(each.draft_id) for each in own})
        found.on_disk = sum(each.verb in {"accept", "reject"} for each in own)
        assert found.planned <= max((aim.target for aim in store.aims().values()), default=0)
        assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return found


def end(terminal: Terminal, victim: str, number: signal.Signals) -> None:
    """Kill one of the two, and wait until both are gone."""
    started = terminal.children()
    if victim == "app" and not started:
        victim = "guardian"  # there is no app yet
    os.kill(started[0] if victim == "app" else terminal.guardian, number)
    code = terminal.wait(30)
    # What the guardian is told it passes on, and ends as its child does; other signals end it at once.
    assert code in {128 + number, -number}, (victim, number, code)
    for _ in range(80):  # a terminal that nobody reads fills up, and cannot be restored
        terminal.read(0.1)
        if all(gone(each, 0.03) for each in started):
            break
    assert all(gone(each, 0.1) for each in started)
    terminal.read(0.1)


def learn(found: Kills, terminal: Terminal) -> None:
    """What the screen had said, and how the terminal was left."""
    said = bytes(terminal.output).decode("utf-8", "replace")
    found.named |= set(SAVED.findall(said))
    found.counted += max((sum(map(int, tally)) for tally in TALLY.findall(said)), default=0)
    found.planned = max([found.planned, *map(int, PLANNED.findall(said))])
    found.modes_left_on += len(terminal.modes_left_on())
    found.not_restored += not terminal.is_restored()


@pytest.mark.parametrize("kills", [len(WORK), pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_no_saved_decision_is_lost_however_often_it_is_killed(tmp_path: Path, kills: int) -> None:
    project = tmp_path / "many.groundset"
    made = make_project(project, drafts=30 * kills)
    lay_out(project)
    with Store.open(project) as store:
        store.decide(made[: 10 * kills], "accept", "ben")  # a tenth of which wait for a second look
    found = kill_often(project, kills, random.Random(11))
    print(found)
    assert (found.modes_left_on, found.not_restored, found.lost) == (0, 0, 0)
    assert found.named
    assert found.counted <= found.on_disk


def test_a_hundred_keys_at_once_are_a_hundred_decisions(tmp_path: Path) -> None:
    project = tmp_path / "many.groundset"
    make_project(project, drafts=150)
    with review(project) as terminal:
        terminal.send("ax" * 50)
        terminal.wait_for("✓50 ✎0 ✗50")
        terminal.send("q")
        terminal.wait()
    with Store.open(project) as store:
        assert len({each.draft_id for each in store.decisions()}) == 100
    assert verbs(project) == ["accept", "reject"] * 50


def test_a_paste_decides_nothing(project: Path) -> None:
    with review(project) as terminal:
        terminal.send("\x1b[200~" + "a" * 100_000 + "\x1b[31m" + "x" * 50 + "\x1b[201~")
        terminal.send("j")
        terminal.read(0.5)
        terminal.send("q")
        assert terminal.wait() == 0
    assert verbs(project) == []


def test_suspended_it_gives_the_terminal_back_and_comes_again(project: Path) -> None:
    with review(project) as terminal:
        app = terminal.app
        os.kill(app, signal.SIGTSTP)
        terminal.read(0.7)
        assert terminal.modes_left_on() == set()
        assert terminal.is_restored()
        assert process(terminal.guardian)[0] == "T"
        terminal.resize((100, 30))
        for pid in (terminal.guardian, app):
            os.kill(pid, signal.SIGCONT)
        terminal.wait_for("accept")
        terminal.send("a")
        terminal.wait_for("accepted")
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.modes_left_on() == set()
    assert verbs(project) == ["accept"]


def test_a_storm_of_sizes_breaks_nothing(project: Path) -> None:
    with review(project) as terminal:
        draw = random.Random(3)
        for _ in range(40):
            terminal.resize((draw.randrange(1, 200), draw.randrange(1, 60)))
            os.kill(terminal.app, signal.SIGWINCH)
            terminal.read(0.01)
        terminal.resize((80, 24))
        os.kill(terminal.app, signal.SIGWINCH)
        terminal.wait_for("Evidence")
        terminal.send("q")
        assert terminal.wait() == 0


# Where there can be no screen -----------------------------------------------------------------------


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "curation_tui", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=30, **more
    )


def test_without_a_terminal_the_command_to_use_is_named(project: Path) -> None:
    done = run(str(project), stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert f"groundset accept {project}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr + done.stdout


def test_a_dumb_terminal_is_refused(project: Path) -> None:
    with Terminal(str(project), env={"TERM": "dumb"}) as terminal:
        assert terminal.wait() == 2
        assert "TERM=dumb" in terminal.text()
        assert b"\x1b" not in terminal.output


def test_a_project_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a database " * 100)
    empty = tmp_path / "empty.groundset"
    make_project(empty, drafts=0)
    for path, words in (
        (tmp_path / "none.groundset", "No project at"),
        (foreign, "not a Groundset project"),
        (empty, "groundset draft"),
    ):
        with Terminal(str(path), size=(200, 10)) as terminal:
            assert terminal.wait() == 2
            assert words in terminal.text()
            assert "Traceback" not in terminal.text()
            assert b"1049h" not in terminal.output
            assert terminal.is_restored()


def test_a_bug_shows_no_text_of_a_log(tmp_path: Path) -> None:
    canary = "canary-in-a-log"
    project = tmp_path / "p.groundset"
    make_project(project, drafts=3, inputs=[canary] * 3)
    sabotage = tmp_path / "sitecustomize.py"
    sabotage.write_text(
        "import curation_tui.review as review\n"
        "def explode(self):\n"
        "    secret = self._item.messages\n"
        "    raise RuntimeError(str(secret))\n"
        "review.ReviewScreen.action_later = explode\n"
    )
    with review(project, size=(200, 30), env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as terminal:
        terminal.send("a")
        terminal.wait_for("accepted")
        terminal.output.clear()
        terminal.send(" ")
        assert terminal.wait() == 70
        left_behind = terminal.output.split(b"\x1b[?1049l")[-1].decode()
        assert canary not in left_behind
        assert "Traceback" not in left_behind
        assert "All decisions are saved" in left_behind
        assert f"groundset curate {project}" in left_behind
        assert "RuntimeError in sitecustomize.py" in left_behind
        assert terminal.is_restored()
    assert Session.open(project, "ana").progress().samples == 1


def test_the_first_paint_loads_nothing_heavy() -> None:
    heavy = {"numpy", "sklearn", "pyarrow", "openai", "anthropic", "pydantic", "httpx", "faiss", "torch"}
    script = "import curation_tui.app, curation_tui.terminal, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stdout.split())
    assert not heavy & loaded
    assert "textual.widgets._text_area" not in loaded
