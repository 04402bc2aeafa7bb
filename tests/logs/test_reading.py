import csv
import gzip
import hashlib
import io
import json
import os
import sys
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import LogError
from generator.logs import text_lines
from generator.logs.reading import Record, expand, open_log
from tests.hostile.corpus import HOSTILE
from tests.hostile.files import hostile_files

ROWS = [{"text": f"where is my order {number}"} for number in range(5)]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def read(path: Path, skip: int = 0) -> list[Record]:
    with open_log(path) as log:
        return list(log.records(skip))


def written(folder: Path, content: bytes, name: str = "log") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def values(path: Path) -> list[object]:
    return [record.value for record in read(path)]


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (JSONL, "jsonl"),
        (b'{"text": "one record"}', "jsonl"),
        (b'"a"\n"b"\n', "jsonl"),
        (json.dumps(ROWS).encode(), "json array"),
        (json.dumps(ROWS, indent=2).encode(), "json array"),
        (json.dumps(ROWS[0], indent=2).encode(), "json"),
        (b'[{"role": "user", "content": "hi"}]', "json"),
        (b"text,user\nhello there,1\nbye,2\n", "csv"),
        (b"id;frage;wann\n1;wo, bitte?;heute\n2;wie?;morgen\n", "csv"),
        (b"text\tuser\nhello, you\t1\n", "tsv"),
        (b"where is my order\nrefund please\n", "text"),
        (b"[2024-01-01] started\n[2024-01-02] stopped\n", "text"),
        (b"[[Help]] me\n", "text"),
        (b"{{name}} wants a refund\n", "text"),
    ],
)
def test_the_layout_is_found_by_content_whatever_the_file_is_called(tmp_path, content, layout):
    for name in ("log", "log.csv", "log.jsonl", "log.txt"):
        with open_log(written(tmp_path, content, name)) as log:
            assert log.layout == layout
            assert log.why


def test_sentences_with_a_comma_each_are_no_table(tmp_path):
    with open_log(written(tmp_path, b"Hello, how are you\nFine, and you\n", "log.txt")) as log:
        assert log.layout == "text"


