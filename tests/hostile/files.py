"""Hostile log files: what people name by mistake, what breaks on the way, and what wants to harm."""

import gzip
import json
from pathlib import Path

from tests.hostile.corpus import HOSTILE

_GOOD = [json.dumps({"text": f"where is my order {number}"}) for number in range(20)]
_LINES = "\n".join(_GOOD) + "\n"


def hostile_files(folder: Path) -> dict[str, Path]:
    """Write every hostile file into a folder; name -> path."""
    made: dict[str, Path] = {}
    for name, content in _contents().items():
        path = folder / name
        path.write_bytes(content)
        made[name] = path
    return made


def _contents() -> dict[str, bytes]:
    packed = gzip.compress(_LINES.encode() * 50, mtime=0)
    return {
        "empty.jsonl": b"",
        "blank_lines.jsonl": b"\n\n  \n",
        "binary.jsonl": bytes(range(256)) * 40,
        "zeros.log": b"\0" * 5000,
        "picture.csv": b"\x89PNG\r\n\x1a\n" + b"\0\1\2\3" * 300,
        "archive.zip": b"PK\x03\x04" + b"\0" * 100,
        "database.sqlite": b"SQLite format 3\x00" + b"\0" * 100,
        "truncated.jsonl.gz": packed[: len(packed) // 2],
        "corrupt.jsonl.gz": packed[:60] + b"\xff" * 8 + packed[68:],
        "header_only.gz": packed[:10],
        "garbage_after.jsonl.gz": packed + b"not gzip",
        "zero_padded.jsonl.gz": packed + b"\0" * 1024,
        "two_members.jsonl.gz": packed + packed,
        "bomb.jsonl.gz": gzip.compress(b"x" * 80_000_000, 9, mtime=0),
        "damaged.parquet": b"PAR1" + b"\1\2\3" * 100 + b"PAR1",
        "utf8_mark.jsonl": b"\xef\xbb\xbf" + _LINES.encode(),
        "utf16_le.jsonl": _LINES.encode("utf-16"),
        "utf16_be.jsonl": b"\xfe\xff" + _LINES.encode("utf-16-be"),
        "utf32.jsonl": _LINES.encode("utf-32"),
        "utf16_without_mark.jsonl": _LINES.encode("utf-16-le"),
        "cp1252.jsonl": '{"text": "où est mon colis"}\n'.encode("cp1252") * 5,
        "cp1252.csv": 'text,user\n"café crème, s’il vous plaît",a\n'.encode("cp1252") * 2,
        "mixed_encodings.jsonl": '{"text": "où"}\n'.encode() + '{"text": "où"}\n'.encode("cp1252"),
        "invalid_utf8.jsonl": _LINES.encode() + b'{"text": "\x81\xff\xfe"}\n',
        "nested.jsonl": _LINES.encode() + b"[" * 100_000 + b"]" * 100_000 + b"\n" + b'{"a":' * 100_000 + b"\n",
        "nested_array.json": b"[" * 100_000 + b"]" * 100_000,
        "numbers.jsonl": _numbers(),
        "duplicate_keys.jsonl": b'{"text": "first", "text": "last"}\n' * 3,
        "surrogates.jsonl": b'{"text": "a\\ud800b", "k\\udfff": "\\udc00\\ud800"}\n' * 3,
        "values.jsonl": b'1\n"text"\nnull\ntrue\n[]\n{}\n[1, 2]\n' + _LINES.encode(),
        "mixed.jsonl": b"INFO started\n" + _LINES.encode() + b"Traceback (most recent call last):\n{broken\n",
        "wrong_suffix.csv": _LINES.encode(),
        "json_called_gz.gz": _LINES.encode(),
        "gzip_called_jsonl.jsonl": packed,
        "long_line.jsonl": _LINES.encode() + b'{"text": "' + b"x" * 20_000_000 + b'"}\n' + _LINES.encode(),
        "crlf.jsonl": _LINES.replace("\n", "\r\n").encode(),
        "no_final_newline.jsonl": _LINES.rstrip("\n").encode(),
        "separators.jsonl": json.dumps({"text": "a\u2028b\u2029c\x85d"}, ensure_ascii=False).encode() + b"\n",
        "truncated_array.json": ("[" + ", ".join(_GOOD) + ', {"text": "cut o').encode(),
        "broken_array.json": ("[" + ", ".join(_GOOD) + ", {oops}, " + _GOOD[0] + "]").encode(),
        "array_and_more.json": ("[" + ", ".join(_GOOD) + "] trailing").encode(),
        "pretty_array.json": json.dumps([json.loads(line) for line in _GOOD], indent=2).encode(),
        "empty_array.json": b"[]",
        "open_quote.csv": b'text,user\n"never closed,a\nfine,b\nalso fine,c\n',
        "ragged.csv": b"text,user\na\nb,c\nd,e,f\n,,\n\nlast,g\n",
        "hostile_texts.jsonl": "".join(json.dumps({"text": text}) + "\n" for text in HOSTILE.values()).encode(),
        "hostile_roles.jsonl": _roles(),
    }


def _numbers() -> bytes:
    values = (
        "9" * 5000,
        str(2**70),
        "-" + "9" * 30,
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "-Infinity",
        "1" * 4000 + ".5",
    )
    return "".join(f'{{"text": "number", "score": {value}}}\n' for value in values).encode()


def _roles() -> bytes:
    rows: list[object] = [
        {"messages": None},
        {"messages": "text"},
        {"messages": []},
        {"messages": [None, 1, "x"]},
        {"messages": [{"role": 5, "content": "x"}]},
        {"messages": [{"role": "user", "content": {"a": {"b": []}}}]},
        {"messages": [{"role": "user", "content": [None, 7, {"type": 9}, {"type": "text", "text": None}]}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": "x"}, {"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": "hi"}], "timestamp": {"a": 1}, "error": [1], "score": {"x": 1}},
        {"messages": [{"role": "user", "content": "hello"}], "choices": [[]], "response": {"choices": {}}},
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
