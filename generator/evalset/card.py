"""The card of an exported set: what is in it, what it covers and leaves untested, how it was made."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from generator.evalset.templating import markdown_environment
from generator.evalset.tested import what_is_tested
from generator.records import Origin, Sample
from generator.store import Store

_GAPS = 10
"""Clusters that the card names."""
_MEANINGS: Mapping[Origin, str] = {
    "random": "a real input drawn at random; speaks for production",
    "exemplar": "a real input, the most typical of its cluster",
    "variant": "drafted: the same need under other circumstances",
    "edge": "drafted: an edge case",
}


def card(
    store: Store, chosen: Sequence[Sample], format: str, *, licence: str | None, raw: bool, files: Sequence[str]
) -> bytes:
    """`README.md` of an export; for Hugging Face it begins with what `load_dataset` looks for."""
    tested = what_is_tested(store, {sample.id for sample in chosen})
    gaps = tested.gaps
    page = markdown_environment().get_template("card.md")
    text = page.render(
        samples=chosen,
        format=format,
        origins=[_origin_row(origin, chosen) for origin in _MEANINGS if any(s.origin == origin for s in chosen)],
        edited=sum(sample.edited for sample in chosen),
        weight=sum(sample.weight for sample in chosen),
        tested=tested,
        gaps=gaps[:_GAPS],
        more_gaps=len(gaps[_GAPS:]),
        more_untested=sum(each.untested for each in gaps[_GAPS:]),
        counts=store.counts(),
        encoder=store.meta("encoder") or "no encoder yet",
        rejected=len(store.states(verdict="rejected")),
        curators=sorted({sample.curator for sample in chosen}),
        models=sorted(Counter(sample.model for sample in chosen if sample.model).items()),
        real=sum(sample.kind == "real" and not sample.edited for sample in chosen),
        redactions=sorted(store.redactions().items()),
        licence=licence,
        raw=raw,
    )
    head = _front_matter(files, licence) if format == "huggingface" else ""
    return (head + text).encode()


def _origin_row(origin: Origin, chosen: Sequence[Sample]) -> dict[str, Any]:
    splits = Counter(sample.split for sample in chosen if sample.origin == origin)
    return {
        "origin": origin,
        "number": splits.total(),
        "dev": splits["dev"],
        "holdout": splits["holdout"],
        "meaning": _MEANINGS[origin],
    }


def _front_matter(files: Sequence[str], licence: str | None) -> str:
    parts = [{"split": name.split("/")[-1].removesuffix(".parquet"), "path": name} for name in files]
    head: dict[str, Any] = {"configs": [{"config_name": "default", "data_files": parts}]}
    if licence is not None:
        head = {"license": "other", "license_name": licence, **head}
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n"
