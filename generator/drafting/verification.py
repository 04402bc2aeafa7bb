"""What speaks against a draft: named marks, found in its text when it is read and in its place when it is ranked.

A marked draft is kept and says why. It stands below the others in the queue and is not accepted in bulk; whether
the mark is right is for a person to say. Marks that need what the drafter was shown are found on reading, those
that need vectors on ranking.
"""

import re
import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from generator.drafting.kinds import KINDS, OTHER, Excuse
from generator.drafting.orders import ADDRESS, orders_in, planted_in, repeats, steering_in
from generator.drafting.prompting import Prompt, answer_hints, own_sentences, shown_texts
from generator.printable import one_line
from generator.records import NEAR_COPY, Draft, Landing, Mark, MarkName
from generator.traffic.languages import language_of

VERSION = 1
"""Raised whenever the marks of ranking change, so that drafts are looked at again."""

_SHOWN = 60
"""Characters of a finding that a reason quotes."""


def marks_on_reading(draft: Draft, prompt: Prompt, masked: Collection[str] = ()) -> tuple[Mark, ...]:
    """What speaks against the text of a draft.

    Args:
        draft: as it was read from an answer.
        prompt: what was answered. An answer whose prompt is lost is held against its own input alone.
        masked: kinds of personal data and secrets that were masked in the answer.
    """
    findings: tuple[tuple[MarkName, str | None], ...] = (
        ("private_data", _private(masked)),
        ("injection", _followed(draft, prompt)),
        ("unsupported", _unsupported(draft, prompt)),
        ("echo", _echoed(draft)),
    )
    return tuple(Mark(name, reason) for name, reason in findings if reason is not None)


def _private(masked: Collection[str]) -> str | None:
    if not masked:
        return None
    return f"held what looks like {', '.join(sorted(masked))}; it was masked"


def _is_excused(draft: Draft, excuse: Excuse) -> bool:
    return excuse in KINDS.get(draft.kind, OTHER).excuses


def _turn_texts(draft: Draft) -> list[str]:
    """What the drafter wrote as the conversation; the system prompt is the application's."""
    spoken = [message for message in draft.messages if message.role != "system"]
    return [text for each in spoken for text in (each.content, *(call.arguments for call in each.tool_calls)) if text]


def _quoted(text: str) -> str:
    return f"«{one_line(text, _SHOWN)}»"


# Orders that were followed ----------------------------------------------------------------------


def _followed(draft: Draft, prompt: Prompt) -> str | None:
    """The first sign that orders in the logs were followed, or that the judge is given some."""
    turns, about = _turn_texts(draft), [*draft.criteria, draft.why]
    if prompt.nonce and any(prompt.nonce in text for text in (*turns, *about, *draft.must_not, *draft.invented)):
        return "repeats the fence code of the prompt"
    for text in (*about, *draft.must_not):
        if (found := steering_in(text)) is not None:
            return f"what is to be judged gives orders: {_quoted(found)}"
    own = () if _is_excused(draft, "orders") and _was_asked_for(draft, prompt) else turns
    for text in own:
        if (found := orders_in(text)) is not None:
            return f"the input gives orders to a model: {_quoted(found)}"
    shown = shown_texts(prompt.brief)
    for planted in sorted({each for text in shown for each in planted_in(text)}):
        if any(repeats(text, planted) for text in (*own, *about)):
            return f"repeats {_quoted(planted)}, which stands beside orders in the logs"
    return _new_address(draft, (*shown, *turns) if not own else shown) if shown else None


def _was_asked_for(draft: Draft, prompt: Prompt) -> bool:
    """Whether its kind was in the plan: orders in a log may say what to call a draft. Rules follow no orders."""
    asked = {kind.name for kind in prompt.brief.plan}
    return not asked or draft.kind in asked or draft.model.startswith("offline/")


def _new_address(draft: Draft, known: Sequence[str]) -> str | None:
    said = (*_turn_texts(draft), *draft.criteria, *draft.must_not, draft.why)
    for address in dict.fromkeys(match for text in said for match in ADDRESS.findall(text)):
        if not any(address.rstrip(".,;:!?") in text for text in known):
            return f"an address that no source has: {_quoted(address)}"
    return None


