"""`python -m curation_tui PROJECT`: review drafts in the terminal."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from curation_tui.guardian import Guardian

_USAGE = 2
_WITHOUT_SCREEN = "groundset accept {project} DRAFT... (or reject)"


def main(arguments: list[str] | None = None) -> int:
    """Run the guardian, or the app inside it; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.guardian is not None:
        return _app(options)
    refusal = _why_not(options.project)
    if refusal is not None:
        sys.stderr.write(f"{refusal}\n")
        return _USAGE
    own = [str(options.project), "--as", options.actor or login_name(), "--guardian", str(os.getpid())]
    if options.ascii or not _speaks_utf8():
        own.append("--ascii")
    own += ["--blind"] * options.blind
    return Guardian([sys.executable, "-m", "curation_tui", *own]).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="groundset curate", description="Review drafts in the terminal.")
    parser.add_argument("project", type=Path, metavar="PROJECT")
    parser.add_argument("--as", dest="actor", metavar="NAME", help="who decides (your login name)")
    parser.add_argument("--ascii", action="store_true", help="draw with plain characters")
    parser.add_argument("--blind", action="store_true", help="hide what others decided until b shows it")
    parser.add_argument("--guardian", type=int, help=argparse.SUPPRESS)
    return parser


def _app(options: argparse.Namespace) -> int:
    from curation_tui.app import run
    from curation_tui.terminal import end_with

    end_with(options.guardian)
    return run(options.project, options.actor or login_name(), ascii_only=options.ascii, blind=options.blind)


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