def test_one_column_under_a_known_name_is_a_table_only_where_the_file_says_so(tmp_path):
    content = b"question\nwhere is it?\n"
    with open_log(written(tmp_path, content, "log.csv")) as log:
        assert log.layout == "csv"
    with open_log(written(tmp_path, content, "log.txt")) as log:
        assert log.layout == "text"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_every_unicode_encoding_gives_the_records_of_its_utf8_twin(tmp_path, encoding):
    rows = [{"text": "où est ma commande " + "x" * 60}, {"text": "wo ist sie 🙂"}]
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    assert values(written(tmp_path, content.encode(encoding))) == rows


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_packed_files_are_known_by_their_first_bytes(tmp_path, pack):
    path = written(tmp_path, pack(JSONL), "log.txt")
    assert values(path) == ROWS
    assert values(written(tmp_path, pack(JSONL) + pack(JSONL))) == ROWS + ROWS


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_packed_file_that_is_cut_off_anywhere_keeps_its_good_prefix_and_says_so(tmp_path, pack):
    rows = [{"text": hashlib.sha256(bytes([number])).hexdigest()} for number in range(100)]
    packed = pack("".join(json.dumps(row) + "\n" for row in rows).encode())
    for length in range(12, len(packed) - 1, max(len(packed) // 100, 1)):
        try:
            found = read(written(tmp_path, packed[:length]))
        except LogError:
            continue  # so little came through that no layout could be found
        good, last = found[:-1], found[-1]
        assert [record.value for record in good] == rows[: len(good)]
        assert last.value is None
        assert "breaks off" in (last.error or "")


def test_a_gzip_bomb_is_refused(tmp_path):
    path = written(tmp_path, gzip.compress((b'{"text": "' + b"x" * 100_000 + b'"}\n') * 700))
    with pytest.raises(LogError, match="unpacks to more than 200 times its size"):
        read(path)


def test_records_are_split_at_the_newline_only(tmp_path):
    text = "one\u2028two\u2029three\x85four\x0bfive\x1csix\rseven"
    line = json.dumps({"text": text}, ensure_ascii=False).replace("\\r", "\r").encode()
    assert values(written(tmp_path, line + b"\r\n" + line)) == [{"text": text}] * 2
    assert values(written(tmp_path, f"{text}\nlast".encode())) == [{"text": text}, {"text": "last"}]


@given(
    st.lists(st.sampled_from([b"", b" ", b"a", b"bb\r", b"\r", b"\n", b"\xe2\x80\xa8", b"c" * 50])), st.integers(1, 9)
)
def test_lines_are_those_of_a_reference_splitter_however_the_bytes_arrive(parts, step):
    content = b"\n".join(parts)
    pieces = (content[start : start + step] for start in range(0, len(content), step))
    expected = content.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line.data for line in text_lines.lines(pieces)] == [line.removesuffix(b"\r") for line in expected]


def test_blank_lines_are_no_records_but_count_as_lines(tmp_path):
    found = read(written(tmp_path, b'\n{"a": 1}\n  \n\r\n{"a": 2}\n\n'))
    assert [(record.position, record.value) for record in found] == [(2, {"a": 1}), (5, {"a": 2})]


def test_a_line_over_the_limit_is_rejected_with_its_size_and_never_held(tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(JSONL)
        for _ in range(60):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + JSONL)
    tracemalloc.start()
    try:
        found = read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found[5].error == "line of 60,000,000 bytes is over the limit of 16 MB"
    assert [record.value for record in (*found[:5], *found[6:])] == ROWS * 2
    assert peak < 40_000_000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"a": 18446744073709551616}', {"a": "18446744073709551616"}),
        ('{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        ('{"a": %s}' % ("9" * 5000), {"a": "9" * 5000}),
        ('{"a": [1e999, -1e999]}', {"a": ["1e999", "-1e999"]}),
        ('{"a": [NaN, Infinity, -Infinity]}', {"a": [None, None, None]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        (r'{"a\udc00": ["x\ud800y"]}', {"a\ufffd": ["x\ufffdy"]}),
        (r'{"a": "\ud83d\ude42"}', {"a": "🙂"}),
        ('{"a": "raw\ttab and \x00"}', {"a": "raw\ttab and \x00"}),
    ],
)
def test_what_json_allows_and_others_cannot_hold_is_made_harmless(tmp_path, line, expected):
    assert values(written(tmp_path, line.encode() + b'\n{"b": 1}\n')) == [expected, {"b": 1}]
    assert values(written(tmp_path, f"[{line}, {line}]".encode())) == [expected, expected]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[" * 201 + "]" * 201, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"a": ', "not valid JSON"),
        ("hello", "not valid JSON"),
    ],
)
def test_a_line_that_is_no_usable_json_is_rejected_with_a_reason(tmp_path, line, reason):
    found = read(written(tmp_path, JSONL + line.encode() + b"\n" + JSONL))
    assert [record.error for record in found] == [None] * 5 + [reason] + [None] * 5
    assert found[5].position == 6


def test_brackets_inside_a_text_are_no_nesting(tmp_path):
    row = {"text": "[" * 5000}
    assert values(written(tmp_path, json.dumps(row).encode())) == [row]


def test_200_levels_are_read(tmp_path):
    assert read(written(tmp_path, JSONL + b"[" * 200 + b"]" * 200))[5].error is None


def test_invalid_utf8_is_read_as_windows_text_where_that_makes_sense(tmp_path):
    assert values(written(tmp_path, b'{"text": "caf\xe9"}\n')) == [{"text": "café"}]
    assert values(written(tmp_path, b"caf\xe9 s\x92il\n\x81\n")) == [{"text": "café s’il"}, {"text": "\x81"}]
    assert values(written(tmp_path, b"text,id\ncaf\xe9,1\n")) == [{"text": "café", "id": "1"}]
    assert read(written(tmp_path, JSONL + b'{"text": "\x81"}\n'))[5].error == "invalid UTF-8 at byte 10"


def test_rows_of_a_table_are_objects_and_cells_keep_their_line_breaks(tmp_path):
    rows = [{"text": 'he said "yes",\n\nthen left', "user": "1"}, {"text": "second", "user": "2"}]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["text", "user"])
    writer.writeheader()
    writer.writerows(rows)
    found = read(written(tmp_path, buffer.getvalue().encode(), "log.csv"))
    assert [record.value for record in found] == rows
    assert [record.position for record in found] == [1, 2]


def test_a_quote_that_never_closes_costs_its_own_row_only(tmp_path):
    found = read(written(tmp_path, b'text,user\nfine,a\n"open,b\nstill fine,c\nand this,d\n', "log.csv"))
    assert [record.error for record in found] == [None, "a quote that never closes", None, None]
    assert [record.value["text"] for record in found if record.value] == ["fine", "still fine", "and this"]


