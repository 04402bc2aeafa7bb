import pytest

from generator.evalset.checks import check
from tests.hostile.corpus import HOSTILE

ENGLISH = "We are sorry that the flight was delayed and that you had to wait for it. The crew will tell you more."
GERMAN = "Wir bedauern, dass der Flug verspätet war und dass Sie nicht früher informiert wurden."
SPANISH = "Hola, sentimos mucho que el vuelo se haya retrasado y que usted tenga que esperar."
JAPANESE = "フライトが遅れて申し訳ありません。"


def outcome(criterion: str, output: str) -> str:
    (found,) = check(output, [criterion])
    return found.outcome


@pytest.mark.parametrize(
    ("criterion", "passing", "failing"),
    [
        ("Contains «order number»", "Give me your Order\nnumber", "Give me your number"),
        ('Does not contain "sorry".', "Done", "So sorry"),
        ("The answer starts with `Dear`", "dear Ana", "Hi"),
        ("Ends with “bye”", "ok, bye", "bye, ok"),
        ("Is exactly 'yes'", " yes\n", "yes."),
        (r"Matches /^\d{3}-[a-z]$/", "123-x", "123"),
        ("Is at most 5 words long", "one two three", "a b c d e f"),
        ("Is at least two words long", "a b", "a"),
        ("Is under 10 characters", "short", "much too long"),
        ("Does not exceed 3 lines", "a\nb", "a\nb\nc\nd"),
        ("Is between 2 and 4 words long", "a b c", "a b c d e"),
        (
            "Is at most two sentences long",
            "Hello. It is on its way.",
            "It is late. Please wait here. More will follow.",
        ),
        ("Uses no bullet points", "Plain text.", "- one\n- two"),
        ("Uses no emoji", "fine", "fine 😀"),
        ("Is valid JSON", '{"a": [1]}', "{a: 1}"),
        ("Answers with a JSON array", "[1]", '{"a": 1}'),
        ('Is JSON that fits the schema {"type": "object", "required": ["a"]}', '{"a": 1}', '{"b": 1}'),
        ("Answers in English, the language of the request", ENGLISH, GERMAN),
        ("Answers in German", GERMAN, ENGLISH),
        ("Is in Japanese", JAPANESE, ENGLISH),
        ("Refuses", "I'm sorry, but I can't help with that.", "Your flight leaves at five and you have a seat."),
        ("Is not empty", "a", "  "),
    ],
)
def test_what_a_program_can_decide_is_decided_both_ways_round(criterion, passing, failing):
    assert outcome(criterion, passing) == "passed"
    assert outcome(criterion, failing) == "failed"
    assert [each.outcome for each in check(passing, [], [criterion])] == ["failed"]
    assert [each.outcome for each in check(failing, [], [criterion])] == ["passed"]


@pytest.mark.parametrize(
    ("criterion", "output"),
    [
        ('Does what the user asks: «Contains "x"»', "x"),
        ("Contains «A» or «B»", "B"),
        ("Contains «A» unless the user asked for B", ""),
        ("Contains «A» and says why", "A"),
        ("Does not contain «A» and says B", "x"),
        ("Writes follow-up mails", "follow-up"),
        ('Mentions "refund"', "your money back"),
        ("Is at most two sentences long", "Mr. Smith vs. the U.S. Airways e.g. today"),
        ("Uses no bullet points", "1. one\n2. two"),
        ("Is valid JSON", "```json\n{}\n```"),
        ("Answers in Portuguese", SPANISH),
        ("Answers in Spanish alone", SPANISH),
        ("Answers in English", "OK"),
        ("Answers in English", f"{ENGLISH} {GERMAN}"),
        ("Refuses", "Unfortunately the flight is full."),
        ("Matches /(?=a)b/", "b"),
        ('Is JSON that fits the schema {"$ref": "http://127.0.0.1:1/x"}', "{}"),
        ('Is JSON that fits the schema {"$ref": "#"}', "{}"),
        ("Is JSON that fits the schema {", "{}"),
    ],
)
def test_what_somebody_could_argue_about_waits_for_people(criterion, output):
    (found,) = check(output, [criterion])
    assert found.outcome == "cannot say"
    assert found.why


def test_a_part_that_is_missed_fails_the_whole_and_one_that_is_met_passes_nothing():
    long, short = "One thing. Two things. Three things. Four things.", "Fine."
    criterion = "Is at most three sentences long, without the stock phrases of a letter"
    assert [outcome(criterion, each) for each in (long, short)] == ["failed", "cannot say"]
    assert outcome("Contains «A» and says why", "B") == "failed"
    assert outcome("Does not contain «A» and says B", "A") == "failed"
    assert outcome("Is as formal as the user: no slang, no emoji", "ok 👍") == "failed"


def test_what_the_rules_ask_for_most_is_decided():
    found = check(
        ENGLISH, ["Answers in English, the language of the request"], ["Writes SAX-1889", "Answers in Italian alone"]
    )
    assert [each.outcome for each in found] == ["passed", "passed", "passed"]
    assert [each.outcome for each in check("SAX-1889", [], ["Writes SAX-1889"])] == ["failed"]


@pytest.mark.timeout(60)
def test_no_pattern_takes_for_ever_and_no_answer_breaks_a_check():
    criteria = [
        "Matches /(a+)+$/",
        "Is valid JSON",
        "Answers in English",
        "Is at most two sentences long",
        "Refuses",
        "Uses no bullet points",
        'Is JSON that fits the schema {"items": {"pattern": "(a+)+$"}}',
        'Contains "x"',
    ]
    for text in (*HOSTILE.values(), "a" * 50_000 + "b", '["' + "a" * 50_000 + 'b"]', "[" * 100_000, ". " * 50_000):
        found = check(text, criteria, list(HOSTILE.values())[:40])
        assert len(found) == len(criteria) + 40
        assert all(each.why and "\n" not in each.why for each in found)
