"""Criteria that a program can decide, decided and explained; all others wait for people.

A criterion is a sentence. One that is, as a whole, of a form known here is decided where nothing can be said against
the decision: `Contains «order number»`, `Is at most 100 words long`, `Answers in German`, `Is valid JSON`. Of a
sentence that goes on ("Is at most three sentences long, and says why") the part in front can fail the answer, never
pass it. Where a judge could argue (a word that is mentioned in other words, an abbreviation that may end a sentence)
the outcome is "cannot say": a check that is wrong once is worth nothing.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from generator.judging import CheckOutcome
from generator.logs.values import clean
from generator.printable import one_line
from generator.traffic.languages import surely

_SHOWN = 60
_NUMBERS = {
    word: number
    for number, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)
}
_NUMBER = rf"(\d{{1,7}}|{'|'.join(_NUMBERS)})"
_QUOTED = "(?:" + "|".join(("«([^«»]+)»", '"([^"]+)"', "[“„]([^“”„]+)[“”]", "`([^`]+)`", "'([^']+)'")) + ")"
_THE_ANSWER = r"(?:(?:the |its )?(?:answer|response|reply|output|text|message) )?"
_AND_MORE = re.compile(r"^(?:,? and |, (?:without|with|but|nor) |; ).+", re.IGNORECASE | re.DOTALL)
"""How a sentence goes on whose first part must hold as well; not "or", "unless", "if"."""

_READ = 4_000
"""Characters of an answer from which its language is told."""
_LONGEST = 4_000
"""Characters of a criterion; a longer one is no sentence."""
_SHORT = 600
"""A refusal that is longer than this may be one and help all the same."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a program says of one criterion."""

    outcome: CheckOutcome
    why: str
    """One line."""


@dataclass(frozen=True, slots=True)
class _Says:
    """Whether a statement is true of an answer; None where it cannot be said."""

    true: bool | None
    why: str


_Rule = Callable[[re.Match[str], str], _Says]
_WAITS = _Says(None, "waits for people")


def check(output: str, criteria: Sequence[str], must_not: Sequence[str] = ()) -> list[Found]:
    """What a program says of an answer: one finding a criterion, those of `must_not` after the others."""
    text = clean(output)
    found = [_found(decide(clean(each), text), wanted=True) for each in criteria]
    return found + [_found(decide(clean(each), text), wanted=False) for each in must_not]


def _found(says: _Says, *, wanted: bool) -> Found:
    if says.true is None:
        return Found("cannot say", says.why)
    return Found("passed" if says.true is wanted else "failed", says.why)


def decide(criterion: str, output: str) -> _Says:
    """Whether a criterion, read as a statement about the answer, is true of it."""
    if len(criterion) > _LONGEST:
        return _WAITS
    statement = " ".join(criterion.split()).rstrip(".")
    negation = _NEGATION.match(statement)
    if negation is not None:
        statement = _affirmed(negation[0], statement[negation.end() :])
    for pattern, rule in _RULES:
        if (match := pattern.match(statement)) is None:
            continue
        says = rule(match, output)
        if negation is not None and says.true is not None:
            says = _Says(not says.true, says.why)
        rest = statement[match.end() :]
        if not rest:
            return says
        if _AND_MORE.match(rest) and says.true is False:
            return says
    return _WAITS


_NEGATION = re.compile(
    rf"{_THE_ANSWER}(?:does not|doesn't|must not|should not|do not|is not|never) ",
    re.IGNORECASE,
)


def _affirmed(denied: str, rest: str) -> str:
    """What a sentence denies, as a statement: "does not contain «x»" denies "contains «x»"."""
    if denied.casefold().endswith("is not "):
        return f"is {rest}"
    verb, _, more = rest.partition(" ")
    verb = "is" if verb == "be" else verb if verb.endswith("s") else f"{verb}{'es' if verb.endswith('ch') else 's'}"
    return f"{verb} {more}".rstrip()


# Words ------------------------------------------------------------------------------------------


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _named(match: re.Match[str]) -> str:
    """What a criterion quotes, whatever its quotation marks."""
    return next(each for each in match.groups() if each is not None)


def _contains(match: re.Match[str], output: str) -> _Says:
    wanted = _named(match)
    held = _folded(wanted) in _folded(output)
    return _Says(held, f"{'contains' if held else 'does not contain'} {_quoted(wanted)}")


def _mentions(match: re.Match[str], output: str) -> _Says:
    """A word that is there is mentioned; one that is not may be mentioned in other words."""
    says = _contains(match, output)
    return says if says.true else _Says(None, f"{says.why}; other words may say it")