# Facts out of nowhere ---------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"⟦[A-Z_]+-\d+⟧")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*(?!\w*…)")
_DIGITS = re.compile(r"\d+")
_OF_THE_ANSWER = re.compile(
    r"\s*(?:sentences?|words?|steps?|bullets?|points?|options?|questions?|lines?|paragraphs?|items?|requests?|details?|"
    r"times?|examples?|parts?|things?|needs?|values?|messages?)\b",
    re.IGNORECASE,
)
_MOST_OF_THE_ANSWER = 200
"""Numbers up to this may say how an answer is to look, such as "at most 100 words"."""
_NAME = re.compile(r"[^\W\d_a-z][\w'’-]*[a-z][\w'’-]*(?!\w*…)")
_STARTS_SENTENCE = re.compile(r"(?:^|[.!?:;…]\s+|[«»\"“”'‘(\[/]\s*|\n\s*|^[-*•]\s*)$")
_LANGUAGES = frozenset(
    {
        "arabic", "chinese", "dutch", "english", "french", "german", "greek", "hebrew", "hindi", "italian", "japanese",
        "korean", "polish", "portuguese", "russian", "spanish", "swedish", "thai", "turkish", "ukrainian", "markdown",
    }
)  # fmt: skip
_WORD = re.compile(r"\w+")


def _unsupported(draft: Draft, prompt: Prompt) -> str | None:
    """What the criteria state although neither the input nor its sources nor what was declared invented has it."""
    if not prompt.brief.sources:
        return None
    support = "\n".join(_support(draft, prompt))
    found = dict.fromkeys(each for criterion in draft.criteria for each in _specifics(criterion, support))
    if not found:
        return None
    return f"the criteria name what no source has: {one_line(', '.join(found), _SHOWN)}"


def _support(draft: Draft, prompt: Prompt) -> Iterator[str]:
    """The texts that a criterion may take its facts from."""
    named = [each for each in prompt.brief.sources if each.trace.id in draft.source_ids] or prompt.brief.sources
    for messages in (draft.messages, *(each.trace.messages for each in named)):
        for message in messages:
            yield message.content
            yield from (part for call in message.tool_calls for part in (call.name, call.arguments))
    yield from draft.invented


def _specifics(criterion: str, support: str) -> Iterator[str]:
    yield from (each for each in _PLACEHOLDER.findall(criterion) if each not in support)
    plain = _PLACEHOLDER.sub(" ", criterion)
    for address in ADDRESS.findall(plain):
        if address.rstrip(".,;:!?") not in support:
            yield address
    plain = ADDRESS.sub(" ", plain)
    runs = set(_DIGITS.findall(support))
    whole = {"".join(_DIGITS.findall(each)) for each in _NUMBER.findall(support)}
    for match in _NUMBER.finditer(plain):
        parts = _DIGITS.findall(match.group())
        known = "".join(parts) in whole or runs.issuperset(parts)
        if not known and not _is_of_the_answer(plain, match):
            yield match.group()
    if language_of(plain) != "German":  # which writes every noun as a name
        words = {word.casefold() for word in _WORD.findall(support)}
        yield from (name for name in _names(plain) if not words.issuperset(_WORD.findall(name.casefold())))


def _is_of_the_answer(text: str, number: re.Match[str]) -> bool:
    """Whether a number says how the answer is to look."""
    small = number.group().isdigit() and int(number.group()) <= _MOST_OF_THE_ANSWER
    return small and _OF_THE_ANSWER.match(text, number.end()) is not None


def _names(text: str) -> Iterator[str]:
    """Capitalised words inside a sentence, without the ones that name languages."""
    for match in _NAME.finditer(text):
        starts = _STARTS_SENTENCE.search(text[: match.start()]) is not None
        inside_word = match.start() > 0 and text[match.start() - 1].isalnum()
        name = re.sub(r"['’]s?$", "", match.group())
        if not starts and not inside_word and len(name) > 1 and name.casefold() not in _LANGUAGES:
            yield name


