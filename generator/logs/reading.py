"""From a path to records: streaming, in bounded memory, and without a traceback whatever the file holds."""

import glob
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Self

from generator.errors import LogError
from generator.logs import sniffing
from generator.logs.decompression import BrokenStreamError, RawFile, packing, unpacked
from generator.logs.layouts import Layout, Record, parquet_rows
from generator.logs.text_lines import as_utf8

__all__ = ["STDIN", "Log", "Record", "expand", "open_log"]

STDIN = "-"
_BLOCK = 1024 * 1024


class Log:
    """An open log file: what is known of it, and its records. Use as a context manager."""

    def __init__(self, file: IO[bytes], name: str, size: int) -> None:
        self.name = name
        self.size = size
        """Bytes when it was opened; what is written to it later is not read."""
        self._file = file
        self._raw = RawFile(file, size)
        self.digest = self._digest()
        """SHA-256 of the bytes as they lie in the file, in hex."""
        self._layout, self.why = self._recognised()

    @property
    def layout(self) -> str:
        """The name of the layout, as people are told it."""
        return self._layout.name if self._layout else "parquet"

    @property
    def bytes_read(self) -> int:
        """How much of `size` was read so far, for a progress bar."""
        return self._raw.position

    def records(self, skip: int = 0) -> Iterator[Record]:
        """Every record from the first on, without the first `skip`. One reading at a time.

        Raises:
            LogError: the file unpacks to far too much, or is a damaged Parquet file.
        """
        try:
            if self._layout is None:
                self._file.seek(0)
                yield from islice(parquet_rows(self._file, self.name), skip, None)
                self._raw.position = self.size
                return
            for record in islice(self._split(self._layout), skip, None):
                yield record if record.error else self._layout.parse(record)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def _split(self, layout: Layout) -> Iterator[Record]:
        position = 0
        try:
            for record in layout.split(as_utf8(unpacked(self._raw, self.name))):
                position = record.position
                yield record
        except BrokenStreamError as error:
            yield Record(position + 1, None, str(error))

    def _digest(self) -> str:
        digest = hashlib.sha256()
        self._raw.rewind()
        while block := self._raw.read(_BLOCK):
            digest.update(block)
        return digest.hexdigest()

    def _recognised(self) -> tuple[Layout | None, str]:
        self._raw.rewind()
        magic = self._raw.read(16)
        sniffing.refuse_foreign(magic, self.name)
        if magic.startswith(sniffing.PARQUET_MAGIC):
            return None, "begins with the mark of Parquet"
        head, whole = self._head()
        if not head:
            raise LogError(f"{self.name} is empty once unpacked; name a file with records in it.")
        layout, why = sniffing.recognise(head, whole, self.name)
        packed = packing(magic)
        return layout, f"{why}, in {packed}" if packed else why

    def _head(self) -> tuple[bytes, bool]:
        head = bytearray()
        try:
            for piece in as_utf8(unpacked(self._raw, self.name)):
                head += piece
                if len(head) >= sniffing.HEAD:
                    return bytes(head[: sniffing.HEAD]), False
        except BrokenStreamError as error:
            if not head:
                raise LogError(f"{self.name} cannot be unpacked: {error}; fetch it again.") from error
        return bytes(head), True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def expand(paths: Sequence[str]) -> list[str]:
    """The files that are meant: patterns such as `*.jsonl` expanded, each file once, in the order given.

    Raises:
        LogError: nothing was named, or a pattern meets no file.
    """
    if not paths:
        raise LogError("No log was named; give one or more files, for example logs.jsonl, or - for standard input.")
    found: dict[str, None] = {}
    for path in paths:
        if path == STDIN or os.path.lexists(path) or not glob.has_magic(path):
            found[path] = None
            continue
        found_here = glob.glob(path, recursive=True)  # noqa: PTH207  (Path.glob takes no absolute pattern)
        matches = sorted(each for each in found_here if not Path(each).is_dir())
        if not matches:
            raise LogError(f"No file matches {path}; check the folder and the pattern.")
        found.update(dict.fromkeys(matches))
    return list(found)


def open_log(path: str | Path) -> Log:
    """Open a log file, or standard input for "-", and find out how its records lie in it.

    Raises:
        LogError: it is missing, a folder, not readable, empty, or holds no log.
    """
    name = _shown(path)
    file, size = _spooled() if name == STDIN else _opened(path, name)
    name = "standard input" if name == STDIN else name
    try:
        if size == 0:
            raise LogError(f"{name} is empty; name a file with records in it.")
        return Log(file, name, size)
    except OSError as error:
        file.close()
        raise _unreadable(name, error) from error
    except BaseException:
        file.close()
        raise


def _shown(path: str | Path) -> str:
    # A file name is bytes on Linux; what is no UTF-8 must not stop the database or the screen.
    return os.fsencode(path).decode("utf-8", "replace")


def _opened(path: str | Path, name: str) -> tuple[IO[bytes], int]:
    path = Path(path)
    try:
        status = path.stat()
        _refuse_special(status, name)
        file = path.open("rb")
    except FileNotFoundError:
        raise LogError(f"{name} does not exist; check the path.") from None
    except PermissionError:
        raise LogError(f"{name} may not be read by you; ask for the right, or run: chmod u+r {name}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _unreadable(name, error) from error
    return file, os.fstat(file.fileno()).st_size


def _refuse_special(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise LogError(f"{name} is a folder; name the files in it, for example {name.rstrip('/')}/*.jsonl")
    if not stat.S_ISREG(status.st_mode):
        raise LogError(f"{name} is a pipe or device, which can be read only once; pass it as: - < {name}")


def _spooled() -> tuple[IO[bytes], int]:
    """Standard input as a file without a name, because it is read twice: to hash it, and to use it."""
    if sys.stdin.isatty():
        raise LogError("Standard input is the keyboard; pipe a log into it, for example: zcat logs.gz | groundset ...")
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the Log closes it)
    try:
        while block := sys.stdin.buffer.read(_BLOCK):
            file.write(block)
        file.flush()
    except OSError as error:
        file.close()
        raise LogError(f"Standard input cannot be kept in {tempfile.gettempdir()}: {error.strerror}.") from error
    return file, file.tell()


def _unreadable(name: str, error: Exception) -> LogError:
    reason = getattr(error, "strerror", None) or "the name cannot be used"
    return LogError(f"{name} cannot be read ({reason}); check the path and the disk.")
