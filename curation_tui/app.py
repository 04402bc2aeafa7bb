"""The Textual app, and the process it runs in."""

import contextlib
import gc
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import RenderableType
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.dom import DOMNode
from textual.driver import Driver
from textual.screen import Screen

from curation_tui.actions import Where, offered
from curation_tui.looks import ASCII, THEMES, UNICODE
from curation_tui.places import offer
from curation_tui.review import ReviewScreen
from curation_tui.session import Session
from curation_tui.tour import DEMO, TOURED, Tour
from generator.errors import GroundsetError, ProjectError
from generator.evalset.sitting import chosen_candidates

EXIT_BUG = 70


class CurationApp(App[None]):
    """Review of one project."""

    CSS_PATH = "curation.tcss"
    TITLE = "groundset"
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, session: Session, *, ascii_only: bool = False, theme: str = "dark") -> None:
        super().__init__()
        self._session = session
        self._glyphs = ASCII if ascii_only else UNICODE
        self._ascii = ascii_only
        self._tour: Tour | None = None
        self.crash: BaseException | None = None
        """The bug that ended the app."""
        offer(len(session.store.candidates()))
        for each in THEMES.values():
            self.register_theme(each)
        self.theme = THEMES[theme].name

    def get_driver_class(self) -> type[Driver]:
        """Our own driver, which filters what goes to the terminal."""
        from curation_tui.terminal import TerminalDriver

        return TerminalDriver

    def on_mount(self) -> None:
        """Open the Review screen."""
        self.animation_level = "none"
        self.set_class(self._ascii, "-ascii")
        review = ReviewScreen(self._session, self._glyphs)
        self.push_screen(review)
        if self._session.candidates:
            self.call_after_refresh(review.open_place, "compare" if len(self._session.candidates) == 2 else "grade")
        self.call_after_refresh(self._begin_tour)
        self.call_after_refresh(_leave_to_the_end)

    def _begin_tour(self) -> None:
        """The tour comes by itself once, on the demo."""
        store = self._session.store
        if store.meta(DEMO) is not None and store.meta(TOURED) is None:
            with contextlib.suppress(ProjectError):  # a project that cannot be written can be shown all the same
                store.set_meta(TOURED, "yes")
            self.action_tour()

    def action_tour(self) -> None:
        """Begin the tour."""
        self._tour = Tour()
        self._tour.show_on(self.screen)

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key asks for; the tour hears of it."""
        done = await super().run_action(action, default_namespace, namespaces)
        if done and self._tour is not None and isinstance(action, str):
            name, _, argument = action.partition("(")
            self._tour.saw(f"{name} {argument.strip(chr(39) + ')')}" if name == "open" else name)
            self.call_after_refresh(self._show_tour)
        return done

    def _show_tour(self) -> None:
        """Put the strip on the screen that there is by now."""
        if self._tour is not None:
            self._tour.show_on(self.screen)
            if self._tour.over:
                self._tour = None

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: the actions of the screen, from the same table as the footer and the help."""
        where: Where | None = getattr(screen, "WHERE", None)
        for action in offered(where) if where is not None else ():
            if not action.takes_key and action.name != "palette":
                act = getattr(screen, f"action_{action.name}")
                run = partial(act, action.argument) if action.argument else act
                yield SystemCommand(action.label.capitalize(), f"{action.help} ({action.shown})", run)
        yield SystemCommand("Tour", "Five steps, each with the real keys.", self.action_tour)
        yield SystemCommand("Theme", "Change the colours.", self.action_change_theme)
        yield SystemCommand("Suspend", "Back to the shell for now; fg returns.", self.action_suspend_process)

    # A crash must not print local variables or the message of the error: both may hold production inputs.

    def _handle_exception(self, error: Exception) -> None:
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End without showing anything; what is shown could be text of a log."""
        self.crash = self.crash or sys.exception() or RuntimeError()
        self._return_code = 1
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()


def _leave_to_the_end() -> None:
    """Spare the collector all that is there by now and stays: looking through it holds up a key by 50 ms."""
    gc.collect()
    gc.freeze()


def run(
    path: Path, actor: str, *, ascii_only: bool, theme: str, blind: bool = False, candidates: Sequence[str] = ()
) -> int:
    """Review a project in this terminal, or judge the answers of `candidates`; returns the exit code."""
    _die_at_once()
    try:
        session = Session.open(path, actor)
        session.candidates = chosen_candidates(session.store, candidates)
    except GroundsetError as error:
        _say(str(error))
        return error.exit_code
    session.store.blind = blind
    app = CurationApp(session, ascii_only=ascii_only, theme=theme)
    try:
        app.run()
    except Exception as error:
        app.crash = app.crash or error
    if app.crash is not None or app.return_code:
        _say(_crash_line(path, app.crash))
        return EXIT_BUG
    decided = session.tally().decided
    session.close()
    if session.judged:
        _say(f"{session.judged} judged, all saved. Go on with: groundset curate {path}")
    elif decided:
        _say(f"{decided} decided, all saved. Next: groundset export {path} OUT --format inspect")
    else:
        _say(f"Nothing was decided. Go on with: groundset curate {path}")
    return 0


def _die_at_once() -> None:
    """Let signals end this process even where its loop is stuck: all is saved, and the guardian cleans up."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _crash_line(path: Path, crash: BaseException | None) -> str:
    """What happened, without a word of the error's message, which may quote a log."""
    frames = traceback.extract_tb(crash.__traceback__) if crash is not None else []
    # Every key comes through `run_action`, which says nothing of where it went wrong.
    ours = [frame for frame in frames if "curation_tui" in frame.filename or "generator" in frame.filename]
    own = [frame for frame in ours if frame.name != "run_action"] or frames
    where = f" ({type(crash).__name__} in {Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"groundset stopped because of a bug{where}. All decisions are saved. Resume with: groundset curate {path}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
