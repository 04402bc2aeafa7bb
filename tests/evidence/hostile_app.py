"""Hostile strings through every widget of the app, in a real terminal: what comes out, and whether the app lives.

    PYTHONPATH=. python tests/evidence/hostile_app.py [--strings 100000] [--seed 1]

The strings are those of tests/hostile, combined, cut and filled with controls, until there are as many as asked for:
in every turn, criterion and must-not of a draft, in reasons, notes, tags and names. The app then shows each draft in
Review, pages through all of the list, and goes through the other screens. Once the first screen is there the app has
no reason to send anything but places of the cursor and colours of its own, so that whatever else arrives is counted:
other controls, other modes, colours that the app has not.
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator.records import Draft, Message, ToolCall
from generator.store import Store
from tests.curation_tui.projects import landings, lay_out, make_project
from tests.curation_tui.terminal import ROOT, Terminal
from tests.curation_tui.test_screen import STORABLE, foreign
from tests.hostile.corpus import LONG, SECRETS

SIZE = (120, 36)
PER_PROJECT = 180  # drafts: Review has up to 200 places in its order
CLUSTERS = 24
SHORT = [text for name, text in STORABLE.items() if name not in LONG] + list(SECRETS.values())
LONGER = [STORABLE[name] for name in LONG if name in STORABLE]
LONGEST = 100_000
EVERY = 400  # strings, of which one is long
# Beginnings of sequences that a terminal obeys, with no counterpart among the app's own.
CONTROLS = (
    *("\x1b[31m", "\x1b[38;5;197m", "\x1b[2J", "\x1b[777;777H", "\x1b[3A", "\x1b[?1049l", "\x1b[?1003h", "\x1b[6n"),
    *(
        "\x1b[c",
        "\x1b]0;t\x07",
        "\x1b]8;;http://127.0.0.1/\x1b\\",
        "\x1b]52;c;QQ==\x07",
        "\x1bP$q\x1b\\",
        "\x1b_G\x1b\\",
    ),
    *("\x1b^p\x1b\\", "\x1bc", "\x1b(0", "\x0e", "\x0f", "\x07", "\x08\x08", "\x7f", "\0", "\r", "\t", "\n", "\x0b"),
    *(
        "\x9b2J",
        "\x9d0;t\x9c",
        "\x90q\x9c",
        "\x85",
        "\u202e",
        "\u2066",
        "\u200d",
        "\u200b",
        "\ufeff",
        "\ufe0f",
        "\u2028",
    ),
    *("\U000e0041", "\u0301" * 40, "全", "\U0001f1e9", "[/]", "[@click=app.quit]", "[link=x]", "{{", "\\"),
)
# What the app sends while it is used: places, colours in full, its own attributes, the shape of the pointer.
AT_WORK = re.compile(
    rb"\x1b\[(?:(?:[34]8;2;\d+;\d+;\d+|[0-9])(?:;|(?=m)))*m|\x1b\[\d+;\d+H|\x1b\[\?25[hl]|\x1b\]22;[a-z-]*\x07"
)
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f].{0,16}|\xc2[\x80-\x9f].{0,16}", re.DOTALL)
MODES = re.compile(rb"\x1b\[(?:\?[\d;]+[hl]|[<>]\d*u)")
PICTURES = re.compile("[\u2400-\u2421]".encode())
QUIET = 0.012  # seconds without output after a frame
PATIENCE = 4.0


def strings(count: int, draw: random.Random) -> Iterator[str]:
    """That many hostile strings."""
    for number in range(count):
        if number % EVERY == EVERY - 1:
            yield (draw.choice(LONGER)[: LONGEST // 2] + draw.choice(CONTROLS) + draw.choice(LONGER))[:LONGEST]
            continue
        text = draw.choice(SHORT)
        for _ in range(draw.randrange(4)):
            text = mutated(text[:600], draw)
        yield text


def mutated(text: str, draw: random.Random) -> str:
    """The text, changed in one way."""
    place = draw.randrange(len(text) + 1)
    match draw.randrange(6):
        case 0:
            return text + draw.choice(SHORT)
        case 1:
            return text[:place] + draw.choice(SHORT) + text[place:]
        case 2:
            return text[:place]
        case 3:
            return text[place:] + draw.choice(CONTROLS)
        case 4:
            return text[:place] + "".join(draw.choices(CONTROLS, k=draw.randrange(1, 6))) + text[place:]
        case _:
            return chr(draw.randrange(0x20)) + text + chr(draw.choice([*range(0x80, 0xA0), 0x1B, 0x7F]))


@dataclass
class Figures:
    """What was counted."""

    strings: int = 0
    drafts: int = 0
    frames: int = 0
    size: int = 0
    pictures: int = 0
    foreign: Counter[bytes] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)


class Watched:
    """The app in a terminal of which every byte is looked at when it arrives."""

    def __init__(self, project: Path, actor: str, figures: Figures) -> None:
        self.figures = figures
        self.terminal = Terminal(str(project), f"--as={actor}", size=SIZE)
        self._rest = b""
        self._modes = b""
        self.terminal.wait_for("? help", seconds=60)
        self.terminal.read(0.3)
        figures.foreign.update(foreign(bytes(self.terminal.output)))
        self._forget()

    def _forget(self) -> None:
        """Keep of the output what says which modes are on."""
        self._modes += b"".join(MODES.findall(bytes(self.terminal.output)))
        self.terminal.output.clear()

    def press(self, key: str, what: str, wait: float = 0.0) -> None:
        """Press a key, and look at all that comes of it."""
        self.terminal.send(key)
        came = self._look(wait)
        self.figures.frames += came > 0
        self.figures.visits[what] += 1

    def _look(self, wait: float) -> int:
        """Look at what arrives until it is quiet; how many bytes."""
        came, until = 0, time.monotonic() + max(PATIENCE, wait)
        least = time.monotonic() + wait
        while time.monotonic() < until:
            got = self.terminal.take(QUIET)
            came += len(got)
            self._judge(got)
            if not got and time.monotonic() >= least and (came or wait):
                break
            if not got and not came and time.monotonic() > until - PATIENCE + 0.6:
                break  # a key that changes nothing
        self._forget()
        return came

    def _judge(self, got: bytes, *, last: bool = False) -> None:
        data = self._rest + got
        # A sequence may be cut by the end of what has arrived.
        begun = data.rfind(b"\x1b", max(len(data) - 64, 0))
        end = len(data) - data.endswith(b"\xc2") if last or begun < 0 else begun
        data, self._rest = data[:end], data[end:]
        self.figures.size += len(data)
        self.figures.pictures += len(PICTURES.findall(data))
        self.figures.foreign.update(CONTROL.findall(AT_WORK.sub(b"", data)))

    def quit(self) -> None:
        """Leave; whatever else ends the app is a crash."""
        for _ in range(4):
            self.press("\x1b", "esc", 0.3)
        self._judge(b"", last=True)
        self.terminal.send("q")
        try:
            code = self.terminal.wait(30)
        except AssertionError:
            code = None
        self.terminal.output[:0] = self._modes
        left_on = self.terminal.modes_left_on()
        if code != 0 or left_on or not self.terminal.is_restored():
            self.figures.crashes.append(f"ended with {code}, left on {sorted(left_on)}: {self.terminal.text()[-300:]}")
        self.terminal.__exit__(None, None, None)


def make_hostile(path: Path, figures: Figures, texts: Iterator[str]) -> None:
    """A project with hostile strings wherever a text can be."""

    def take() -> str:
        figures.strings += 1
        return next(texts)

    inputs = [take() for _ in range(PER_PROJECT)]
    make_project(path, drafts=1, clusters=CLUSTERS, inputs=inputs, ranked=False)
    drafts = [hostile_draft(number, take) for number in range(PER_PROJECT)]
    figures.drafts += PER_PROJECT
    with Store.open(path) as store:
        store.add_drafts(drafts)
        for cluster in store.clusters():
            store._db.execute("UPDATE cluster SET name = ?, named_by = ? WHERE id = ?", (take(), take(), cluster.id))
        traces = store.traces(each[0] for each in store.trace_texts())
        store.replace_landings(landings(store.drafts(), traces, store.cells()), "ranked by a test")
        for draft in drafts:
            store.tag([draft.id], [take().replace(" ", "")[:40] or "t"], [], take()[:200])
            store.note([draft.id], take(), take()[:200])
    lay_out(path)


def hostile_draft(number: int, take: Callable[[], str]) -> Draft:
    call = ToolCall(take()[:60], take()[:60], take())
    turns = [Message("system", take()), Message("user", take()), Message("assistant", take(), (call,))]
    turns += [Message("tool", take(), tool_call_id=call.id), Message("user", take())]
    draft = Draft(
        id="",
        origin="edge" if number % 2 else "variant",
        kind="other_words",
        messages=tuple(turns),
        criteria=(take(), take(), take(), take()),
        must_not=(take(), take(), take()),
        why=take(),
        cluster_id=f"c{number % CLUSTERS}",
        source_ids=(),
        model=take()[:200],
        prompt_hash=take()[:60],
        reference=take(),
        invented=(take(), take()),
    )
    return replace(draft, id=Draft.id_of(draft.origin, (*draft.messages, Message("user", str(number)))))


def decide(path: Path, texts: Iterator[str], figures: Figures) -> None:
    """Decisions of people with hostile names, so that the screens about decisions have something to show."""

    def take() -> str:
        figures.strings += 1
        return next(texts)

    with Store.open(path) as store:
        ids = [draft.id for draft in store.drafts()]
        names = [take()[:200] or "nobody" for _ in range(4)]
        for place, each in enumerate(ids[: PER_PROJECT // 2]):
            store.hidden.add(each)
            store.decide([each], "accept", names[place % 2])
            if place % 3 == 0:
                store.decide([each], "reject", names[2 + place % 2], reason=take())
        store.hidden.clear()
        for cluster in store.clusters()[::3]:
            store.exclude_cluster(cluster.id, take() or "because", take()[:200] or "nobody")
        for number in range(6):
            store.plan_call(f"k{number}", f"c{number}", take()[:60], take()[:60], "hash")
            store.call_sent(f"k{number}", 0.25)
            store.call_ended(f"k{number}", "in_doubt" if number % 2 else "failed", take())


def through_review(app: Watched) -> None:
    """Every draft; the evidence, and what lies over Review, now and then."""
    over = ("i", "D", "U", "t", "n", "?", "e", "\x10")
    for number in range(PER_PROJECT):
        if number % 2 == 0:
            app.press("\x1b[6~", "review, further down")
        if number % 12 == 6:
            for key in "\t\t\t\t\tJ":
                app.press(key, "evidence")
        if number % 12 == 0:
            key = over[number // 12 % len(over)]
            app.press(key, {"e": "edit", "\x10": "palette"}.get(key, "windows"), 0.2)
            app.press("\x1b", "esc", 0.3)
        app.press("j", "review")


def through_the_rest(app: Watched, typed: str) -> None:
    """All rows of all other places."""
    app.press("l", "list", 0.3)
    for _ in range(PER_PROJECT // 30 + 1):
        app.press(" ", "list")
    for key in ("/", "\\"):
        app.press(key, "prompts", 0.2)
        app.press(f"\x1b[200~{typed}\x1b[201~", "prompts", 0.2)
        app.press("\r", "prompts", 0.3)
        app.press("\x1b", "esc", 0.4)
        app.press("\x1b", "esc", 0.4)
    for place, keys in (
        ("l", ("o", "o", "v", "V", "t", "\x1b", "0")),
        ("S", ("i", "\x1b", "b", *["j", "j", "\x1b[6~"] * (PER_PROJECT // 12 + 4))),
        ("c", ("L", "\x1b", "v", *["j"] * CLUSTERS, "o")),
        ("m", (*["n"] * 8, "z", "n", "Z", "C", "T", *["n"] * 8)),
        ("r", ("\t", "\x1b[6~", "R", "\x1b")),
        ("w", ("j", " ", "d")),
    ):
        app.press(place, place, 2.5 if place == "w" else 0.4)
        for key in keys:
            app.press(key, place, 0.35 if key in "\x1bLRti" else 1.5 if key == "d" else 0.0)
    app.press("\x1b", "esc", 0.4)
    app.press("U", "history", 0.2)
    for key in "jjj":
        app.press(key, "history")


def plain(path: Path, actor: str, figures: Figures) -> None:
    """All drafts without a screen, in a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, folder)
        answers = "j\n" * PER_PROJECT + "U\n?\nq\n"
        done = subprocess.run(
            [sys.executable, "-m", "curation_tui", copy, f"--as={actor}", "--plain"],
            input=answers.encode(),
            capture_output=True,
            cwd=ROOT,
        )
    figures.size += len(done.stdout)
    figures.visits["plain"] += done.stdout.count(b"\nDraft ")
    figures.foreign.update(CONTROL.findall(done.stdout + done.stderr))
    if done.returncode != 0:
        figures.crashes.append(f"--plain ended with {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    texts, figures = strings(10 * options.strings, draw), Figures()
    started = time.monotonic()
    while figures.strings < options.strings:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hostile.groundset"
            make_hostile(path, figures, texts)
            plain(path, typeable(next(texts)), figures)
            first = Watched(path, typeable(next(texts)), figures)
            through_review(first)
            first.quit()
            decide(path, texts, figures)
            second = Watched(path, typeable(next(texts)), figures)
            through_the_rest(second, next(texts)[:2_000].replace("\x1b[201~", ""))
            second.quit()
        print(f"{said(figures)}, {time.monotonic() - started:.0f} s", flush=True)
    print("shown: " + ", ".join(f"{words} {count:,}" for words, count in figures.visits.most_common()))
    for what, count in figures.foreign.most_common(10):
        print(f"foreign {count} times: {what!r}")
    for crash in figures.crashes[:10]:
        print(f"crash: {crash}")
    sys.exit(bool(figures.foreign or figures.crashes))


def said(figures: Figures) -> str:
    return (
        f"{figures.strings:,} strings in {figures.drafts:,} drafts, {figures.frames:,} frames, {figures.size:,} bytes "
        f"with {figures.pictures:,} pictures of controls: {sum(figures.foreign.values())} foreign, "
        f"{len(figures.crashes)} crashes"
    )


def typeable(text: str) -> str:
    """What can be an argument of a command."""
    return text.replace("\0", "")[:200].strip() or "ana"


if __name__ == "__main__":
    main()
