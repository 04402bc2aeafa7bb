"""The app in a real pseudo-terminal: keys go in, bytes and a screen come out."""

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pyte
import wcwidth

ROOT = Path(__file__).parents[2]
MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
TRACKED = {25, 1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048}
KITTY = re.compile(rb"\x1b\[([<>])\d*u")


class Terminal:
    """One run of the app in a terminal of its own, as a job in the foreground of a shell."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self.screen)
        self.arrived = time.perf_counter()
        """When the app last wrote."""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.output = bytearray()
        self.returncode: int | None = None
        leader, follower = pty.openpty()
        _set_size(follower, size)
        self.before = termios.tcgetattr(follower)
        surroundings = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        surroundings.pop("NO_COLOR", None) if not env or "NO_COLOR" not in env else None
        told, tells = os.pipe()
        self._shell = os.fork()
        if self._shell == 0:
            _be_a_shell(follower, tells, [sys.executable, "-m", "curation_tui", *arguments], surroundings)
        os.close(tells)
        self._told = told
        self._leader, self._follower = leader, follower
        self.guardian = int.from_bytes(os.read(told, 4), "little")

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc: object) -> None:
        for pid in (*self.children(), *([self.guardian] if self.returncode is None else []), self._shell):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.waitpid(self._shell, 0)
        os.close(self._told)
        self.close()

    def close(self) -> None:
        """Close the terminal, as a window that is closed or a connection that is cut."""
        for descriptor in {self._leader, self._follower} - {-1}:
            os.close(descriptor)
        self._leader = self._follower = -1

    def children(self) -> list[int]:
        """The processes that the guardian started."""
        try:
            return [
                int(each) for each in Path(f"/proc/{self.guardian}/task/{self.guardian}/children").read_text().split()
            ]
        except OSError:
            return []

    @property
    def app(self) -> int:
        """The process with the screen."""
        return self.children()[0]

    def send(self, keys: str | bytes) -> None:
        os.write(self._leader, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, size: tuple[int, int]) -> None:
        _set_size(self._leader, size)
        self.screen.resize(size[1], size[0])

    def read(self, seconds: float = 0.05) -> bytes:
        """What the app wrote meanwhile, drawn."""
        got = self.take(seconds)
        self._stream.feed(drawable(self._decode(got)))
        return got

    def take(self, seconds: float) -> bytes:
        """What the app wrote meanwhile, and not drawn, which takes longer than many a frame of the app."""
        got = bytearray()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._leader], [], [], left)[0]:
                break
            try:
                data = os.read(self._leader, 65_536)
            except OSError:
                break
            if not data:
                break
            got += data
            self.arrived = time.perf_counter()
        self.output += got
        return bytes(got)

    def lines(self) -> list[str]:
        return list(self.screen.display)

    def text(self) -> str:
        return "\n".join(self.lines())

    def wait_for(self, *words: str, seconds: float = 15.0) -> str:
        """Read until all of the words are on the screen."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read()
            text = self.text()
            if all(word in text for word in words):
                return text
        raise AssertionError(f"{words} did not come up:\n{self.text()}")

    def wait(self, seconds: float = 15.0) -> int:
        """Read until the guardian ends; its exit code."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(0.02)
            if select.select([self._told], [], [], 0)[0]:
                self.returncode = int.from_bytes(os.read(self._told, 4), "little", signed=True)
                self.read(0.05)
                return self.returncode
        raise AssertionError(f"it did not end:\n{self.text()}")

    def modes_left_on(self) -> set[str]:
        """The modes that the app switched and nobody switched back."""
        on: set[str] = set()
        for numbers, how in MODES.findall(bytes(self.output)):
            for number in numbers.split(b";"):
                if int(number) in TRACKED:
                    (on.add if how == b"h" else on.discard)(number.decode())
        if b"\x1b[?25l" in self.output and "25" not in on:
            on.add("cursor hidden")
        on.discard("25")
        pushed = list(KITTY.findall(bytes(self.output)))
        if pushed.count(b">") > pushed.count(b"<"):
            on.add("kitty keys")
        return on

    def is_restored(self) -> bool:
        """Whether the terminal is set as it was before."""
        return termios.tcgetattr(self._follower) == self.before


@contextlib.contextmanager
def review(project: Path, size: tuple[int, int] = (80, 24), **more: dict[str, str]) -> Iterator[Terminal]:
    """The app with a project, up and waiting for a key."""
    with Terminal(str(project), "--as", "ana", size=size, **more) as terminal:
        terminal.wait_for("u undo")  # in the last line: all of the screen is there
        terminal.read(0.1)
        yield terminal


def drawable(text: str) -> str:
    """Text without what pyte stumbles over: at a zero-width character of class 0 it drops the rest of the text."""
    return "".join(each for each in text if each.isascii() or wcwidth.wcwidth(each) != 0 or unicodedata.combining(each))


def _be_a_shell(descriptor: int, tells: int, command: list[str], surroundings: dict[str, str]) -> NoReturn:
    """Lead a session, run the command as its foreground job, say how it ended, and wait to be killed."""
    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(descriptor, number)
    os.dup2(tells, 3)
    os.set_inheritable(3, False)
    os.closerange(4, 256)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.chdir(ROOT)
        os.execve(command[0], command, surroundings)
    os.write(3, job.to_bytes(4, "little"))
    _, status = os.waitpid(job, 0)
    os.tcsetpgrp(0, os.getpid())
    os.write(3, os.waitstatus_to_exitcode(status).to_bytes(4, "little", signed=True))
    while True:
        signal.pause()


def _set_size(descriptor: int, size: tuple[int, int]) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
