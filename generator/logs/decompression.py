"""Bytes out of a log file, whatever it is packed in: gzip and zstandard by their first bytes, not by suffix."""

import zlib
from collections.abc import Iterator
from typing import IO

from generator.errors import LogError

CHUNK = 16 * 1024
"""Small, because what lies in one chunk with corrupt bytes is lost with them."""
BOMB_FLOOR = 64 * 1024 * 1024
BOMB_RATIO = 200
_OUT = 1024 * 1024
_ZSTD_CHUNK = 2 * 1024  # one byte of input can stand for 32 kB of output, and zstandard has no cap of its own
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class BrokenStreamError(Exception):
    """The bytes end here although they should not: what came before is good. The message is a reason."""


class RawFile:
    """The bytes that a file had when it was opened, counted as they are read."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self.position = 0

    def rewind(self) -> None:
        """Start again at the first byte."""
        self._file.seek(0)
        self.position = 0

    def read(self, wanted: int) -> bytes:
        """Up to `wanted` bytes; none at the end. A file that grows meanwhile still ends where it ended."""
        data = self._file.read(min(wanted, self._size - self.position))
        self.position += len(data)
        return data


def packing(head: bytes) -> str | None:
    """How a file that begins with `head` is compressed."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zstandard" if head.startswith(_ZSTD) else None


def unpacked(raw: RawFile, name: str) -> Iterator[bytes]:
    """The decompressed bytes of a file, in pieces.

    Raises:
        BrokenStreamError: after the last good byte of truncated or corrupt data.
        LogError: it unpacks to far more than any log does.
    """
    raw.rewind()
    head = raw.read(CHUNK)
    match packing(head):
        case "gzip":
            yield from _guarded(_gunzip(raw, head), raw, name)
        case "zstandard":
            yield from _guarded(_unzstd(raw, head), raw, name)
        case _:
            while head:
                yield head
                head = raw.read(4 * CHUNK)


def _guarded(pieces: Iterator[bytes], raw: RawFile, name: str) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > BOMB_FLOOR and total > BOMB_RATIO * raw.position:
            raise LogError(
                f"{name} unpacks to more than {BOMB_RATIO} times its size, which no log does; "
                "if you trust it, unpack it yourself and name the result."
            )
        yield piece


def _gunzip(raw: RawFile, data: bytes) -> Iterator[bytes]:
    while data:
        if not data.startswith(_GZIP[: len(data)]):
            if data.strip(b"\0"):
                raise BrokenStreamError("data after the end of the gzip stream")
            data = raw.read(CHUNK)  # tapes and some tools pad with zeros
            continue
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            try:
                out = member.decompress(data, _OUT)
            except zlib.error:
                raise BrokenStreamError("corrupt gzip data") from None
            if out:
                yield out
            elif not data and not member.eof:
                raise BrokenStreamError("gzip data breaks off")
            if not member.eof:
                data = member.unconsumed_tail or raw.read(CHUNK)
        data = member.unused_data or raw.read(CHUNK)


def _unzstd(raw: RawFile, head: bytes) -> Iterator[bytes]:
    import zstandard

    pieces = _cut(head, raw)
    data = next(pieces, b"")
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        while not frame.eof:
            if not data:
                raise BrokenStreamError("zstandard data breaks off")
            try:
                out = frame.decompress(data)
            except zstandard.ZstdError:
                raise BrokenStreamError("corrupt zstandard data") from None
            if out:
                yield out
            if not frame.eof:
                data = next(pieces, b"")
        data = frame.unused_data or next(pieces, b"")


def _cut(data: bytes, raw: RawFile) -> Iterator[bytes]:
    while data:
        for start in range(0, len(data), _ZSTD_CHUNK):
            yield data[start : start + _ZSTD_CHUNK]
        data = raw.read(CHUNK)