def _is_exactly(match: re.Match[str], output: str) -> _Says:
    same = _folded(output) == _folded(_named(match))
    return _Says(same, f"is {'' if same else 'not '}{_quoted(_named(match))}")


def _starts(match: re.Match[str], output: str) -> _Says:
    held = _folded(output).startswith(_folded(_named(match)))
    return _Says(held, f"starts with {_quoted(output)}")


def _ends(match: re.Match[str], output: str) -> _Says:
    held = _folded(output).endswith(_folded(_named(match)))
    return _Says(held, f"ends with {_quoted(output[-_SHOWN:])}")


def _matches(match: re.Match[str], output: str) -> _Says:
    """Held against the pattern in linear time, whatever the pattern."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(_named(match), options)
    except re2.error as error:
        return _Says(None, f"the pattern cannot be used: {one_line(str(error), 80)}")
    held = pattern.search(output) is not None
    return _Says(held, f"{'matches' if held else 'does not match'} {_quoted(_named(match))}")


def _is_only_a_link(match: re.Match[str], output: str) -> _Says:
    only = re.fullmatch(r"\s*\S{0,3}https?://\S+\s*", output) is not None
    return _Says(only, f"{'is' if only else 'is more than'} a link")


def _quoted(text: str) -> str:
    return f"«{one_line(text, _SHOWN)}»"


# Length -----------------------------------------------------------------------------------------

_DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_ENDS = re.compile(r"[.!?…。！？]+")
_SURE_END = re.compile(r"(?<=[^\W\d_]{3})[.!?…]{1,9}[\"'”’»)\]]{0,3}(?=\s{1,9}[\"'“‘«(\[]{0,3}[A-ZÀ-ÖØ-Þ]|\Z)")
_ABBREVIATION = re.compile(
    r"\b(?:Mrs|Prof|Inc|Ltd|Corp|Dept|approx|etc|incl|excl|max|min|vol|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|"
    r"Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Ave|Blvd|Capt|Gen|Sen|Rev|Hon|Sgt|Col|Gov|Rep|Fig|Art|Sec|Ref|Est|Adm|Maj|Cpl|"
    r"Pres|Supt|Esq|bzw|usw|evtl|inkl|zzgl|Std|Min|tel|ext|App|Apt|Bros|Cie|Ing|Mme|Sra|Srta|Dra)\.",
    re.IGNORECASE,
)


def _bounds(unit: str, output: str) -> tuple[int, int]:
    """How many units an answer has, at least and at most."""
    match unit:
        case "character":
            return len(output.strip()), len(output)
        case "word":
            words = len(output.split())
            # Scripts without spaces have words that nobody counts alike.
            return (1, len(output)) if len(_DENSE.findall(output)) > words else (words, words)
        case "line":
            lines = output.strip().splitlines()
            return sum(bool(line.strip()) for line in lines), len(lines)
        case "paragraph":
            blocks = [each for each in re.split(r"\n\s*\n", output) if each.strip()]
            return len(blocks), _bounds("line", output)[0]
        case _:
            return _sentences(output)


def _sentences(output: str) -> tuple[int, int]:
    """At least those that surely end, at most all full stops and line ends."""
    plain = _ABBREVIATION.sub(lambda found: found[0][:-1], output.rstrip())
    lines = [line for line in output.splitlines() if line.strip()]
    at_most = sum(max(len(_ENDS.findall(line)), 1) + (not _ENDS.search(line.rstrip()[-3:])) for line in lines)
    return min(max(len(_SURE_END.findall(plain)), min(len(lines), 1)), at_most), at_most


def _compared(match: re.Match[str], output: str) -> _Says:
    how, number, unit = match[1].casefold(), _number(match[2]), match[3].casefold()
    low, high = _bounds(unit, output)
    found = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    why = f"has {found} {unit}s"
    match how:
        case "at most" | "no more than" | "no longer than" | "up to" | "not more than":
            yes, no = high <= number, low > number
        case "under" | "less than" | "fewer than" | "shorter than" | "below":
            yes, no = high < number, low >= number
        case "at least" | "no less than" | "no fewer than" | "no shorter than":
            yes, no = low >= number, high < number
        case "exceeds" | "over" | "more than" | "longer than" | "above":
            yes, no = low > number, high <= number
        case _:
            yes, no = low == high == number, not low <= number <= high
    return _Says(True if yes else False if no else None, why)


def _between(match: re.Match[str], output: str) -> _Says:
    least, most, unit = _number(match[1]), _number(match[2]), match[3].casefold()
    low, high = _bounds(unit, output)
    within, without = least <= low and high <= most, high < least or low > most
    found = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return _Says(True if within else False if without else None, f"has {found} {unit}s")


def _number(text: str) -> int:
    word = text.casefold()
    return _NUMBERS[word] if word in _NUMBERS else int(text)


def _is_empty(match: re.Match[str], output: str) -> _Says:
    empty = not output.strip()
    return _Says(empty, f"is {'' if empty else 'not '}empty")


# Form -------------------------------------------------------------------------------------------

_BULLET = re.compile(r"^[ \t]*(?:[-*+•‣▪●◦]|[–—])[ \t]+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^[ \t]*\(?\d{1,3}[.)][ \t]+\S", re.MULTILINE)
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]")


def _uses_bullets(match: re.Match[str], output: str) -> _Says:
    if (found := _BULLET.search(output)) is not None:
        return _Says(True, f"a line begins {_quoted(found[0])}")
    if _NUMBERED.search(output) is not None:
        return _Says(None, "numbers its points, which some call bullets")
    return _Says(False, "no line begins with a bullet")


def _uses_emoji(match: re.Match[str], output: str) -> _Says:
    found = _EMOJI.search(output)
    return _Says(found is not None, f"has {found[0]}" if found else "has no emoji")


def _negated(rule: _Rule) -> _Rule:
    def decided(match: re.Match[str], output: str) -> _Says:
        says = rule(match, output)
        return _Says(None if says.true is None else not says.true, says.why)

    return decided


def _in_part(rule: _Rule) -> _Rule:
    """A rule about a part of what is asked: it can be seen to be missed, not to be met."""

    def decided(match: re.Match[str], output: str) -> _Says:
        says = rule(match, output)
        return says if says.true is False else _WAITS

    return decided


def _is_json(match: re.Match[str], output: str) -> _Says:
    value = _parsed(output)
    if isinstance(value, _Says):
        return value
    kind = match["kind"]
    wanted = {"object": dict, "array": list, "list": list}.get((kind or "").casefold(), object)
    held = isinstance(value, wanted)
    return _Says(held, f"is valid JSON{'' if held else f', but no {kind}'}")


def _fits_schema(match: re.Match[str], output: str) -> _Says:
    from generator.evalset.schemas import fits

    value = _parsed(output)
    return value if isinstance(value, _Says) else _Says(*fits(match[1], value))


def _parsed(output: str) -> Any:
    """The value of an answer that is JSON, or what to say instead."""
    try:
        return json.loads(output, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        if "```" in output:
            return _Says(None, "has a code fence; whether that counts as JSON is for people to say")
        return _Says(False, f"is not valid JSON: {one_line(str(error), 80)}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


# Language and refusal ---------------------------------------------------------------------------

_ALIKE = (
    {"Spanish", "Portuguese", "Catalan", "Italian", "Romanian", "French"},
    {"Danish", "Norwegian", "Swedish"},
    {"Czech", "Slovak", "Polish", "Slovenian", "Croatian"},
    {"Indonesian", "Malay"},
    {"Dutch", "German"},
)
"""Languages that share so many words that one is not surely told from the other."""
_LANGUAGES = (
    "English|German|French|Spanish|Italian|Portuguese|Dutch|Polish|Swedish|Danish|Norwegian|Finnish|Czech|Hungarian|"
    "Romanian|Turkish|Indonesian|Catalan|Slovak|Japanese|Korean|Chinese|Greek|Hebrew|Thai"
)


def _answers_in(match: re.Match[str], output: str) -> _Says:
    wanted, spoken = match[1].capitalize(), surely(output[:_READ])
    if spoken is None:
        return _Says(None, "too little of it tells its language")
    if spoken == wanted:
        return _Says(True, f"is in {spoken}")
    if any({spoken, wanted} <= group for group in _ALIKE):
        return _Says(None, f"looks like {spoken}, which is close to {wanted}")
    return _Says(False, f"is in {spoken}")


_REFUSES = re.compile(
    r"^(?:(?:i'?m|i am) (?:very |so |really )?sorry[,.]? (?:but )?|sorry[,.]? (?:but )?|unfortunately,? |"
    r"i apologi[sz]e,? (?:but )?)?"
    r"(?:(?:i|we) (?:can'?t|cannot|can not|won'?t|will not|am unable to|are unable to|am not able to|"
    r"'m unable to|must decline to|have to decline to)|i'?m (?:unable|not able) to) "
    r"(?:help|assist|do that|do this|comply|provide|share|answer|support|fulfil+|continue|discuss|give|disclose|"
    r"reveal)\b",
    re.IGNORECASE,
)
_MAY_REFUSE = re.compile(
    r"n't\b|n’t\b|\b(?:not|no|cannot|unable|sorry|declin\w*|refus\w*|unfortunately|against|never|only|instead|however|"
    r"but|apolog\w*|outside|policy|afraid|regret\w*|without|beyond|un\w+|im\w+ible)\b",
    re.IGNORECASE,
)


def _refuses(match: re.Match[str], output: str) -> _Says:
    """Short and in the words of a refusal is one; without any word that denies something, none."""
    said = output.strip().replace("’", "'")
    if len(said) <= _SHORT and (found := _REFUSES.match(said)) is not None:
        return _Says(True, f"begins {_quoted(found[0])}")
    if said and surely(said[:_READ]) == "English" and _MAY_REFUSE.search(said) is None:
        return _Says(False, "no word of it denies anything")
    return _Says(None, "may be a refusal or not")


# The forms --------------------------------------------------------------------------------------

_MORE = "at most|no more than|not more than|no longer than|up to|under|less than|fewer than|shorter than|below"
_LESS = "at least|no less than|no fewer than|no shorter than|over|more than|longer than|above|exactly"
_UNIT = r"(character|word|sentence|line|paragraph)s?(?: long| in length)?"
_GIVES = r"(?:is|answers with|returns|gives|outputs)"
_JSON = "(?:a |an )?(?:valid )?JSON"
_FITS = r"(?:fits|matches|validates against|follows|by)"
_WRITTEN = r"(?:answers|is|replies|responds|is written|writes)"
_LONG = r"(?:is|has|uses|contains|stays|keeps to|is kept)"

_FORMS: tuple[tuple[str, _Rule], ...] = (
    (rf"(?:contains|includes|writes|has) (?:the (?:text|words?|phrase|string|code|sentence) )?{_QUOTED}", _contains),
    (r"writes (?-i:([A-Z]+-\d+))", _contains),
    (rf"(?:mentions|names|cites) (?:the (?:text|words?|phrase) )?{_QUOTED}", _mentions),
    (rf"(?:is|equals|answers with) exactly {_QUOTED}", _is_exactly),
    (rf"(?:starts|begins|opens) with {_QUOTED}", _starts),
    (rf"(?:ends|closes) with {_QUOTED}", _ends),
    (r"matches (?:the )?(?:regex|pattern|regular expression)?:? ?/(.+)/", _matches),
    (rf"matches (?:the )?(?:regex|pattern|regular expression):? {_QUOTED}", _matches),
    (r"answers with nothing but a link", _is_only_a_link),
    (rf"{_LONG} ({_MORE}|{_LESS}) {_NUMBER} {_UNIT}", _compared),
    (rf"{_LONG} between {_NUMBER} and {_NUMBER} {_UNIT}", _between),
    (rf"(exceeds) {_NUMBER} {_UNIT}", _compared),
    (r"is empty", _is_empty),
    (r"(?:uses|has|contains) (?:any )?bullet(?:s| points?)", _uses_bullets),
    (r"(?:uses|has|contains) no bullet(?:s| points?)", _negated(_uses_bullets)),
    (r"(?:uses|has|contains) (?:any |an )?emojis?", _uses_emoji),
    (r"(?:uses|has|contains) no emojis?", _negated(_uses_emoji)),
    (r"is as formal as the user: no slang, no emojis?", _in_part(_negated(_uses_emoji))),
    (rf"{_GIVES} (?:only )?{_JSON}(?: (?P<kind>object|array|list))?", _is_json),
    (rf"{_GIVES} {_JSON} (?:that )?{_FITS} (?:the |this )?(?:JSON )?schema:? ?(\{{.*\}})", _fits_schema),
    (rf"{_WRITTEN} in ({_LANGUAGES})(?:, the language of the request)?", _answers_in),
    (rf"{_WRITTEN} (?:only )?in ({_LANGUAGES})(?: alone| only)", _in_part(_answers_in)),
    (r"(?:refuses|declines)(?: the request| to help| to answer| to do so| to comply)?", _refuses),
)  # fmt: skip
_RULES = tuple((re.compile(_THE_ANSWER + form, re.IGNORECASE), rule) for form, rule in _FORMS)
