"""Pages made of templates. Every foreign text goes through one door: made printable, then escaped, never raw.

Both environments finalise each value that a template shows: what is no `Markup` is foreign. Filters that make
figures return `Markup`, because what they made is ours.
"""

import functools
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from generator import narration
from generator.printable import one_line, printable

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_CUT = 200
"""Characters of a foreign text that a line of Markdown shows."""


@functools.cache
def html_environment() -> Environment:
    """For pages of HTML."""
    return _environment(autoescape=True, finalize=lambda value: _foreign_html(value))


@functools.cache
def markdown_environment() -> Environment:
    """For pages of Markdown."""
    return _environment(autoescape=False, finalize=lambda value: _foreign_markdown(value))


def _environment(*, autoescape: bool, finalize: Any) -> Environment:
    made = Environment(
        loader=PackageLoader("generator.evalset"),
        autoescape=autoescape,  # noqa: S701 - Markdown is not HTML; `finalize` escapes it
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"percent": _percent, "money": _money, "number": _number, "line": one_line}
    return made


def _foreign_html(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _foreign_markdown(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _PUNCTUATION.sub(r"\\\1", one_line(value, _CUT))


def _percent(share: float) -> Markup:
    return Markup(narration.percent(share).replace(" ", "\u00a0"))  # noqa: S704 - a number


def _money(usd: float) -> Markup:
    return Markup(narration.money(usd))  # noqa: S704 - a number


def _number(value: float) -> Markup:
    return Markup(f"{value:,}")  # noqa: S704 - a number