# Our own words ----------------------------------------------------------------------------------


def _echoed(draft: Draft) -> str | None:
    """A phrase of our own prompt that a draft repeats, as small models do."""
    written = [*_turn_texts(draft), *draft.criteria, *draft.must_not]
    hints = answer_hints()
    for text in (*written, *draft.invented, draft.why):
        if _folded(text).strip(" .\"'") in hints:
            return f"is our own prompt: {_quoted(text)}"
    for text in written:
        folded = _folded(text)
        if (found := next((each for each in own_sentences() if each in folded), None)) is not None:
            return f"repeats our own prompt: {_quoted(found)}"
    return None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


# Where it landed --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Profile:
    """How the inputs of a cluster are written."""

    shortest: int
    """Characters below which a text is shorter than its cluster's."""
    longest: int
    languages: frozenset[str | None]
    """None is English, or too little to tell."""


_FEW = 20
"""Clusters of fewer distinct inputs are held against the whole traffic."""
_LANGUAGES_OF = 60
"""Texts of a cluster whose language is looked at."""
_READ = 2_000
_LONGER, _LONGER_BY = 2.0, 40
"""Longer than its cluster's: this many times the length that 19 of 20 of its inputs stay below, and so much more.
Of the real inputs of CLINC150 and BANKING77 less than 1 in 500 is."""
_SHORTER = 0.25
"""Shorter: below this part of the length that 19 of 20 of its inputs reach."""
_ENOUGH_WORDS = 8
"""Words from which the language of a text in Latin letters can be told, by its function words."""
_AFTER_LATIN = "\u0250"


def profiles(texts: Sequence[str], cluster_of: Sequence[str]) -> Mapping[str, Profile]:
    """The profile of each cluster.

    Args:
        texts: the distinct traces.
        cluster_of: the cluster of each.
    """
    members: defaultdict[str, list[str]] = defaultdict(list)
    for text, cluster in zip(texts, cluster_of, strict=True):
        members[cluster].append(text)
    whole = _profile(texts)
    return {cluster: _profile(own) if len(own) >= _FEW else whole for cluster, own in members.items()}


