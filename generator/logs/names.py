"""Names of people, as Presidio finds them with a model of spaCy. An extra: it is slow, and never finds them all."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from generator.errors import LogError
from generator.logs.secrets_and_persons import Find, Finder

KIND = "NAME"
_LONGEST = 100_000
"""Characters that a model is given at a time; spaCy takes no more than a million."""
_SURE = 0.5


def name_finder() -> Finder:
    """What finds names of people.

    Raises:
        LogError: Presidio or a model for it is not installed.
    """
    analyzer, language = _analyzer()
    return Finder(KIND, lambda text: any(map(str.isalpha, text)), lambda text: _names(analyzer, language, text))


@cache
def _analyzer() -> tuple[Any, str]:
    try:
        import spacy.util
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError:
        raise LogError("Names are found by Presidio, which is not here: pip install 'groundset[names]'") from None
    models = sorted(spacy.util.get_installed_models())
    if not models:
        raise LogError(
            "Names are found with a model of spaCy, and none is here: python -m spacy download en_core_web_md"
        )
    model = next((each for each in models if each.startswith("en_")), models[0])
    language = model[:2]
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
    engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    return AnalyzerEngine(nlp_engine=engine, supported_languages=[language]), language


def _names(analyzer: Any, language: str, text: str) -> Iterator[Find]:
    for start in range(0, len(text), _LONGEST):
        piece = text[start : start + _LONGEST]
        for found in analyzer.analyze(piece, language=language, entities=["PERSON"], score_threshold=_SURE):
            value = piece[found.start : found.end]
            if any(map(str.isalpha, value)) and "⟦" not in value and "\n" not in value:
                yield Find(start + found.start, start + found.end, " ".join(value.casefold().split()))
