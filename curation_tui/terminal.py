"""Between Textual and the terminal: what may go out, what comes in, and what ends the app.

The second line of defence: text is made safe where it becomes `Content` (see safe_text.py). Should some
widget ever pass text on as it is, no control byte of it leaves here.
"""

import os
import re
import selectors
import signal
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterable, Iterator

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from curation_tui.guardian import RESTORE, TerminalState, restore, terminal_state

_PASTE_START = "\x1b[200~"
_PASTE_END = "\x1b[201~"
_PATIENCE = 1.0
_ESCAPE = "\x1b"
_ESCAPE_WAIT = 0.1  # seconds after which an escape is a key, and not the beginning of a sequence
_TYPED_ESCAPE = re.compile(r"(\x1b)(?=[^\[\]OPX^_])")  # what may follow in a sequence of a terminal is left out
_LONGEST_PASTE = 1_000_000

# All that Textual sends: colours, cursor places, modes it switches, questions it asks, pointer shapes.
_OWN = (
    r"\x1b\[[0-9;:]*m"
    r"|\x1b\[\d+;\d+H"
    r"|\x1b\[\?(?:7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)[hl]"
    r"|\x1b\[\?(?:2026|2048)\$p"
    r"|\x1b\[[<>=]\d*u"
    r"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"
)
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
_FOREIGN = re.compile(f"({_OWN})|{_CONTROLS}")
# Copying by the mouse: a message of its own, never part of a frame.
_COPY = re.compile(r"\x1b\]52;c;[A-Za-z0-9+/=]*\x07")


def filtered(data: str) -> str:
    """Output without any control that is not Textual's own."""
    if _COPY.fullmatch(data):
        return data
    return _FOREIGN.sub(lambda found: found[1] or "\ufffd", data)


class PasteGate:
    """Takes pasted text out of the input before any of it can be read as keys.

    Textual's parser reads an escape character inside a paste as the beginning of keys, which would decide.
    """

    def __init__(self) -> None:
        self._pasted: str | None = None  # text of a paste that has begun
        self._held = ""  # what may be the beginning of a paste

    def feed(self, data: str) -> Iterator[str | events.Paste]:
        """Split input into text for the parser and pastes."""
        data, self._held = self._held + data, ""
        while data:
            if self._pasted is not None:
                data = yield from self._end_of_paste(data)
                continue
            typed, start, data = data.partition(_PASTE_START)
            if start:
                self._pasted = ""
            else:
                typed, self._held = _hold_back(typed)
            if typed:
                yield typed

    def flush(self) -> Iterator[str]:
        """What was held back and is no paste, since nothing came after it: an escape."""
        if self._held:
            yield self._held
            self._held = ""

    def _end_of_paste(self, data: str) -> Generator[events.Paste, None, str]:
        self._pasted = (self._pasted or "") + data
        pasted, end, rest = self._pasted.partition(_PASTE_END)
        if not end:
            return ""
        self._pasted = None
        yield events.Paste(pasted[:_LONGEST_PASTE].replace("\x00", ""))
        return rest


def _hold_back(typed: str) -> tuple[str, str]:
    for length in range(len(_PASTE_START) - 1, 0, -1):
        if typed.endswith(_PASTE_START[:length]):
            return typed[:-length], typed[-length:]
    return typed, ""


def presses(typed: str) -> Iterator[str]:
    """Split input at the escapes that a person typed; a part that is an escape alone is the key.

    Textual's parser makes one key with alt of an escape and a letter that come together, as they do where the app is
    busy; no key of the app has alt, so that the letter would be lost, and with it a decision.
    """
    return filter(None, _TYPED_ESCAPE.split(typed))


class TerminalDriver(LinuxDriver):
    """Textual's driver with a filter on what goes out and a gate for what comes in."""

    _suspended = False

    def _get_terminal_size(self) -> tuple[int, int]:
        """What the terminal says, whatever the environment says: an exported COLUMNS is of another time."""
        try:
            width, height = os.get_terminal_size(self.fileno)
        except OSError:
            return super()._get_terminal_size()
        return width or 80, height or 24

    def write(self, data: str) -> None:
        """Send output, without foreign controls."""
        super().write(filtered(data))

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        self._suspended = True
        super().suspend_application_mode()

    def resume_application_mode(self) -> None:
        """Take the terminal again; once, however many signals say so, for each would start a reader of keys."""
        if self._suspended:
            self._suspended = False
            super().resume_application_mode()

    def run_input_thread(self) -> None:
        """Read keys, pastes and mouse until the app ends or the terminal is gone."""
        parser, gate = XTermParser(self._debug), PasteGate()
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_ESCAPE_WAIT):
                    self._take_in(parser, gate, decode(_read(self.fileno)))
                else:
                    self._press(parser, gate.flush())
                for event in parser.tick():
                    self.process_message(event)

    def _take_in(self, parser: XTermParser, gate: PasteGate, data: str) -> None:
        if not data:
            time.sleep(0.05)  # half of a character, or a terminal that is gone: then the watchdog ends us
        for part in gate.feed(data):
            if isinstance(part, events.Paste):
                self.process_message(part)
            else:
                self._press(parser, presses(part))

    def _press(self, parser: XTermParser, parts: Iterable[str]) -> None:
        for part in parts:
            for event in [events.Key("escape", _ESCAPE)] if part == _ESCAPE else parser.feed(part):
                self.process_message(event)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""


def end_with(guardian: int, pause: float = 0.5) -> None:
    """End this process when its guardian or its terminal is gone, from a thread: the loop may be stuck."""
    state = terminal_state()
    threading.Thread(target=_watch, args=(guardian, state, pause), daemon=True, name="watchdog").start()


def _watch(guardian: int, state: TerminalState | None, pause: float) -> None:
    while os.getppid() == guardian and _terminal_is_there():
        time.sleep(pause)
    # A terminal that takes no more output would hold us here for ever.
    restoring = threading.Thread(target=restore, args=(state, RESTORE), daemon=True)
    restoring.start()
    restoring.join(_PATIENCE)
    os._exit(128 + signal.SIGHUP)


def _terminal_is_there() -> bool:
    try:
        termios.tcgetattr(0)
    except termios.error:
        return False
    return True
