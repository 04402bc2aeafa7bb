import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.printable import one_line, printable
from tests.hostile.corpus import HOSTILE

BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f"}


def assert_harmless(text: str) -> None:
    assert not {unicodedata.category(char) for char in text if char not in "\n\t"} & {"Cc", "Cs", "Zl", "Zp"}
    assert not BIDI & set(text)
    text.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_text_reaches_the_terminal_as_a_control(name):
    assert_harmless(printable(HOSTILE[name]))
    assert "\n" not in one_line(HOSTILE[name], 60)
    assert len(one_line(HOSTILE[name], 60)) <= 60


@given(st.text())
def test_any_text_is_harmless_and_keeps_its_length(text):
    assert_harmless(printable(text))
    assert len(printable(text)) == len(text)
    assert one_line(text, 40) == one_line(one_line(text, 40), 40)


def test_plain_text_of_any_script_stays_as_it_is():
    for text in ("naïve café", "Привет", "日本語", "مرحبا", "👩‍👩‍👧", "a\tb\nc"):
        assert printable(text) == text