def test_a_table_full_of_open_quotes_is_read_in_bounded_time(tmp_path):
    found = read(written(tmp_path, b"text,user\n" + b'a","x\n' * 20_000, "log.csv"))
    assert found
    assert all(record.error == "a quote that never closes" for record in found)


def test_ragged_rows_are_read_or_rejected_but_never_lost(tmp_path):
    found = read(written(tmp_path, b"text,user\nshort\na,b\nc,d,e\n\ng,h,,\n", "log.csv"))
    assert [record.value for record in found] == [
        {"text": "short"},
        {"text": "a", "user": "b"},
        None,
        {"text": "g", "user": "h"},
    ]
    assert found[2].error == "more fields than the header names"


def test_an_array_that_breaks_off_keeps_what_came_before(tmp_path):
    content = json.dumps(ROWS).encode()
    for cut in (content[:-1], content[:-5], content[:-15]):
        found = read(written(tmp_path, cut))
        assert [record.error for record in found[:4]] == [None] * 4
        assert "breaks off" in (found[-1].error or "")


def test_an_array_with_a_bad_element_says_that_the_rest_was_not_read(tmp_path):
    content = json.dumps([*ROWS, "?"] + ROWS * 3).replace('"?"', "{oops}").encode()
    found = read(written(tmp_path, content))
    assert [record.value for record in found[:5]] == ROWS
    assert [record.error for record in found[5:]] == ["not valid JSON; the rest of the array was not read"]


def test_an_array_far_larger_than_the_window_is_read_one_element_at_a_time(tmp_path):
    rows = [{"text": "x" * (number % 700), "n": number} for number in range(20_000)]
    path = written(tmp_path, json.dumps(rows).encode())
    tracemalloc.start()
    try:
        with open_log(path) as log:
            count = sum(record.value["n"] == record.position - 1 for record in log.records())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 5_000_000


def test_an_object_around_a_list_of_records_is_opened(tmp_path):
    assert values(written(tmp_path, json.dumps({"total": 5, "data": ROWS}, indent=1).encode())) == ROWS


@pytest.mark.parametrize("name", ["log.jsonl", "log.json", "log.csv", "log.txt", "log.jsonl.gz", "log.parquet"])
def test_skipping_continues_exactly_where_a_reading_stopped(tmp_path, name):
    path = _in_layout(tmp_path, name)
    everything = read(path)
    assert len(everything) == 5
    for skip in range(7):
        assert read(path, skip) == everything[skip:]


def _in_layout(folder: Path, name: str) -> Path:
    match name.partition(".")[2]:
        case "json":
            content = json.dumps(ROWS).encode()
        case "csv":
            content = ("text,n\n" + "".join(f"{row['text']},1\n" for row in ROWS)).encode()
        case "txt":
            content = "".join(f"{row['text']}\n\n" for row in ROWS).encode()
        case "jsonl.gz":
            content = gzip.compress(JSONL)
        case "parquet":
            return _parquet(folder / name, ROWS)
        case _:
            content = JSONL
    return written(folder, content, name)


def _parquet(path: Path, rows: list[dict[str, str]]) -> Path:
    missing = "Parquet needs the extra: pip install 'groundset[parquet]'"
    pyarrow = pytest.importorskip("pyarrow", reason=missing)
    pytest.importorskip("pyarrow.parquet", reason=missing).write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def test_a_parquet_file_is_known_by_its_first_bytes(tmp_path):
    path = _parquet(tmp_path / "log.bin", ROWS)
    with open_log(path) as log:
        assert log.layout == "parquet"
        assert [record.value for record in log.records()] == ROWS
        assert log.bytes_read == log.size
        assert len(list(log.records())) == 5


def test_the_digest_is_of_the_bytes_in_the_file_and_progress_reaches_its_size(tmp_path):
    content = gzip.compress(JSONL * 1000, mtime=0)
    with open_log(written(tmp_path, content)) as log:
        assert log.digest == hashlib.sha256(content).hexdigest()
        assert log.size == len(content)
        next(log.records())
        assert sum(1 for _ in log.records()) == 5000
        assert log.bytes_read == log.size


