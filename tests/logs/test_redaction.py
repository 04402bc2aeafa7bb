import json
import random
import re
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import LogError
from generator.logs import names
from generator.logs.formats import RawTrace
from generator.logs.redaction import Masking, Redactor
from generator.logs.secrets_and_persons import FINDERS
from generator.records import Message, ToolCall
from tests.hostile.corpus import HOSTILE, SECRETS

KEY = b"k" * 32


def redacted(text: str) -> str:
    return Redactor(KEY, {}).redact(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to bob.smith+x@mail.example.co.uk.", "write to ⟦EMAIL-1⟧."),
        ("<bob@example.com>", "<⟦EMAIL-1⟧>"),
        ("müller@bücher.example", "⟦EMAIL-1⟧"),
        ("bob [at] example.com, bob%40example.com", "⟦EMAIL-1⟧, ⟦EMAIL-2⟧"),
        ("call +49 (0)170 123-4567 now", "call ⟦PHONE-1⟧ now"),
        ("(415) 555-2671 or 415.555.2671", "⟦PHONE-1⟧ or ⟦PHONE-1⟧"),
        ("1-800-433-7300 is 800-433-7300", "⟦PHONE-1⟧ is ⟦PHONE-1⟧"),
        ("0049 170 1234567 = +49 170 1234567", "⟦PHONE-1⟧ = ⟦PHONE-1⟧"),
        ("030 12345678, 020 7946 0958, 0170/1234567", "⟦PHONE-1⟧, ⟦PHONE-2⟧, ⟦PHONE-3⟧"),
        ("06 12 34 56 78", "⟦PHONE-1⟧"),
        ("my number: phone 5550199, tel. 4155552671", "my number: phone ⟦PHONE-1⟧, tel. ⟦PHONE-2⟧"),
        ("4111 1111 1111 1111 123 exp 12/29", "⟦CARD-1⟧ 123 exp 12/29"),
        ("4111-1111-1111-1111 and 4111111111111111", "⟦CARD-1⟧ and ⟦CARD-1⟧"),
        ("378282246310005, 3782 822463 10005", "⟦CARD-1⟧, ⟦CARD-1⟧"),
        ("order 4111 4111 1111 1111 1111", "order 4111 ⟦CARD-1⟧"),
        ("DE89 3704 0044 0532 0130 00 please", "⟦IBAN-1⟧ please"),
        ("GB82WEST12345698765432 de89370400440532013000", "⟦IBAN-1⟧ ⟦IBAN-2⟧"),
        ("from 192.168.1.20 and 2001:db8::ff00:42:8329", "from ⟦IP-1⟧ and ⟦IP-2⟧"),
        ("postgres://app:hunter2@db.example.com/x", "postgres://⟦CREDENTIALS-1⟧@db.example.com/x"),
        ("https://x.com/a?id=1&token=abc&sig=d%2F", "https://x.com/a?id=1&token=⟦SECRET-1⟧&sig=⟦SECRET-2⟧"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ⟦SECRET-1⟧"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic ⟦SECRET-1⟧"),
        ("password: hunter2, pwd=letmein", "password: ⟦SECRET-1⟧, pwd=⟦SECRET-2⟧"),
        ('DB_PASSWORD="abc def"', 'DB_PASSWORD="⟦SECRET-1⟧"'),
        ("my password is Tr0ub4dor", "my password is ⟦SECRET-1⟧"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx", "aws_secret_access_key = ⟦SECRET-1⟧"),
    ],
)
def test_what_has_a_structure_is_masked_and_two_spellings_are_one_value(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "order FH-204417 and order 1234567890",
        "tracking 1Z 999 AA1 01 2345 6784, parcel 00340434161094042557",
        "on 2024-05-15 15:00:00, 12/05/2024, 01.02.2024 or 2024-05-15T15:00:00-05:00",
        "since 1731368630 and 1715785200000",
        "version 1.2.3, v10.2.3.4, release 10.0.19041.1",
        "costs $1,234.56 or 1 299,00 EUR, not 199.99",
        "flights UA 1234, LH 0400 and BA 11 tonight",
        "Upper deck BA11 tonight like a bloody sauna",
        "amazon order 112-3456789-1234567",
        "4111 1111 1111 1112 fails the check",
        "at 12:30:45, std::vector<a::b>, 00:1B:44:11:3A:B7",
        "127.0.0.1 and 0.0.0.0 and 256.1.1.1",
        "password: how do I reset it? my password is wrong",
        "access denied (using password: YES)",
        "PASSWORD=$DB_PASSWORD and password: {{ secret }}",
        "token: 500, max_tokens=5000, secret: nothing",
        "@support please, user@localhost, a@b",
        "sk-learn-is-a-library and risk-assessment-of-something-long",
        "room 12 34 56, seats 100 200 300, 8 9 10 11 12 13 14 15",
        "π is 3.14159265358979323846",
    ],
)
def test_numbers_and_words_of_ordinary_inputs_stay(text):
    assert redacted(text) == text


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "my key is {} ok?",
        '"{}"',
        "key={},",
        "({})",
        "`{}`",
        "x\n{}\ny",
        '{{"api_key": "{}"}}',
        "see:{}.",
        "'{}';",
    ],
)
def test_no_planted_secret_survives_wherever_it_stands(name, around):
    secret = SECRETS[name]
    text = redacted(around.format(secret))
    assert secret[6:26] not in text
    assert "⟦SECRET-1⟧" in text


