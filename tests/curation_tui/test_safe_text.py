"""Foreign text is shown, never obeyed: the one door, and a lint that there is no other."""

import ast
import unicodedata
from pathlib import Path

import pyte
import pytest
from rich.cells import cell_len
from textual.content import Content

from curation_tui import safe_text
from curation_tui.safe_text import editable, label, line, passage, visible
from curation_tui.terminal import PasteGate, filtered, presses
from tests.curation_tui.terminal import drawable
from tests.hostile.corpus import HOSTILE


def is_printable(text: str) -> bool:
    return all(unicodedata.category(char) not in {"Cc", "Cs"} or char in "\n\t" for char in text)


ROOM = Path(safe_text.__file__).parent
MODULES = sorted(path for path in ROOM.glob("*.py") if path.name != "safe_text.py")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_brings_a_control_or_markup(text: str) -> None:
    for content in (passage(text), line(text, 40), label(text)):
        assert isinstance(content, Content)
        assert is_printable(content.plain)
        assert "\t" not in content.plain
        content.plain.encode("utf-8")
        assert all(isinstance(span.style, str) and "@" not in span.style for span in content.spans)
    assert "\n" not in line(text, 40).plain
    assert line(text, 40).cell_length <= 40
    assert is_printable(editable(text))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_terminal_gives_text_the_width_that_we_reckon_with(text: str) -> None:
    for row in passage(text, lines=20).plain.split("\n"):
        shown = row[:60]
        screen = pyte.Screen(400, 2)
        pyte.Stream(screen).feed(f"{drawable(shown)}|")
        cells = cell_len(shown)
        assert screen.buffer[0][cells].data == "|", (shown, cells, screen.display[0].rstrip())


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = passage("x" * 3_000_000).plain
    assert len(shown) < 4_100
    assert "2,996,000 more characters" in shown
    many = passage("line\n" * 100_000).plain
    assert many.count("\n") == 200
    assert "499,001 more characters" in many


def test_markup_is_text() -> None:
    assert label("[/nope] [red]x[/] [@click=app.quit]y[/]").plain == "[/nope] [red]x[/] [@click=app.quit]y[/]"
    assert label("[@click=app.quit]y[/]").spans == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("👨‍👩‍👧", "👨👩👧"),
        ("🇩🇪", "DE"),
        ("❤️", "❤"),
        ("👍🏽", "👍"),
        ("e\u0301", "é"),
        ("Z" + "\u0335" * 50, "Z\u0335\u0335"),
        ("zero\u200bwidth", "zero·width"),
        ("a\tb", "a   b"),
        ("नमस्ते", "नमस्ते"),
    ],
)
def test_what_terminals_disagree_on_is_shown_in_parts(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_an_editable_text_keeps_tabs_and_joiners() -> None:
    assert editable("a\tb 👨‍👩‍👧\r\nc\x1b[31m") == "a\tb 👨‍👩‍👧\nc␛[31m"


# Beyond the door ------------------------------------------------------------------------------------


def test_the_driver_lets_no_foreign_control_out() -> None:
    own = "\x1b[?2026h\x1b[3;4H\x1b[1;38;2;10;20;30mtext\x1b[0m\x1b[?25l\x1b[>25u\x1b[<u\x1b]22;default\x07"
    assert filtered(own) == own
    for foreign in (
        "\x1b]52;c;ZXZpbA==\x07 x",
        "\x1b]0;title\x07",
        "\x1b[2J",
        "\x1bc",
        "\x9b2J",
        "\x1bP1$q\x1b\\",
        "\x0e",
    ):
        assert is_printable(filtered(f"frame {foreign}")), foreign
    assert filtered("\x1b]52;c;ZXZpbA==\x07") == "\x1b]52;c;ZXZpbA==\x07"


PASTED = "jk\x1b[A\x1b[200~aaa\x1bxxx\x1b[31maa\x1b[201~l\x1b[200~b\x1b[201~\x1b"


@pytest.mark.parametrize("cut", range(len(PASTED)))
def test_a_paste_is_never_keys_however_it_is_cut(cut: int) -> None:
    gate = PasteGate()
    parts = [*gate.feed(PASTED[:cut]), *gate.feed(PASTED[cut:]), *gate.flush()]
    pastes = [part.text for part in parts if not isinstance(part, str)]
    keys = "".join(part for part in parts if isinstance(part, str))
    assert pastes == ["aaa\x1bxxx\x1b[31maa", "b"]
    assert keys == "jk\x1b[Al\x1b"


# The lint -------------------------------------------------------------------------------------------

SINKS = {
    "Static",
    "Label",
    "Button",
    "Text",
    "notify",
    "add_row",
    "add_column",
    "add_option",
    "from_markup",
    "render_str",
}
MAKERS = {"assemble", "styled", "from_text", "from_markup", "from_rich_text"}
TITLES = {"border_title", "border_subtitle", "tooltip", "sub_title"}


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@pytest.mark.parametrize("path", MODULES, ids=lambda each: each.name)
def test_only_the_door_makes_content(path: Path) -> None:
    made = [
        f"{path.name}:{call.lineno}"
        for call in calls(path)
        if called(call) == "Content"
        or (
            called(call) in MAKERS
            and isinstance(call.func, ast.Attribute)
            and ast.unparse(call.func.value) == "Content"
        )
    ]
    assert made == []


@pytest.mark.parametrize("path", MODULES, ids=lambda each: each.name)
def test_no_string_is_handed_to_a_widget(path: Path) -> None:
    handed = [
        f"{path.name}:{call.lineno} {called(call)}" for call in calls(path) if called(call) in SINKS and call.args
    ]
    assert handed == []


@pytest.mark.parametrize("path", MODULES, ids=lambda each: each.name)
def test_titles_are_made_by_the_door(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr in TITLES:
                assert not isinstance(node.value, ast.JoinedStr | ast.BinOp), f"{path.name}:{node.lineno}"
                assert not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str))


@pytest.mark.parametrize("path", MODULES, ids=lambda each: each.name)
def test_nothing_turns_markup_on(path: Path) -> None:
    assert not [call.lineno for call in calls(path) for word in call.keywords if word.arg == "markup"]


def test_the_app_imports_little_of_the_pipeline() -> None:
    allowed = {
        "generator.records",
        "generator.store",
        "generator.evalset.agreement",
        "generator.evalset.queue",
        "generator.evalset.long_queue",
        "generator.evalset.sitting",
        "generator.judging",
        "generator.ledger",
        "generator.lists",
        "generator.printable",
        "generator.errors",
    }
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name for name in names if name.split(".")[0] == "generator"} <= allowed, path.name


def test_a_key_right_after_escape_is_not_lost() -> None:
    assert list(presses("j\x1ba")) == ["j", "\x1b", "a"]
    assert list(presses("\x1b\x1b[A")) == ["\x1b", "\x1b[A"]
    assert list(presses("\x1b[A\x1bOA")) == ["\x1b[A\x1bOA"]  # keys of the terminal stay whole


def test_a_paste_whose_beginning_comes_in_pieces_is_one_and_an_escape_alone_is_a_key() -> None:
    for cut in range(1, 6):
        gate = PasteGate()
        start = "\x1b[200~"
        found = [*gate.feed("j" + start[:cut]), *gate.feed(start[cut:] + "aaa\x1b[201~")]
        assert found[0] == "j"
        assert found[1].text == "aaa"
        assert len(found) == 2
    gate = PasteGate()
    assert list(gate.feed("\x1b")) == []
    assert list(gate.flush()) == ["\x1b"]
    assert list(gate.flush()) == []
