"""What a terminal shows: captures of the real app, by pyte."""

import random
import re
from pathlib import Path

import pytest

from curation_tui.actions import actions, footer_key
from generator.store import Store
from tests.curation_tui.projects import make_project
from tests.curation_tui.terminal import Terminal, review
from tests.hostile.corpus import HOSTILE

SIZES = [(120, 36), (80, 24), (60, 16), (40, 8)]
BORDERS = {"│", "╮", "╯", "╭", "╰"}
# What Textual itself sends; anything else would be a byte of a text.
OWN = re.compile(
    rb"\x1b\[[0-9;]*m|\x1b\[\d+;\d+H|\x1b\[\?\d+[hl]|\x1b\[\?\d+\$p|\x1b\[>\d+u|\x1b\[<u|\x1b\]22;[a-z-]*\x07|\x1b7"
)
STORABLE = {
    name: text
    for name, text in HOSTILE.items()
    if text.isprintable() or text.encode("utf-8", "ignore").decode() == text
}


def box_is_closed(lines: list[str]) -> bool:
    """Whether every row between the first and the last border ends in a border, in the last column."""
    rows = [number for number, line in enumerate(lines) if line[:1] in {"╭", "│", "╰"}]
    return bool(rows) and all(line[-1] in BORDERS for line in lines[rows[0] : rows[-1] + 1])


def foreign(output: bytes) -> list[bytes]:
    """Control bytes in the output that are not Textual's own."""
    rest = OWN.sub(b"", output)
    return re.findall(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f].{0,12}|\xc2[\x80-\x9f].{0,12}", rest)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("screens") / "support-bot.groundset"
    make_project(path, drafts=40)
    return path


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_nothing_is_cut_and_borders_are_straight(project: Path, size: tuple[int, int]) -> None:
    with review(project, size=size) as terminal:
        for keys in ("", "\t", "x", "2", "u", "u"):
            terminal.send(keys)
            terminal.read(0.15)
            lines = terminal.lines()
            assert box_is_closed(lines), terminal.text()
            labels = {f"{footer_key(each)} {each.label}" for each in actions("review") if each.footer}
            words = lines[-1].strip()
            for label in sorted(labels, key=len, reverse=True):
                words = re.sub(rf"(^| ){re.escape(label)}(?= |$)", " ", words)
            assert words.strip() == "", f"{words!r} of the last line is no whole label"
        assert foreign(bytes(terminal.output)) == []


def test_wide_has_three_columns_in_line(project: Path) -> None:
    with review(project, size=(120, 36)) as terminal:
        lines = terminal.lines()
        for line in lines[2:34]:
            assert line[0] in BORDERS
            assert line[30] in BORDERS
            assert line[31] in BORDERS
            assert line[81] in BORDERS
            assert line[82] in BORDERS
            assert line[119] in BORDERS


@pytest.mark.parametrize("count", [12, pytest.param(len(STORABLE), marks=[pytest.mark.long, pytest.mark.timeout(600)])])
@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids="{0[0]}x{0[1]}".format)
def test_hostile_texts_are_shown_and_not_obeyed(tmp_path: Path, size: tuple[int, int], count: int) -> None:
    texts = random.Random(5).sample(list(STORABLE.values()), count)
    path = tmp_path / "hostile.groundset"
    make_project(path, drafts=len(texts), inputs=texts)
    with Store.open(path) as store:
        # The names of clusters are made from logs as well.
        for place, cluster in enumerate(store.clusters()):
            name = [
                "[/] [@click=app.quit]x[/]\x1b]0;t\x07",
                "\x9b2J\x1b[2J",
                "👩‍👩‍👧‍👦 全\u202e",
                "\t\n\r",
                "n" * 9_000,
            ][place]
            store._db.execute("UPDATE cluster SET name = ?, named_by = ? WHERE id = ?", (name, name, cluster.id))
    with Terminal(str(path), "--as=-a\x1b[2Jna[/]", size=size) as terminal:
        terminal.wait_for("u undo")
        for number in range(len(texts)):
            keys = ["\t", "i\x1b", "e\x1b", "?\x1b"][number % 4]
            for key in (keys[0], keys[1:], "a" if number % 2 else "j"):
                terminal.send(key)
                while terminal.read(0.03):  # to the end of the frame
                    pass
            assert box_is_closed(terminal.lines()), terminal.text()
        terminal.send("q")
        assert terminal.wait() == 0
        assert foreign(bytes(terminal.output)) == []
        assert terminal.modes_left_on() == set()


def test_plain_characters_on_request(project: Path) -> None:
    with Terminal(str(project), "--as", "ana", "--ascii", size=(80, 24)) as terminal:
        terminal.wait_for("u undo")
        terminal.send("x")
        terminal.wait_for("why?", "saved")
        drawn = {each for each in terminal.text() if not each.isascii()}
        texts = set("⟦⟧áãçéêíóõúâ")
        scrollbars = set("▁▂▃▄▅▆▇█")
        assert not drawn - texts - scrollbars - {"…"}, drawn
        terminal.send("u")
        terminal.wait_for("undone")


def test_without_colours_the_screen_says_the_same(project: Path) -> None:
    with review(project, env={"NO_COLOR": "1"}) as terminal:
        terminal.send("j")
        terminal.read(0.2)
        assert box_is_closed(terminal.lines())
        colours = set(re.findall(rb"38;2;(\d+);(\d+);(\d+)", bytes(terminal.output)))
        assert all(red == green == blue for red, green, blue in colours)


def test_a_screen_too_small_says_what_it_needs(project: Path) -> None:
    with Terminal(str(project), "--as", "ana", size=(36, 7)) as terminal:
        terminal.wait_for("40 x 8")
        terminal.send("q")
        assert terminal.wait() == 0