def test_secrets_inside_json_inside_json_are_masked_and_it_stays_json():
    inner = json.dumps({"password": "hunter2-example", "mail": "a@example.com", "key": SECRETS["anthropic"]})
    text = redacted(json.dumps({"body": inner}))
    assert json.loads(json.loads(text)["body"]) == {"password": "⟦SECRET-2⟧", "mail": "⟦EMAIL-1⟧", "key": "⟦SECRET-1⟧"}


def _iban(draw: random.Random) -> str:
    account = f"{draw.randrange(10**18):018d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def _card(draw: random.Random) -> str:
    digits = f"4{draw.randrange(10**14):014d}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def _phone(draw: random.Random) -> str:
    number = f"{draw.randrange(2, 10)}{draw.randrange(100):02d}-{draw.randrange(2, 10)}{draw.randrange(100):02d}"
    return draw.choice(["", "+1 ", "1-"]) + f"{number}-{draw.randrange(10_000):04d}"


def _email(draw: random.Random) -> str:
    return f"{draw.choice(['jo', 'ann.b', 'x_y-z'])}{draw.randrange(999)}@{draw.choice(['mail', 'a-b'])}.example.org"


def _grouped(value: str, draw: random.Random) -> str:
    return " ".join(re.findall(".{1,4}", value)) if draw.random() < 0.5 else value


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("EMAIL", _email),
        ("PHONE", _phone),
        ("CARD", lambda draw: _grouped(_card(draw), draw)),
        ("IBAN", lambda draw: _grouped(_iban(draw), draw)),
        ("IP", lambda draw: ".".join(str(draw.randrange(1, 255)) for _ in range(4))),
    ],
)
def test_999_of_1000_planted_values_of_each_kind_are_masked(kind, make):
    draw = random.Random(7)
    frames = ["it is {}, thanks", "{}", "({}).", "mine: {} or so", "order 204417 - {}\nplease"]
    missed = []
    for _ in range(2000):
        value = make(draw)
        text = redacted(draw.choice(frames).format(value))
        if f"⟦{kind}-1⟧" not in text or value in text:
            missed.append(value)
    assert len(missed) <= 2, missed


def test_the_same_value_has_the_same_placeholder_in_a_project_and_another_a_number_of_its_own():
    first = Redactor(KEY, {})
    assert first.redact("a@x.com b@x.com A@X.com") == "⟦EMAIL-1⟧ ⟦EMAIL-2⟧ ⟦EMAIL-1⟧"
    drained = first.drain()
    assert drained.counts == {"EMAIL": 3}
    assert sorted(drained.placeholders.values()) == [1, 2]
    assert (first.fresh, first.counts) == ({}, {})
    later = Redactor(KEY, drained.placeholders)
    assert later.redact("c@x.com b@x.com") == "⟦EMAIL-3⟧ ⟦EMAIL-2⟧"
    assert list(later.drain().placeholders.values()) == [3]


def test_what_is_remembered_of_a_value_is_a_digest_under_the_projects_key():
    seen = []
    for key in (KEY, b"another"):
        redactor = Redactor(key, {})
        redactor.redact("a@x.com")
        ((kind, digest),) = redactor.fresh
        assert kind == "EMAIL"
        assert re.fullmatch("[0-9a-f]{16}", digest)
        seen.append(digest)
    assert seen[0] != seen[1]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["a@x.com", "⟦EMAIL-1⟧", "⟦", "⟧", "4111111111111111", " ", "⟦PHONE-12345678⟧", "password:", "x1"]
        )
    )
)
def test_redacting_twice_changes_nothing_and_placeholders_are_left_alone(parts):
    redactor = Redactor(KEY, {})
    once = redactor.redact(" ".join(parts))
    redactor.drain()
    assert redactor.redact(once) == once
    assert once.count("⟦PHONE-12345678⟧") == parts.count("⟦PHONE-12345678⟧")


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_can_be_redacted(text):
    redacted(text)


@pytest.mark.parametrize("text", HOSTILE.values())
def test_hostile_texts_can_be_redacted_and_those_without_personal_data_stay(text):
    after = redacted(text)
    if not re.search(r"[0-9@=]|://|[Pp]ass|key", text):
        assert after == text


