"""A blind session of so many pairs in a real pseudo-terminal: what a judgement costs, and whether names stay hidden.

    PYTHONPATH=. .venv/bin/python tests/evidence/blind_session.py            # 200 pairs

The project is made up: two candidates with names that no text holds, answers of which a script can tell which is
better by reading them, planted pairs among them. The script judges from what stands on the screen, as a person
would: it tells a planted pair of one answer twice by its answers, and an answer to another question by the order
number that the question does not hold. One judgement in ten takes criteria, one in twenty is undone and redone.
"""

import argparse
import random
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from generator.store import Store
from tests.benchmarks.app import processor_time
from tests.curation_tui.projects import add_answers, make_project
from tests.curation_tui.terminal import Terminal

SIZE = (120, 36)
NAMES = ("Zarathustra-7b-instruct", "Melusine-13b-chat")
SAVED = re.compile(r"saved: (d-\w+) (1 is better|2 is better|no difference|both bad)")
KEYS = {"1 is better": "1", "2 is better": "2", "no difference": "0", "both bad": "x"}


@dataclass
class Figures:
    """What a session cost and what came of it."""

    judged: int = 0
    keys: int = 0
    saved: list[float] = field(default_factory=list)
    """Seconds from a key to the line that says that it is saved, and the next pair."""
    processor: float = 0.0
    """Seconds of a processor that the app had for all verdicts."""
    judged_as: Counter[str] = field(default_factory=Counter)
    names_before: int = 0
    """Times that a name was in the bytes before the end."""
    names_after: int = 0
    planted: tuple[int, int] = 0, 0
    """Planted pairs that were judged, and noticed."""
    result: str = ""


def made(path: Path, pairs: int) -> None:
    """A project with one item a pair; the first candidate is better in three of five, the second in one."""
    make_project(path, drafts=pairs, clusters=5)
    draw = random.Random(8)
    quality = [draw.choices(((2, 1), (1, 2), (1, 1), (0, 0)), (12, 5, 2, 1))[0] for _ in range(pairs)]
    good = {2: "A full answer, with the steps and the date.", 1: "A short answer.", 0: "No."}
    add_answers(
        path,
        {
            name: [
                f"Case {number}: {good[both[side]]}" + " Written out at length." * 40
                for number, both in enumerate(quality)
            ]
            for side, name in enumerate(NAMES)
        },
    )


def seen(lines: list[str]) -> tuple[str, str]:
    """The two answers as they stand beside one another on the screen, from their beginning."""
    top = next(number for number, line in enumerate(lines) if re.match(r"╭─ ▶ 1 ", line))
    left, right = (
        " ".join(line.split("││")[side].strip("│ ▕") for line in lines[top + 1 : top + 5]) for side in (0, 1)
    )
    return left, right


def verdict(case_of: dict[str, str], lines: list[str]) -> str:
    """What somebody who reads would say."""
    answers = seen(lines)
    item = re.search(r"(d-\w+)", "\n".join(lines))
    assert item is not None
    numbers = [re.search(r"Case (\d+):", each) for each in answers]
    own = [found is not None and found[1] == case_of[item[1]] for found in numbers]
    if own != [True, True] and any(own):
        return "1" if own[0] else "2"
    quality = [2 if "full answer" in each else 1 if "short answer" in each else 0 for each in answers]
    if quality == [0, 0]:
        return "x"
    return "0" if quality[0] == quality[1] else "1" if quality[0] > quality[1] else "2"


def names_in(output: bytearray) -> int:
    """How often a name, or enough of one to tell, is in the bytes that went to the terminal."""
    text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", bytes(output)).lower()
    return sum(text.count(part.lower().encode()) for name in NAMES for part in (name, name.split("-")[0]))


def session(path: Path, pairs: int) -> Figures:
    """Judge so many pairs, look around between them, end the session, and read what it says."""
    figures = Figures()
    with Store.open(path) as store:
        texts = {each.draft_id: each.output for each in store.answers(NAMES[0])}
        case_of = {each[:8]: re.findall(r"Case (\d+)", text)[0] for each, text in texts.items()}
    with Terminal(str(path), "--as", "ana", size=SIZE) as terminal:
        terminal.wait_for("u undo")
        terminal.send("P")
        terminal.wait_for("Names stay hidden", "╭─ ▶ 2")
        while figures.judged < pairs:
            terminal.read(0.03)
            if "Everything here is judged" in terminal.text():
                break
            one(terminal, figures, case_of)
            if figures.judged in {20, 90, 150}:
                look_around(terminal)
        figures.names_before = names_in(terminal.output)
        end(terminal, figures)
    with Store.open(path) as store:
        plants = {each.id: each for each in store.planted_pairs()}
        said = [each for each in store.opinions() if each.plant is not None]
        figures.planted = len(said), sum(plants[each.plant].noticed(each) for each in said)
    return figures


