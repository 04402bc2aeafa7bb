"""The commands around drafting, as processes: what would be sent, rounds, how drafts fared."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_KEYS = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}


def groundset(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "generator", *map(str, arguments)]
    environ = NO_KEYS | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environ, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("commands")
    (made / "groundset.toml").write_text('encoder = "lexical"\nrandom_draws = 10\nclusters = 5\n')
    lines = (ROOT / "seeds" / "search_box.txt").read_bytes().split(b"\n")[:70]
    (made / "log.txt").write_bytes(b"\n".join([*lines, b"\x1b]0;owned\x07 where is my desk booking"]))
    for command in (["ingest", "a.groundset", "log.txt"], ["cluster", "a.groundset"]):
        assert groundset(*command, cwd=made).returncode == 0
    return made


def clusters(folder: Path) -> list[dict[str, object]]:
    return json.loads(groundset("clusters", "a.groundset", "--json", cwd=folder).stdout)


def test_what_would_be_sent_is_shown_for_a_cluster_without_a_key_and_without_control_bytes(folder: Path) -> None:
    largest = clusters(folder)[0]
    options = ["--model", "openai/gpt-5.4-nano", "--per-cluster", 6]
    shown = groundset("draft", "a.groundset", "--show-prompt", largest["id"], *options, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    for words in (
        "call 1 of 2, to openai/gpt-5.4-nano, answer in schema drafts",
        "You draft items for an evaluation set",
        "Write 4 new inputs",
        "Write 2 new inputs",
        "<<<data ",
    ):
        assert words in shown.stdout
    assert "\x1b" not in shown.stdout
    by_name = groundset("draft", "a.groundset", "--show-prompt", largest["name"], *options, cwd=folder)
    assert by_name.stdout == shown.stdout
    missing = groundset("draft", "a.groundset", "--show-prompt", "nowhere", cwd=folder)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "nowhere" in missing.stderr


def test_rounds_are_told_one_a_line_and_the_last_line_says_why_they_ended(folder: Path) -> None:
    early = groundset("status", "a.groundset", "--drafting", cwd=folder)
    assert early.returncode == 2
    assert "groundset rank a.groundset" in early.stderr
    done = groundset("draft", "a.groundset", "--model", "offline", "--until", 0.99, cwd=folder)
    assert done.returncode == 0, done.stderr
    rounds = [line for line in done.stdout.splitlines() if line.startswith("round ")]
    assert len(rounds) >= 1
    assert all("landed" in line and "of the traffic; spent $0.00" in line for line in rounds)
    assert done.stdout.splitlines()[-1].startswith("stopped: ")
    drafts = json.loads(groundset("status", "a.groundset", "--json", cwd=folder).stdout)["drafts"]
    again = groundset("draft", "a.groundset", "--model", "offline", "--until", 0.99, cwd=folder)
    assert again.stdout.splitlines() == done.stdout.splitlines()[-1:]
    assert json.loads(groundset("status", "a.groundset", "--json", cwd=folder).stdout)["drafts"] == drafts


def test_rounds_that_cost_want_a_cap(folder: Path) -> None:
    options = ["--model", "openai/x", "--base-url", "http://192.0.2.1/v1", "--price", 1, 1]
    done = groundset("draft", "a.groundset", *options, "--until", 0.99, cwd=folder)
    assert done.returncode == 2
    assert "--max-cost USD" in done.stderr


def test_how_drafts_fared_is_told_to_people_and_to_programs(folder: Path) -> None:
    groundset("draft", "a.groundset", "--model", "offline", "--until", 0.99, cwd=folder)
    groundset("accept", "a.groundset", "--best", 5, "--as", "ana", cwd=folder)
    told = groundset("status", "a.groundset", "--drafting", cwd=folder)
    assert told.returncode == 0, told.stderr
    for words in ("offline/rules", "variants", "edge cases", "landed", "realism", "spent"):
        assert words in told.stdout
    found = json.loads(groundset("status", "a.groundset", "--drafting", "--json", cwd=folder).stdout)
    (record,) = found["prompts"]
    assert record["drafts"] == record["variants"]["drafts"] + record["edge_cases"]["drafts"]
    assert set(record["variants"]["landed"]) == {"estimate", "low", "high"}
    assert record["marked"] == len({row["draft"] for row in found["marks"]})
    assert sum(record["marks"].values()) == len(found["marks"])
    assert {"near_copies", "acceptance", "realism", "spent_usd", "usd_per_sample"} <= set(record)