def test_every_text_of_a_trace_is_redacted():
    mail = "a@x.com"
    raw = RawTrace(
        messages=(
            Message("system", f"write to {mail}"),
            Message("user", mail),
            Message("assistant", mail, (ToolCall("c1", "send", json.dumps({"to": mail})),)),
            Message("tool", mail, tool_call_id="c1"),
        ),
        answer=f"sent to {mail}",
        seen_at="2024-01-01T00:00:00Z",
        signals={"error": f"no {mail}", "score": 1},
    )
    after = Redactor(KEY, {}).redact_trace(raw)
    assert mail not in repr(after)
    assert after.messages[2].tool_calls[0].arguments == '{"to": "⟦EMAIL-1⟧"}'
    assert after.signals == {"error": "no ⟦EMAIL-1⟧", "score": 1}
    assert after.seen_at == raw.seen_at
    assert after.messages[3].tool_call_id == "c1"


_HALF = 500_000
_BOMBS = (
    *(
        "a",
        "1",
        "1 ",
        "a@",
        "a.",
        "+1",
        "(1",
        "(12) ",
        "1.",
        "sk-",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaa ",
        "-eyJaaaaaaa.a",
        "eyJ",
    ),
    *(
        "password:",
        "password is ",
        "secret",
        "token='",
        "bearer ",
        "://",
        "a://b:",
        "?key=",
        "GB12 ",
        "GB1234",
        "4111 ",
    ),
    *(
        "DE12a",
        "0123 ",
        "123-456-",
        "06 12 34 56 ",
        "tel ",
        "ab:",
        ":",
        "abcd:",
        "-----BEGIN PRIVATE KEY-----",
        "-",
        "'",
    ),
    *("a@a.a.", " [at] ", "⟦EMAIL-1⟧1", "⟦", "=", " ", "0071 2", "%40", "SK", "SG.aaaaaaaaaaaaaaaa."),
)


@pytest.mark.parametrize("unit", _BOMBS)
def test_no_half_million_characters_make_a_pattern_run_for_long(unit):
    for text in (unit * (_HALF // len(unit)), "1" + unit * (_HALF // len(unit)) + "@."):
        started = time.process_time()
        redacted(text)
        # The slowest takes a third of this; a quadratic pattern takes minutes.
        assert time.process_time() - started < 1.5


def test_kinds_are_those_that_people_are_told_about():
    assert {finder.kind for finder in FINDERS} == {"SECRET", "CREDENTIALS", "EMAIL", "IBAN", "CARD", "IP", "PHONE"}


def test_patterns_of_ones_own_are_masked_too_but_not_in_placeholders():
    masking = Masking(also=(r"CUST-\d+", r"\d+"))
    redactor = masking.redactor(KEY, {})
    assert redactor.redact("CUST-12 wrote to a@x.com, 7 times") == "⟦OTHER-1⟧ wrote to ⟦EMAIL-1⟧, ⟦OTHER-2⟧ times"
    assert redactor.drain().counts == {"EMAIL": 1, "OTHER": 2}


def test_a_pattern_that_would_run_for_ever_elsewhere_takes_linear_time():
    redactor = Masking(also=("(a+)+$", "(x|x)*y")).redactor(KEY, {})
    started = time.process_time()
    redactor.redact("a" * 200_000 + "!" + "x" * 200_000)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("pattern", "says"), [("(", "is not a pattern"), ("a*", "fits an empty text"), (r"(?=a)b", "is not a pattern")]
)
def test_a_pattern_that_cannot_be_used_is_one_sentence(pattern, says):
    with pytest.raises(LogError, match=says):
        Masking(also=(pattern,)).redactor(KEY, {})


def test_masking_nothing_and_more_at_once_is_refused():
    assert Masking(structured=False).redactor(KEY, {}) is None
    with pytest.raises(LogError, match="--no-redact keeps everything"):
        Masking(structured=False, also=("x",)).redactor(KEY, {})


@pytest.mark.parametrize("number", ["883-237-8876x232", "(710)827-3464 ext. 686", "0430830401", "08-982 597 91"])
def test_a_phone_number_is_masked_with_its_extension_and_without_gaps(number):
    assert redacted(f"call {number} please") == "call ⟦PHONE-1⟧ please"


def test_names_are_masked_where_their_extra_is_installed():
    pytest.importorskip("presidio_analyzer", reason="names are an extra: pip install 'groundset[names]'")
    util = pytest.importorskip("spacy.util", reason="names are an extra: pip install 'groundset[names]'")
    if not util.get_installed_models():
        pytest.skip("no model of spaCy is installed: python -m spacy download en_core_web_md")
    redactor = Masking(names=True).redactor(KEY, {})
    after = redactor.redact("My name is John Smith and my mail is a@x.com. John Smith wants a refund.")
    assert "Smith" not in after
    assert "⟦EMAIL-1⟧" in after
    assert "refund" in after


def test_names_without_their_extra_are_one_sentence_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    names._analyzer.cache_clear()
    with pytest.raises(LogError, match=r"pip install 'groundset\[names\]'"):
        Masking(names=True).redactor(KEY, {})