def one(terminal: Terminal, figures: Figures, case_of: dict[str, str]) -> None:
    """One judgement, as the figures count it."""
    lines = terminal.lines()
    shown = re.search(r"╭─ (d-\w+)", terminal.text())
    assert shown is not None, terminal.text()
    key = verdict(case_of, lines)
    if figures.judged % 10 == 5:
        terminal.send("t")
        terminal.wait_for("Which criteria are met?")
        terminal.send("1\r")
        terminal.wait_for("saved with it")
        figures.keys += 3
    before, had = time.perf_counter(), processor_time(terminal.app)
    terminal.send(key)
    figures.keys += 1
    while not ((found := SAVED.search(terminal.text())) and found[1] == shown[1]):
        terminal.read(0.004)
        assert time.perf_counter() - before < 15, terminal.text()
    figures.saved.append(terminal.arrived - before)
    figures.processor += processor_time(terminal.app) - had
    assert KEYS[found[2]] == key
    figures.judged += 1
    figures.judged_as[found[2]] += 1
    if figures.judged % 20 == 19:
        terminal.send("u")
        terminal.wait_for(f"undone: {shown[1]}")
        terminal.send("\x12")
        terminal.wait_for("redone")
        figures.keys += 2


def look_around(terminal: Terminal) -> None:
    """Where a name could slip out: report, help, palette, other places, differences, another size."""
    for keys, words in (("i", "How far you are"), ("\x1b", "Names stay hidden|saved|redone"), ("?", "Keys")):
        terminal.send(keys)
        wait_for_one(terminal, words.split("|"))
        terminal.read(0.2)
    terminal.send("\x1b")
    terminal.read(0.5)
    terminal.send("\x10")
    terminal.read(0.6)
    terminal.send("better")
    terminal.read(0.6)
    terminal.send("\x1b")
    terminal.read(0.6)
    for door in ("l", "\x1b", "P", "r", "\x1b", "P", "S", "\x1b", "U", "\x1b", "P", "d", "d", "k", "j"):
        terminal.send(door)
        terminal.read(0.5)
    wait_for_one(terminal, ["╭─ ▶ 2"])


def wait_for_one(terminal: Terminal, words: list[str]) -> None:
    until = time.monotonic() + 15
    while not any(word in terminal.text() for word in words):
        terminal.read()
        assert time.monotonic() < until, terminal.text()


def end(terminal: Terminal, figures: Figures) -> None:
    """Show names, and read the result."""
    terminal.send("b")
    terminal.wait_for("End the session and show names?")
    assert names_in(terminal.output) == figures.names_before
    terminal.send("y")
    text = terminal.wait_for("Names and result", "planted pairs noticed", "names were shown")
    figures.names_after = names_in(terminal.output)
    figures.result = "\n".join(line.strip("│ ") for line in text.split("\n")[2:20] if line.strip("│ "))
    terminal.send("q")
    assert terminal.wait() == 0
    assert terminal.modes_left_on() == set()


def hasty(path: Path) -> tuple[int, str]:
    """A second person who presses 1 and reads nothing: how often, and what the result says of planted pairs."""
    with Terminal(str(path), "--as", "ben", size=SIZE) as terminal:
        terminal.wait_for("u undo")
        terminal.send("P")
        terminal.wait_for("Names stay hidden", "╭─ ▶ 2")
        pressed = 0
        while "Everything here is judged" not in terminal.text():
            shown = re.search(r"╭─ (d-\w+)", terminal.text())
            assert shown is not None, terminal.text()
            terminal.send("1")
            wait_for_one(terminal, [f"saved: {shown[1]}"])
            pressed += 1
        terminal.send("b")
        terminal.wait_for("End the session and show names?")
        terminal.send("y")
        text = terminal.wait_for("Names and result", "names were shown")
        terminal.send("q")
        assert terminal.wait() == 0
    lines = [line.strip("│ ") for line in text.split("\n")]
    return pressed, "\n".join(each for each in lines if "noticed" in each or "missed" in each or "alike" in each)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blind.groundset"
        made(path, options.pairs)
        figures = session(path, options.pairs)
        pressed, caught = hasty(path)
    milliseconds = sorted(1000 * each for each in figures.saved)
    print(f"pairs judged                        {figures.judged}")
    print(f"keys per judgement                  {figures.keys / figures.judged:.2f}")
    print("  with criteria in one of ten, undo and redo in one of twenty; a verdict alone takes 1 key")
    quantiles = [
        milliseconds[min(int(len(milliseconds) * share), len(milliseconds) - 1)] for share in (0.5, 0.95, 0.99)
    ]
    print(
        "key to saved and next pair, ms      "
        + ", ".join(f"p{p} {q:.0f}" for p, q in zip((50, 95, 99), quantiles, strict=True))
    )
    print(f"  of it on a processor, mean        {1000 * figures.processor / figures.judged:.0f}")
    print(f"names in the bytes before the end   {figures.names_before}")
    print(f"names in the bytes after it         {figures.names_after}")
    print(f"planted pairs judged, noticed       {figures.planted[0]}, {figures.planted[1]}")
    print(f"said                                {dict(figures.judged_as)}")
    print(f"the result, as the screen shows it:\n{figures.result}")
    print(f"a second person presses 1 and nothing else, {pressed} times; the screen says at the end:\n{caught}")


if __name__ == "__main__":
    main()
