"""Which languages the traffic is in, as far as its script and its function words tell."""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

WORD = re.compile(r"⟦[a-z_]+-\d+⟧|__\w+__|https?://\S+|[@#]\w+|[^\W\d_][\w'’-]*", re.UNICODE)
"""Words of a casefolded text; placeholders, links and handles come out whole."""

_SAMPLE = 4_000
_CHARACTERS = 600
"""Read of each text."""
_SUBSTANTIAL = 0.05
"""Share of the traffic from which another language is told."""
_SHOWN = 3
_SURELY = 4
_ENGLISH_ONLY = frozenset({"minilm", "minilm-int8", "lexical"})
"""Encoders to which the same need in two languages is two needs."""
_SCRIPTS = {
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CJK": "Chinese",
    "GREEK": "Greek",
    "HEBREW": "Hebrew",
    "THAI": "Thai",
    "CYRILLIC": "Cyrillic script",
    "ARABIC": "Arabic script",
    "DEVANAGARI": "Devanagari script",
}
"""By the first word of a letter's Unicode name; a script of one language is called by the language."""


@cache
def function_words() -> Mapping[str, frozenset[str]]:
    """Words that say nothing of a topic, by language."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
    from stop_words import AVAILABLE_LANGUAGES, get_stop_words

    words = {language: frozenset(get_stop_words(language)) for language in AVAILABLE_LANGUAGES}
    # The package's English list holds "order", "number" and "buy", which name many a cluster.
    return words | {"english": frozenset(ENGLISH_STOP_WORDS)}


@dataclass(frozen=True, slots=True)
class Foreign:
    """The traffic that is not English."""

    share: float
    """Of all traffic; texts too short to tell count as English, so it is at least this."""
    languages: tuple[tuple[str, float], ...]
    """Languages, or scripts, with their shares of all traffic; the most frequent first."""


def foreign(texts: Sequence[str], counts: Sequence[int]) -> Foreign:
    """How much of the traffic is not English, from a sample of the distinct texts.

    Args:
        texts: distinct texts.
        counts: how often production sent each.
    """
    rows = random.Random(0).sample(range(len(texts)), min(len(texts), _SAMPLE))
    found: Counter[str] = Counter()
    for row in rows:
        if (language := language_of(texts[row][:_CHARACTERS])) is not None:
            found[language] += counts[row]
    total = sum(counts[row] for row in rows) or 1
    return Foreign(found.total() / total, tuple((name, count / total) for name, count in found.most_common()))


def language_of(text: str) -> str | None:
    """The language of a text, or its script, where it is not English; None for English or too little to tell.

    In Latin letters a text needs two different function words of a language that English does not have, and
    more of them than of English ones.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()  # 𝗯𝗼𝗹𝗱 and ｗｉｄｅ letters are letters
    words = [word for word in WORD.findall(plain) if word[0].isalpha() and "://" not in word]
    scripts = Counter(_script(letter) for word in words for letter in word if letter.isalpha())
    latin = scripts.pop("LATIN", 0)
    if 2 * scripts.total() > latin:  # a name or two in Latin letters are in many a text
        # A Japanese text is known by its kana, however many of its letters are Chinese ones.
        kana = {"HIRAGANA", "KATAKANA"} & scripts.keys()
        script = kana.pop() if kana else scripts.most_common(1)[0][0]
        return _SCRIPTS.get(script, f"{script.capitalize()} script")
    return _latin_language(set(words))


def surely(text: str) -> str | None:
    """The language of a text where there is no doubt, English included; None for mixed ones and too little to tell.

    In Latin letters a text needs four different function words of its language, three times as many as it has of
    any other that its own does not share.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = {word for word in WORD.findall(plain) if word[0].isalpha() and "://" not in word}
    scripts = Counter(_script(letter) for word in words for letter in word if letter.isalpha())
    if 10 * scripts["LATIN"] < scripts.total():
        return language_of(text)
    if scripts["LATIN"] < 0.9 * scripts.total():
        return None
    told = {name: words & own for name, own in function_words().items()}
    best = max(told, key=lambda name: (len(told[name]), -len(function_words()[name])))
    rival = max(len(own - told[best]) for own in told.values())
    return best.capitalize() if len(told[best]) >= max(_SURELY, 3 * rival) else None


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]


def _latin_language(words: set[str]) -> str | None:
    by_language = function_words()
    english = words & by_language["english"]
    others = {name: words & own - by_language["english"] for name, own in by_language.items() if name != "english"}
    best = max(others, key=lambda name: (len(others[name]), -len(by_language[name])))
    enough = len(others[best]) >= 2 and len(others[best]) > len(english)
    return best.capitalize() if enough else None


def language_note(texts: Sequence[str], counts: Sequence[int], encoder: str) -> str | None:
    """What the encoder will not see in this traffic and what to do about it, or None.

    Args:
        texts: distinct texts.
        counts: how often production sent each.
        encoder: its label, which begins with its name.
    """
    name = encoder.split()[0]
    if name not in _ENGLISH_ONLY:
        return None
    found = foreign(texts, counts)
    if found.share <= _SUBSTANTIAL:
        return None
    shown = ", ".join(f"{language} {100 * share:.0f} %" for language, share in found.languages[:_SHOWN])
    return (
        f"at least {100 * found.share:.0f} % of the traffic is not English ({shown}), and the encoder {name} does "
        "not see that two languages ask the same; take a multilingual one, for example "
        "--encoder paraphrase-multilingual-MiniLM-L12-v2 or --encoder intfloat/multilingual-e5-small"
    )