def _profile(texts: Sequence[str]) -> Profile:
    lengths = [len(text) for text in texts]
    low, high = lengths[0], lengths[0]
    if len(lengths) > 1:
        cuts = statistics.quantiles(lengths, n=20, method="inclusive")
        low, high = round(cuts[0]), round(cuts[-1])
    step = max(len(texts) // _LANGUAGES_OF, 1)
    seen = frozenset(_language(text) for text in texts[::step])
    return Profile(int(_SHORTER * low), round(_LONGER * high) + _LONGER_BY, seen)


def _language(text: str) -> str | None:
    """The language of a text; None where there is too little of it to tell."""
    if _is_latin(text) and len(text.split()) < _ENOUGH_WORDS:
        return None
    return language_of(text[:_READ]) or ("English" if _is_latin(text) else None)


def _is_latin(text: str) -> bool:
    letters = [char for char in text[:_READ] if char.isalpha()]
    return 2 * sum(char < _AFTER_LATIN for char in letters) > len(letters)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What drafts are held against where they landed."""

    clusters: Mapping[str, str]
    """Names by id."""
    profiles: Mapping[str, Profile]
    traces: Mapping[str, str]
    """Texts of the traces near drafts, by id."""
    accepted: Collection[str]
    """Ids of the samples."""


def marks_on_landing(
    drafts: Sequence[Draft], landings: Iterable[Landing], around: Surroundings
) -> dict[str, tuple[Mark, ...]]:
    """What speaks against drafts where they landed, by id; real inputs have no marks.

    Args:
        drafts: all, in the order in which they were made: of two that are alike the later one is marked.
        landings: theirs.
        around: what they are held against.
    """
    by_id = {draft.id: draft for draft in drafts}
    place = {draft.id: number for number, draft in enumerate(drafts)}
    found: dict[str, tuple[Mark, ...]] = {}
    for landing in landings:
        draft = by_id[landing.draft_id]
        if draft.kind != "real":
            earlier = [(by_id[other], s) for other, s in landing.alike if place[other] < place[draft.id]]
            findings: tuple[tuple[MarkName, str | None], ...] = (
                ("elsewhere", _elsewhere(draft, landing, around.clusters)),
                ("off_traffic", "production sends nothing like it" if landing.off_traffic else None),
                ("near_copy", _copied(draft, landing, earlier, around)),
                ("other_language", _foreign(draft, around.profiles.get(draft.cluster_id))),
                ("length", _ill_sized(draft, around.profiles.get(draft.cluster_id))),
            )
            found[draft.id] = tuple(Mark(name, reason) for name, reason in findings if reason is not None)
    return found


def _elsewhere(draft: Draft, landing: Landing, names: Mapping[str, str]) -> str | None:
    if landing.cluster_id == draft.cluster_id or _is_excused(draft, "elsewhere"):
        return None
    return f"landed in another cluster: {_quoted(names.get(landing.cluster_id, landing.cluster_id))}"


def _foreign(draft: Draft, profile: Profile | None) -> str | None:
    if profile is None or _is_excused(draft, "foreign"):
        return None
    language = _language(draft.text)
    unknown = profile.languages <= {None} and _is_latin(draft.text)
    if language is None or language in profile.languages or unknown:
        return None
    return f"is in {language}, which its cluster is not"


def _ill_sized(draft: Draft, profile: Profile | None) -> str | None:
    if profile is None:
        return None
    length = len(draft.text)
    if length > profile.longest and not _is_excused(draft, "long"):
        return f"{length:,} characters, where nearly all inputs of its cluster have less than {profile.longest:,}"
    if length < profile.shortest and not _is_excused(draft, "short"):
        return f"{length:,} characters, where nearly all inputs of its cluster have more than {profile.shortest:,}"
    return None


# Copies -----------------------------------------------------------------------------------------

OVERLAP = 0.75
"""Share of five-letter pieces in common from which two texts that also lie close count as copies.

One word dropped or exchanged in a dozen leaves so much, a full stop nearly all; a text of four words with one
exchanged has less, so that short formulaic requests are no copies of one another. Of the real inputs of CLINC150
and BANKING77, of which each has a hundred others about its need, 6 and 4 % are copies by this rule."""
_PIECE = 5


def overlap(one: str, other: str) -> float:
    """Share of five-letter pieces that two texts have in common (Jaccard), 0 to 1; case counts, blanks do not."""
    some, others = _pieces(one), _pieces(other)
    return len(some & others) / len(some | others)


def _pieces(text: str) -> set[str]:
    folded = f" {' '.join(text.split())} "
    return {folded[start : start + _PIECE] for start in range(max(len(folded) - _PIECE + 1, 1))}


def _copied(draft: Draft, landing: Landing, earlier: Iterable[tuple[Draft, float]], around: Surroundings) -> str | None:
    """What a draft is nearly a copy of: as close to it by meaning as by letter.

    Kinds that change a detail or the way of writing, or that add something, may stay close to a real input and to
    drafts of other kinds; among drafts of their own kind they are held against one another.
    """
    text, excused = draft.text, _is_excused(draft, "close")
    if not excused:
        for near in landing.neighbours:
            known = around.traces.get(near.trace_id, "")
            if near.similarity >= NEAR_COPY and overlap(text, known) >= OVERLAP:
                return f"nearly a copy of a real input: {_quoted(known)}"
    for other, similarity in earlier:
        may_be_close = excused and other.kind != draft.kind
        if similarity >= NEAR_COPY and not may_be_close and overlap(text, other.text) >= OVERLAP:
            return f"nearly a copy of {_what(other, around)}, {other.id[:8]}: {_quoted(other.text)}"
    return None


def _what(draft: Draft, around: Surroundings) -> str:
    if draft.kind == "real":
        return "a real input"
    return "a sample" if draft.id in around.accepted else "another draft"
