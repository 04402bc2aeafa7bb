"""Small runs of what `make fuzz` and `make evidence` do at length."""

import pytest

from tests.evidence import formats, fuzz_readers, redaction


def test_everything_in_every_sample_is_mapped_or_counted():
    rows = list(formats.rows())
    assert {row.file: row.counted for row in rows} == {row.file: row.units for row in rows}
    assert len({row.format for row in rows}) == 19


def test_no_structured_secret_escapes_and_ordinary_numbers_stay():
    figures = redaction.measure(1500)
    assert [plant.text for plant in figures.escaped if plant.kind not in redaction.PERSONAL] == []
    assert figures.found.total() >= 0.99 * figures.planted.total()
    assert figures.wrong.total() <= 0.01 * figures.right.total()


def test_damaged_logs_of_every_format_come_in_or_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz_readers, "PER_FILE", 150)
    figures = fuzz_readers.fuzz(150 * len(fuzz_readers.FORMS), tmp_path, random_state=9)
    assert figures.tracebacks == []
    assert figures.wrong_sums == []
    assert len(figures.formats) >= 17
    assert figures.accepted
    assert figures.rejected


def test_a_line_that_is_too_long_is_never_held_in_memory(tmp_path):
    peak, report = fuzz_readers.long_line(200 * 2**20, tmp_path)
    assert report == "read 3 accepted 2 repeated 0 rejected 1"
    assert peak < 200 * 2**20


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_damaged_lines_and_a_line_of_a_gigabyte(tmp_path):
    figures = fuzz_readers.fuzz(fuzz_readers.LINES, tmp_path, random_state=1)
    assert figures.tracebacks == []
    assert figures.wrong_sums == []
    peak, report = fuzz_readers.long_line(fuzz_readers.LONG_LINE, tmp_path)
    assert report == "read 3 accepted 2 repeated 0 rejected 1"
    assert peak < fuzz_readers.LONG_LINE / 4
