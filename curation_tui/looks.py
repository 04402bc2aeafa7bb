"""What the app looks like: the characters it draws with, and its themes."""

from dataclasses import dataclass

from textual.theme import Theme


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters the app draws with, besides letters."""

    accepted: str
    edited: str
    rejected: str
    pinned: str
    later: str
    alike: str
    flag: str
    marked: str
    """A row that is marked for an act on several."""
    unmarked: str
    cursor: str
    mark: str
    warning: str
    drawn: str
    elsewhere: str
    disputed: str
    full: str
    parts: str
    """What part of a bar's last cell is filled, from less to more."""
    empty: str
    bar_ends: tuple[str, str]
    arrow: str
    dot: str
    times: str
    margin: str
    tick: str
    """Where a limit lies on a bar."""


UNICODE = Glyphs(
    accepted="✓",
    edited="✎",
    rejected="✗",
    pinned="▣",
    later="~",
    alike="≡",
    flag="⚑",
    marked="■",
    unmarked="□",
    cursor="▶",
    mark="▪",
    warning="!",
    drawn="?",
    elsewhere="‡",
    disputed="≠",
    full="█",
    parts="▏▎▍▌▋▊▉",
    empty="·",
    bar_ends=("▕", "▏"),
    arrow="→",
    dot="·",
    times="×",
    margin="±",
    tick="│",
)
ASCII = Glyphs(
    accepted="+",
    edited="E",
    rejected="x",
    pinned="P",
    later="~",
    alike="=",
    flag="*",
    marked="#",
    unmarked="-",
    cursor=">",
    mark="o",
    warning="!",
    drawn="?",
    elsewhere="@",
    disputed="#",
    full="#",
    parts="",
    empty=".",
    bar_ends=("[", "]"),
    arrow="->",
    dot="-",
    times="x",
    margin="+-",
    tick="|",
)

# Okabe and Ito's colours, which the colour-blind tell apart; a glyph carries each state as well.
DARK = Theme(
    name="groundset-dark",
    primary="#56B4E9",
    secondary="#8AA4B8",
    accent="#F0C75E",
    warning="#E69F00",
    error="#FF7A5C",
    success="#4CC9A0",
    foreground="#D6DCE2",
    background="#12171C",
    surface="#12171C",
    panel="#1E262E",
    dark=True,
    variables={"rule": "#3A4753", "muted": "#8794A0"},
)
LIGHT = Theme(
    name="groundset-light",
    primary="#00609C",
    secondary="#4A5E6D",
    accent="#8A5A00",
    warning="#9A5B00",
    error="#B3371A",
    success="#00704F",
    foreground="#1E262D",
    background="#FAFAF7",
    surface="#FAFAF7",
    panel="#ECECE6",
    dark=False,
    variables={"rule": "#B9C0C6", "muted": "#5D6871"},
)
CONTRAST = Theme(
    name="groundset-contrast",
    primary="#6FD0FF",
    secondary="#FFFFFF",
    accent="#FFE45C",
    warning="#FFC02E",
    error="#FF9C85",
    success="#5CF2C0",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    variables={"rule": "#FFFFFF", "muted": "#E2E8ED"},
)
# Only the sixteen colours of the terminal's own palette, whose background nobody knows.
TERMINAL = Theme(
    name="groundset-terminal",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_default",
    accent="ansi_yellow",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "rule": "ansi_default",
        "muted": "ansi_default",
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_default",
        "block-cursor-background": "ansi_cyan",
        "block-cursor-foreground": "ansi_black",
    },
)
THEMES = {"dark": DARK, "light": LIGHT, "contrast": CONTRAST, "terminal": TERMINAL}
"""By the name that `--theme` takes."""


def usual_theme(colours: str | None) -> str:
    """The theme of a terminal that says so much of its colours (COLORTERM): its own palette where that is little."""
    return "dark" if colours in {"truecolor", "24bit"} else "terminal"


def bar(share: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """(filled, empty) parts of a bar that is `width` cells wide."""
    steps = len(glyphs.parts) + 1
    eighths = round(min(max(share, 0.0), 1.0) * width * steps)
    whole, part = divmod(eighths, steps)
    filled = glyphs.full * whole + (glyphs.parts[part - 1] if part else "")
    return filled, glyphs.empty * (width - len(filled))
