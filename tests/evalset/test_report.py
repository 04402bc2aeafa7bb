"""The page of `groundset report`: nothing foreign means anything in it, and its figures are those of the project."""

import itertools
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from generator import assessment, pipeline
from generator.cli import cli
from generator.config import Config
from generator.errors import ConfigError
from generator.evalset.deciding import decide
from generator.evalset.report import (
    BenchmarkRow,
    ClusterRow,
    DecisionSection,
    Dot,
    DrafterRow,
    GapRow,
    Mirage,
    OriginRow,
    Report,
    render,
)
from generator.evalset.selection import answerable
from generator.ledger import Spending
from generator.pipeline import Silent
from generator.printable import one_line
from generator.records import Interval, SourceRead
from generator.reporting import write_report
from generator.store import Counts, Store
from tests.hostile.corpus import HOSTILE, SHORT

SEEDS = Path(__file__).parents[2] / "seeds"
SHARE = Interval(0.5, 0.4, 0.6)


class Page(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, its text, whether every tag is closed."""

    _VOID = frozenset({"meta"})

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(data.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def report_of(text: str, **parts) -> Report:
    """A report in which every foreign text is this one."""
    cluster = ClusterRow("c-0", text, 0.6, 6, 0.8, 2, text)
    usual = {
        "title": text,
        "counts": Counts(10, 9, 1, 2, 3, 4, 2, 2, 0.5, 1),
        "coverage": SHARE,
        "unseen": SHARE,
        "clusters": (cluster, replace(cluster, share=0.4)),
        "gaps": (GapRow(1, text, 0.6, 0.12, (text, text), text, 0.4),),
        "gap_share": SHARE,
        "off_traffic": (text,),
        "near_copies": ((text, text),),
        "dots": (Dot(0.1, 0.2, 0.6, 0.0, 0, 1), Dot(0.9, 0.8, 0.3, 1.0, 1, 0), Dot(0.5, 0.5, 0.1, 0.5, 1, 0)),
        "decision": DecisionSection(
            text, text, (text,), ((text,) * 10,), (text,), ((text,) * 5,), ((text,) * 5,), (text,)
        ),
        "mirage": Mirage((BenchmarkRow(text, 5, 0.1, SHARE, text),), text, (text,)),
        "drafters": (DrafterRow(text, 4, 2, 1, 0.5),),
        "spending": Spending(0.5, 0.1, 0.0, 0.1, 0.0, 0.25, {}),
        "marks": {text: 3},
        "origins": (OriginRow("random", 1, 1, 0, 0.25),),
        "sources": (SourceRead(text, text, 10, 8, 1, 1),),
        "redactions": {text: 3},
        "encoder": text,
        "note": text,
        "curators": {text: 3},
        "last_decision": "2026-01-01T00:00:00Z",
    }
    return Report(**usual | parts)


PLAIN = Page(render(report_of("plain")))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_foreign_text_is_more_than_text(text):
    text = text.encode("utf-8", "replace").decode()
    page = Page(render(report_of(text)))
    assert not page.open
    # A gap without a nearest sample has one paragraph less; apart from that, the page is tag for tag the same.
    if text:
        assert page.tags == PLAIN.tags
    if text in SHORT.values() and one_line(text, 80) and text.isprintable():
        assert one_line(text, 80) in page.text


def test_controls_and_marks_that_reorder_text_are_made_visible():
    data = render(report_of("\x1b[2Jred\u202egpj.exe\0")).decode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", data)
    assert "␛[2Jred·gpj.exe␀" in data


def test_it_loads_nothing_runs_nothing_and_says_so_to_the_browser():
    names = {name for name, _ in PLAIN.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "use", "image"}
    attributes = {name for _, found in PLAIN.tags for name in found}
    assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "xlink:href"}]
    assert all(found["href"].startswith("#") for found in PLAIN.of("a"))
    policy = next(found["content"] for found in PLAIN.of("meta") if found.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    style = render(report_of("plain")).decode().split("<style>")[1].split("</style>")[0]
    assert not re.search(r"url\(|@import|expression", style)


def test_it_can_be_heard_and_walked_through_by_its_structure():
    assert PLAIN.of("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer"):
        assert len(PLAIN.of(landmark)) == 1
    levels = [int(name[1]) for name, _ in PLAIN.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(levels))
    ids = [found["id"] for _, found in PLAIN.tags if "id" in found]
    assert len(ids) == len(set(ids))
    named = [found["aria-labelledby"] for _, found in PLAIN.tags if "aria-labelledby" in found]
    named += [found["href"].removeprefix("#") for found in PLAIN.of("a")]
    assert {each for name in named for each in name.split()} <= set(ids)
    assert len(PLAIN.of("caption")) == len(PLAIN.of("table")) == 8
    assert all(found.get("scope") in {"col", "row"} for found in PLAIN.of("th"))
    assert PLAIN.of("svg")[0]["role"] == "img"
    assert all(found.get("aria-hidden") == "true" for found in PLAIN.of("svg")[1:])


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_text_has_enough_contrast_in_light_in_dark_and_on_paper():
    blocks = re.findall(r":root \{(.*?)\}", render(report_of("plain")).decode(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        found = colours(block)
        for ink in ("ink", "soft", "link"):
            for ground in ("paper", "panel"):
                assert contrast(found[ink], found[ground]) >= 4.5, (ink, ground, found)
        for shade in ("t0", "t4", "mark"):
            assert contrast(found[shade], found["panel"]) >= 3, (shade, found)


def test_the_map_draws_every_cell_by_its_share_and_by_what_is_tested():
    dots = [found for found in PLAIN.of("circle") if found["class"].startswith("s") and "r" in found][:3]
    assert [found["class"] for found in dots] == ["s0", "s4", "s2"]
    radii = [float(found["r"]) for found in dots]
    assert radii[0] ** 2 / radii[1] ** 2 == pytest.approx(0.6 / 0.3, rel=0.01)
    assert all(0 <= float(found["cx"]) <= 1000 and 0 <= float(found["cy"]) <= 620 for found in dots)
    assert [found["y"] for found in PLAIN.of("text")] != []


def test_a_project_without_samples_benchmarks_or_costs_has_a_page_too():
    counts = Counts(10, 9, 1, 2, 3, 4, 0, 4, 0.0, 0)
    page = Page(
        render(
            report_of(
                "plain",
                counts=counts,
                mirage=None,
                decision=None,
                gaps=(replace(report_of("plain").gaps[0], nearest=None),),
                off_traffic=(),
                near_copies=(),
                marks={},
                redactions={},
                note=None,
                curators={},
                last_decision=None,
                dots=(),
            )
        )
    )
    assert "Nothing is accepted yet" in page.text
    assert "Benchmarks" not in page.text
    assert not page.open


def test_the_command_writes_the_same_page_twice_with_the_figures_of_the_others(tmp_path):
    config = Config(encoder="lexical", model="offline")
    evals = tmp_path / "evals.txt"
    evals.write_text("train to berlin\nhow do I grow tomatoes\n")
    (tmp_path / "log.txt").write_bytes(b"\n".join((SEEDS / "search_box.txt").read_bytes().split(b"\n")[:80]))
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        pipeline.run(store, [str(tmp_path / "log.txt")], config, Silent())
        decide(store, "accept", (), best=10, reason=None, actor="ana")
        coverage = assessment.gaps(store, config, Silent(), (), 0.1).gaps.coverage
        answers = tmp_path / "answers.jsonl"
        rows = [{"id": each.id, "output": "ok", "passed": len(each.id) % 2} for each in answerable(store)]
        answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
        pipeline.take_in_answers(store, [("old <b>", str(answers)), ("new", str(answers))])
        write_report(store, config, Silent(), tmp_path / "direct.html", [("by <hand>", str(evals))])
    (tmp_path / "groundset.toml").write_text('encoder = "lexical"\n')
    command = [sys.executable, "-m", "generator", "report", "a.groundset", "r/out.html"]
    done = subprocess.run(
        [*command, "--benchmark", f"by <hand>={evals}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith("next: groundset ")
    data = (tmp_path / "r" / "out.html").read_bytes()
    assert data == (tmp_path / "direct.html").read_bytes()
    assert [each.name for each in (tmp_path / "r").iterdir()] == ["out.html"]
    page = Page(data)
    assert f"{100 * coverage.estimate:.1f}\u00a0%" in page.text
    assert "by <hand>" in page.text
    assert str(tmp_path) not in page.text
    assert "ana made 10 decisions" in page.text
    assert "A is new, B is old <b>" in " ".join(page.text.split())
    assert "B less A: +0.0 points" in page.text


def test_a_benchmark_without_a_file_is_refused_with_an_example():
    with pytest.raises(ConfigError, match="Name each benchmark and its file"):
        cli.main(["report", "a.groundset", "x.html", "--benchmark", "mmlu"], standalone_mode=False)
