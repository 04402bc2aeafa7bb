"""`python -m curation_tui PROJECT`: review drafts in the terminal."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from curation_tui.guardian import Guardian

_USAGE = 2
_THEMES = ("dark", "light", "contrast", "terminal")
_WITHOUT_SCREEN = "groundset curate {project} --plain, or groundset accept {project} DRAFT..."


def main(arguments: list[str] | None = None) -> int:
    """Run the guardian, or the app inside it; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.guardian is not None:
        return _app(options)
    if options.plain:
        return _plain(options)
    refusal = _why_not(options.project)
    if refusal is not None:
        sys.stderr.write(f"{refusal}\n")
        return _USAGE
    # Joined by =, since a name may begin with a dash.
    own = [str(options.project), f"--as={options.actor or login_name()}", "--guardian", str(os.getpid())]
    if options.ascii or not _speaks_utf8():
        own.append("--ascii")
    own += ["--blind"] * options.blind
    own += [f"--candidate={name}" for name in options.candidates]
    for option, value in (("--theme", options.theme), ("--keys", options.keys)):
        own += [] if value is None else [option, str(value)]
    return Guardian([sys.executable, "-m", "curation_tui", *own]).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="groundset curate", description="Review drafts in the terminal.")
    parser.add_argument("project", type=Path, metavar="PROJECT")
    parser.add_argument("--as", dest="actor", metavar="NAME", help="who decides (your login name)")
    parser.add_argument("--ascii", action="store_true", help="draw with plain characters")
    parser.add_argument("--blind", action="store_true", help="hide what others decided until b shows it")
    parser.add_argument("--plain", action="store_true", help="one question a line, for screen readers and pipes")
    parser.add_argument("--theme", choices=_THEMES, help="the colours (dark, or the terminal's own where it has few)")
    parser.add_argument("--keys", type=Path, metavar="FILE", help="other keys (keys.toml in the configuration folder)")
    parser.add_argument(
        "--candidate",
        dest="candidates",
        action="append",
        default=[],
        metavar="NAME",
        help="judge this one's answers blind: once to grade, twice to compare",
    )
    parser.add_argument("--guardian", type=int, help=argparse.SUPPRESS)
    return parser


def _app(options: argparse.Namespace) -> int:
    refusal = _take_keys(options.keys)
    if refusal is not None:
        sys.stderr.write(f"{refusal}\n")
        return _USAGE
    from curation_tui.app import run
    from curation_tui.looks import usual_theme
    from curation_tui.terminal import end_with

    end_with(options.guardian)
    theme = options.theme or usual_theme(os.environ.get("COLORTERM"))
    return run(
        options.project,
        options.actor or login_name(),
        ascii_only=options.ascii,
        theme=theme,
        blind=options.blind,
        candidates=options.candidates,
    )


def _plain(options: argparse.Namespace) -> int:
    from generator.errors import GroundsetError

    # What a log holds may be in no code page of this terminal; that must not end the review.
    for stream in (sys.stdout, sys.stdin):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    refusal = _take_keys(options.keys)
    if refusal is not None:
        sys.stderr.write(f"{refusal}\n")
        return _USAGE
    from curation_tui.plain import PlainReview
    from curation_tui.plain_judging import PlainJudging
    from curation_tui.session import Session
    from generator.evalset.sitting import chosen_candidates

    try:
        session = Session.open(options.project, options.actor or login_name())
        session.candidates = chosen_candidates(session.store, options.candidates)
    except GroundsetError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    try:
        (PlainJudging(session) if session.candidates else PlainReview(session)).run()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.stderr.write("Stopped; what was decided is saved.\n")
    finally:
        session.close()
    return 0


def _take_keys(path: Path | None) -> str | None:
    """Put a person's own keys in place of the usual ones; says what is wrong with them."""
    from curation_tui.keymap import own_keys
    from generator.errors import ConfigError

    # Before any screen is imported: each takes its keys from the table when it is defined.
    try:
        own_keys(path)
    except ConfigError as error:
        return str(error)
    return None


def _why_not(project: Path) -> str | None:
    """Why there can be no screen here, and what to run instead."""
    instead = _WITHOUT_SCREEN.format(project=project)
    if not all(os.isatty(descriptor) for descriptor in (0, 1, 2)):
        return f"The review app needs a terminal for its input and output; without one, use: {instead}"
    if os.environ.get("TERM") == "dumb":
        return f"This terminal cannot show a screen (TERM=dumb); use: {instead}"
    return None


def _speaks_utf8() -> bool:
    return (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"


def login_name() -> str:
    """Who sits here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "curator"


if __name__ == "__main__":
    sys.exit(main())
