"""A person's own keys: a file in place of the usual ones, on top of a preset; clashes are refused with their line.

preset = "vim"          # default, vim, prodigy, left-hand

[review]
accept = "y"
reject = ["n", "x"]
open_list = "L"
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curation_tui import actions
from curation_tui.actions import Action, Where
from generator.errors import ConfigError

Keys = Mapping[Where, Mapping[str, tuple[str, ...]]]

PRESETS: Mapping[str, Keys] = {
    "default": {},
    "vim": {
        "review": {"page_down": ("ctrl+d", "pagedown"), "page_up": ("ctrl+b", "pageup")},
        "list": {"first": ("g", "home"), "page_down": ("ctrl+d", "pagedown"), "page_up": ("ctrl+b", "pageup")},
    },
    # As in that program: space ignores, backspace takes back.
    "prodigy": {"review": {"undo": ("u", "ctrl+z", "backspace")}},
    "left-hand": {
        "review": {
            "reject": ("s",),
            "undo": ("z", "ctrl+z"),
            "unfold": ("Z",),
            "next_item": ("f", "down"),
            "previous_item": ("d", "up"),
            "flag": ("v",),
            "duplicate": ("x",),
        },
    },
}
_NAMES = {
    " ": "space",
    ".": "full_stop",
    ",": "comma",
    "/": "slash",
    "\\": "backslash",
    "?": "question_mark",
    "*": "asterisk",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "+": "plus",
    "-": "minus",
    ";": "semicolon",
    "enter": "enter",
}
_SHOWN = {name: sign for sign, name in _NAMES.items() if sign != " "} | {"escape": "esc", "pagedown": "pgdn"}
_KEY = re.compile(r"(?:(?:ctrl|shift|alt)\+)*(?:[^\W_]|[a-z][a-z0-9_]+)")


def config_path() -> Path:
    """Where the file is looked for when none is named."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "groundset" / "keys.toml"


def own_keys(path: Path | None) -> None:
    """Put a file's keys into the table of actions; without a file, the usual ones stay.

    Raises:
        ConfigError: the file cannot be read, names what there is not, or gives a key to two actions.
    """
    found = config_path() if path is None else path
    if path is None and not found.exists():
        return
    text = _read(found)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{found} is not TOML: {error}.") from error
    actions.ACTIONS = remapped(actions.ACTIONS, values, text, found)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read: {reason}.") from error


def remapped(table: tuple[Action, ...], values: Mapping[str, Any], text: str, path: Path) -> tuple[Action, ...]:
    """The table with other keys.

    Raises:
        ConfigError: as for `own_keys`.
    """
    preset = values.get("preset", "default")
    if preset not in PRESETS:
        raise ConfigError(
            f"{_at(path, text, 'preset')}: there is no preset {preset!r}; there are {', '.join(PRESETS)}."
        )
    for place, keys in PRESETS[preset].items():
        table = _with_keys(table, place, keys)
    for where, own in values.items():
        if where == "preset":
            continue
        known = {named(each) for each in table if each.where == where}
        if not known or not isinstance(own, Mapping):
            screens = ", ".join(dict.fromkeys(each.where for each in table))
            raise ConfigError(f"{_at(path, text, where)}: there is no screen {where!r}; there are {screens}.")
        for name, wanted in own.items():
            line = _at(path, text, name, where)
            if name not in known:
                raise ConfigError(f"{line}: {where} has no action {name!r}; it has {', '.join(sorted(known))}.")
            table = _with_keys(table, where, {name: _keys(wanted, line)})
    _refuse_clashes(table, text, path)
    return table


def named(action: Action) -> str:
    """What the file calls an action."""
    return f"{action.name}_{action.argument}" if action.argument else action.name


def _with_keys(table: tuple[Action, ...], where: str, keys: Mapping[str, tuple[str, ...]]) -> tuple[Action, ...]:
    return tuple(
        replace(each, keys=keys[named(each)], shown=shown(keys[named(each)]))
        if each.where == where and named(each) in keys
        else each
        for each in table
    )


def shown(keys: tuple[str, ...]) -> str:
    """Keys as a person reads them."""
    return " ".join(_SHOWN.get(key, key) for key in keys)


def _keys(value: Any, line: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(each, str) and each for each in listed):
        raise ConfigError(f"{line}: give a key, or a list of keys, in quotes.")
    keys = tuple(_NAMES.get(str(each), str(each)) for each in listed)
    wrong = next((each for each in keys if not _KEY.fullmatch(each)), None)
    if wrong is not None:
        raise ConfigError(f"{line}: {wrong!r} is no key; keys are like a, A, ctrl+s, f1, space or [.")
    return keys


def _refuse_clashes(table: tuple[Action, ...], text: str, path: Path) -> None:
    taken: dict[tuple[Where, str], Action] = {}
    for action in table:
        for key in action.keys:
            first = taken.setdefault((action.where, key), action)
            if first is not action:
                # The line of the one that the file moved; where it moved both, of the later one.
                lines = [each for each in (first, action) if _line(text, named(each), action.where)]
                at = _at(path, text, named((lines or [action])[-1]), action.where)
                raise ConfigError(
                    f"{at}: {shown((key,))} is both {named(first)} and {named(action)} in {action.where}; "
                    "give one of them another key."
                )


def _at(path: Path, text: str, name: str, where: str | None = None) -> str:
    line = _line(text, name, where)
    return f"{path}, line {line}" if line else str(path)


def _line(text: str, name: str, where: str | None = None) -> int:
    """The line on which a name gets its value (or a section begins); 0 where there is none."""
    section: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        heading = re.match(r"\s*\[\s*([\w-]+)\s*\]", line)
        if heading is not None:
            section = heading[1]
            if where is None and section == name:
                return number
        elif section == where and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return 0
