"""The process around the app that puts the terminal right again, whatever becomes of the app.

A process that is killed cannot clean up after itself. So the app runs in a child of this small one, in the
same foreground terminal. The guardian remembers how the terminal was, passes signals on, waits, and takes
back every mode that the app may have set. It holds no data and does not touch the project.
"""

import contextlib
import os
import resource
import signal
import sys
import termios
from types import FrameType

FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_TERMINAL = 2  # Textual draws on standard error
_SAVE_CURSOR = b"\x1b7"
_POP_KITTY_KEYS = b"\x1b[<u"
_LEAVE_ALTERNATE_SCREEN = b"\x1b[?1049l"
# Mouse in all its reports, focus, bracketed paste, synchronised output and resize reports off; wrapping and
# cursor on; plain text. Harmless where they are so already.
_MODES_OFF = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    b"\x1b[?1004l\x1b[?2004l\x1b[?2026l\x1b[?2048l\x1b[?7h\x1b[?25h\x1b[0m"
)
RESTORE = _POP_KITTY_KEYS + _MODES_OFF + _LEAVE_ALTERNATE_SCREEN

TerminalState = list[int | list[bytes | int]]


def terminal_state() -> TerminalState | None:
    """How the terminal is set now; None where there is none."""
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def restore(state: TerminalState | None, sequences: bytes) -> None:
    """Set the terminal as it was. A terminal that is gone needs nothing."""
    # Out of the foreground, both calls would stop this process; blocked, the signal lets them through.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    with contextlib.suppress(OSError):
        os.write(_TERMINAL, sequences)
    if state is not None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSAFLUSH, state)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})


class Guardian:
    """Runs a command in this terminal and restores the terminal after it."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._child = 0

    def run(self) -> int:
        """Run to the end; returns the exit code, 128 + n where signal n ended it."""
        state = terminal_state()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold production inputs
        # Blocked until there is a child to pass them to. The child starts with SIGINT blocked, so that a
        # ctrl+c while Python starts is not a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGTSTP})
        for number in (*FORWARDED, signal.SIGTSTP):
            signal.signal(number, self._pass_on)
        # Where a killed app leaves the alternate screen, the cursor goes back to where it is now.
        with contextlib.suppress(OSError):
            os.write(_TERMINAL, _SAVE_CURSOR)
        self._child = os.posix_spawn(
            sys.executable,
            self._command,
            os.environ,
            setsigmask=[signal.SIGINT],
            setsigdef=[*FORWARDED, signal.SIGTSTP],
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        status = self._wait(state)
        if os.WIFSIGNALED(status):
            restore(state, RESTORE)
            return 128 + os.WTERMSIG(status)
        # It ended by itself and has left its screen: leaving it again would move the cursor.
        restore(state, _MODES_OFF)
        return os.WEXITSTATUS(status)

    def _wait(self, state: TerminalState | None) -> int:
        while True:
            _, status = os.waitpid(self._child, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                return status
            # The app was suspended and has left its screen: stop too, so that the shell takes over. What
            # wakes one wakes both, for they are one job of the shell.
            restore(state, _MODES_OFF)
            os.kill(os.getpid(), signal.SIGSTOP)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, number)
            if number != signal.SIGTSTP:
                os.kill(self._child, signal.SIGCONT)  # a stopped child would keep the signal for later
