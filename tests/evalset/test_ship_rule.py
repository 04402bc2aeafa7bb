import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generator.errors import ConfigError
from generator.evalset.ship_rule import ShipRule, ship_rule

NAMES = ("A", "B", "anthropic/claude-haiku-5-5", "openai/gpt-5", "our own, v2", "0.8", "A - 1", "a>b")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("A >= B - 0.02", ShipRule("A", ">=", "B", -0.02)),
        ("A>=B", ShipRule("A", ">=", "B", 0.0)),
        ("A ≥ B -2 %", ShipRule("A", ">=", "B", -0.02)),
        ("A <= B + .01", ShipRule("A", "<=", "B", 0.01)),
        ("A > 80%", ShipRule("A", ">", None, 0.8)),
        ("A >= 0.8", ShipRule("A", ">=", None, 0.8)),
        ('A >= "0.8"', ShipRule("A", ">=", "0.8", 0.0)),
        ("anthropic/claude-haiku-5-5 > openai/gpt-5", ShipRule("anthropic/claude-haiku-5-5", ">", "openai/gpt-5", 0.0)),
        ("openai/gpt-5 >= anthropic/claude-haiku-5-5 - 0.02",
         ShipRule("openai/gpt-5", ">=", "anthropic/claude-haiku-5-5", -0.02)),
        ("'our own, v2' < A", ShipRule("our own, v2", "<", "A", 0.0)),
        ("our own, v2 < 'A'-0.1", ShipRule("our own, v2", "<", "A", -0.1)),
        ("B >= A - 1", ShipRule("B", ">=", "A - 1", 0.0)),
        ("B >= A - 1 - 0.1", ShipRule("B", ">=", "A - 1", -0.1)),
        ('"a>b" >= A', ShipRule("a>b", ">=", "A", 0.0)),
    ],
)  # fmt: skip
def test_a_rule_is_read_as_it_is_meant(text, rule):
    assert ship_rule(text, NAMES) == rule


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no comparison"),
        ("A", "no comparison"),
        ("A == B", "no comparison"),
        ("0.7 <= A <= 0.9", "more than one comparison"),
        (">= B", "nothing before >="),
        ("A >=", "nothing after >="),
        ("A >= C", "«C», which is no candidate here; there are A, B"),
        ("A >= openai/gpt5", "did you mean openai/gpt-5?"),
        ("A >= A - 0.02", "compares A with itself"),
        ("A >= 80", "share from 0 to 1"),
        ("A >= -0.1", "share from 0 to 1"),
        ("A >= B - 2", "2 points as 0.02"),
        ("A >= B - x", "«B - x», which is no candidate"),
    ],
)
def test_what_is_no_rule_is_said_with_the_remedy(text, complaint):
    with pytest.raises(ConfigError) as caught:
        ship_rule(text, NAMES)
    assert complaint in str(caught.value)


@given(st.text(max_size=30))
@example("A >= " + "9" * 400)
@example("A >= B - ٣")
@example('"" >= B')
def test_any_text_is_a_rule_or_an_error_of_ours(text):
    with contextlib.suppress(ConfigError):
        assert set(ship_rule(text, NAMES).names) <= set(NAMES)


@given(
    st.sampled_from(["A", "B"]), st.sampled_from([">=", ">", "<=", "<"]), st.sampled_from(["openai/gpt-5", None]),
    st.integers(0, 100),
)  # fmt: skip
def test_a_rule_in_words_is_the_rule(left, comparison, right, hundredths):
    rule = ShipRule(left, comparison, right, hundredths / 100)
    assert ship_rule(str(rule), NAMES) == rule


@pytest.mark.parametrize(
    ("text", "low", "high", "verdict"),
    [
        ("A >= B - 0.02", -0.01, 0.05, "met"),
        ("A >= B - 0.02", -0.02, 0.05, "met"),
        ("A > B - 0.02", -0.02, 0.05, "not enough evidence"),
        ("A >= B - 0.02", -0.03, 0.05, "not enough evidence"),
        ("A >= B - 0.02", -0.30, -0.03, "not met"),
        ("A > B", -0.1, 0.0, "not met"),
        ("A >= B", -0.1, 0.0, "not enough evidence"),
        ("A <= B + 0.02", -0.1, 0.01, "met"),
        ("A <= B + 0.02", 0.03, 0.1, "not met"),
        ("A < 0.1", 0.05, 0.1, "not enough evidence"),
        ("A >= 0.8", 0.81, 0.9, "met"),
        ("A >= 0.8", 0.0, 1.0, "not enough evidence"),
    ],
)
def test_a_rule_holds_where_the_whole_interval_says_so(text, low, high, verdict):
    assert ship_rule(text, NAMES).verdict(low, high) == verdict