def test_what_is_appended_after_a_log_was_opened_is_not_read(tmp_path):
    path = written(tmp_path, JSONL)
    with open_log(path) as log:
        with path.open("ab") as file:
            file.write(b'{"text": "half a li')
        assert [record.value for record in log.records()] == ROWS


def test_patterns_are_expanded_and_each_file_is_named_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.jsonl", "a.jsonl", "c.csv", "odd[1].jsonl"):
        written(tmp_path, JSONL, name)
    (tmp_path / "folder.jsonl").mkdir()
    assert expand(["b.jsonl", "*.jsonl", "-"]) == ["b.jsonl", "a.jsonl", "odd[1].jsonl", "-"]
    assert expand(["odd[1].jsonl"]) == ["odd[1].jsonl"]
    with pytest.raises(LogError, match="No file matches"):
        expand(["*.parquet"])
    with pytest.raises(LogError, match="No log was named"):
        expand([])


def test_a_folder_is_refused_with_the_pattern_to_use(tmp_path):
    with pytest.raises(LogError, match=r"is a folder; name the files in it, for example .*/\*\.jsonl"):
        open_log(tmp_path)


@pytest.mark.parametrize("path", ["missing.jsonl", "missing/folder/log", "nul\0inside", "x" * 5000])
def test_a_path_that_leads_nowhere_is_a_plain_sentence(path):
    with pytest.raises(LogError):
        open_log(path)


def test_a_file_that_may_not_be_read_is_a_plain_sentence(tmp_path):
    path = written(tmp_path, JSONL)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(LogError, match="may not be read by you"):
        open_log(path)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LogError, match="is a pipe or device"):
        open_log(tmp_path / "pipe")


def test_a_loop_of_links_is_a_plain_sentence(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(LogError):
        open_log(tmp_path / "a")


def test_a_name_that_is_no_utf8_can_be_read_and_shown(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    path.write_bytes(JSONL)
    with open_log(path) as log:
        log.name.encode("utf-8")
        assert len(list(log.records())) == 5


def test_standard_input_is_read_like_a_file(tmp_path, monkeypatch):
    with written(tmp_path, JSONL).open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with open_log("-") as log:
            assert log.name == "standard input"
            assert log.digest == hashlib.sha256(JSONL).hexdigest()
            assert [record.value for record in log.records()] == ROWS
            assert [record.value for record in log.records(skip=3)] == ROWS[3:]


def test_no_hostile_file_gives_anything_but_records_or_a_plain_sentence(tmp_path):
    refused = {}
    for name, path in hostile_files(tmp_path).items():
        try:
            found = read(path)
        except LogError as error:
            refused[name] = str(error)
            continue
        assert all(record.error is None or record.value is None for record in found), name
        for record in found:
            json.dumps(record.value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert all(str(tmp_path / name) in sentence and "\n" not in sentence for name, sentence in refused.items())
    assert sorted(refused) == [
        "archive.zip",
        "binary.jsonl",
        "blank_lines.jsonl",
        "bomb.jsonl.gz",
        "corrupt.jsonl.gz",
        "damaged.parquet",
        "database.sqlite",
        "empty.jsonl",
        "header_only.gz",
        "picture.csv",
        "zeros.log",
    ]


def test_every_hostile_text_comes_through_json_lines_as_it_was(tmp_path):
    texts = [text for text in HOSTILE.values() if text.isprintable() or text.isascii()]
    content = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    expected = [text.encode("utf-8", "replace").decode() if text.isascii() else text for text in texts]
    assert [value["text"] for value in values(written(tmp_path, content.encode()))] == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"\n", b'{"text": "x"}\n', b'"', b",", b"[", b"\x1f\x8b"])))
def test_any_bytes_at_all_are_records_or_a_plain_sentence(tmp_path_factory, parts):
    path = written(tmp_path_factory.getbasetemp(), b"".join(parts), "fuzzed")
    try:
        found = read(path)
    except LogError:
        return
    assert all(record.position > 0 for record in found)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")) | st.sampled_from([b"[" * 3000, b"9" * 5000])
    )
)
def test_no_line_can_stop_those_around_it(tmp_path_factory, bad):
    content = b"".join(JSONL + line + b"\n" for line in [*bad, b"{"]) + JSONL
    found = read(written(tmp_path_factory.getbasetemp(), content, "mixed"))
    assert sum(record.value in ROWS for record in found if record.value) >= 5 * (len(bad) + 2)
    assert len(found) == sum(1 for line in content.split(b"\n") if line and not line.isspace())
