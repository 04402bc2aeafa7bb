"""The card of an export: figures that are those of the project, and no foreign text that means anything."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from generator.evalset.exporting import export
from generator.evalset.tested import what_is_tested
from generator.records import Cell, Cluster
from generator.store import Store
from tests.hostile.corpus import SHORT
from tests.worlds import draft, fill, landed, project, trace

MARKDOWN = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
ALLOWED = {"paragraph", "heading", "table", "thead", "tbody", "tr", "th", "td", "inline", "list_item", "bullet_list"}


def card(store, folder, **options) -> str:
    export(store, folder, "jsonl", **options)
    return (folder / "README.md").read_text()


def kinds(text: str) -> set[str]:
    tokens = MARKDOWN.parse(text)
    inner = {child.type for token in tokens for child in token.children or ()}
    return {token.type.removesuffix("_open").removesuffix("_close") for token in tokens} | inner


def test_it_gives_counts_coverage_and_what_is_untested(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        ids = [each.id for each in store.drafts()]
        store.decide(ids[:2], "accept", "ana")
        store.decide(ids[2:3], "reject", "ben")
        found = what_is_tested(store, set(ids[:2]))
        text = card(store, tmp_path / "out", licence="for our team only")
    assert found.coverage.estimate == pytest.approx(0.9 * 0.7)
    assert [round(each.untested, 3) for each in found.gaps] == [0.2, 0.1, 0.04, 0.03]
    assert "It tests 63.0\u00a0% of 10 production inputs" in text
    assert "| need 2 | 20.0\u00a0% | 0.0\u00a0% | 0 |" in text
    assert "4 drafts were proposed, 1 rejected and 2 accepted by 1 person" in text
    assert "for our team only" in text


def test_it_speaks_of_the_samples_that_are_in_it_and_not_of_all(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        store.decide([each.id for each in store.drafts()], "accept", "ana")
        assert "It tests 36.0\u00a0%" in card(store, tmp_path / "out", size=1)


def test_no_name_of_a_cluster_model_or_person_means_anything_in_it(tmp_path):
    names = [text.encode("utf-8", "replace").decode() for text in SHORT.values()]
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace(f"need {number}") for number in range(len(names))]
        fill(store, traces)
        share = 1 / len(names)
        clusters = [
            Cluster(f"c-{number}", name, "a model", share, 1, 1, (traces[number].id,))
            for number, name in enumerate(names)
        ]
        cells = [Cell(number, f"c-{number}", share, 1, traces[number].id) for number in range(len(names))]
        store.replace_clustering(clusters, cells, [], {each.id: i for i, each in enumerate(traces)}, "clustered")
        for number, name in enumerate(names):
            made = replace(draft(f"ask {number}"), model=name)
            landed(store, traces, {made: {number: 0.0}})
            store.decide([made.id], "accept", name or "nobody")
        for start in range(0, len(names), 10):
            ten = replace_largest(clusters, start)
            store.replace_clustering(ten, cells, [], {each.id: i for i, each in enumerate(traces)}, f"{start}")
            text = card(store, tmp_path / f"out-{start}", licence=names[start])
            assert kinds(text) <= ALLOWED | {"text", "softbreak", "code_inline", "text_special"}, kinds(text)


def replace_largest(clusters: list[Cluster], start: int) -> list[Cluster]:
    """The same clusters, ten of them large enough to be named in the card."""
    return [replace(each, weight=0.05 if start <= i < start + 10 else 1e-6) for i, each in enumerate(clusters)]
