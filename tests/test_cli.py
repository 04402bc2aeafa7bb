"""The command line as a user meets it: a real process, real files, real exit codes."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worlds import project

SEEDS = Path(__file__).parents[1] / "seeds"
README = Path(__file__).parents[1] / "README.md"
NO_KEYS = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}


def groundset(*arguments, cwd=None, stdin=None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "generator", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, env=NO_KEYS, check=False)


def refused(done: subprocess.CompletedProcess) -> str:
    """The one sentence of an expected error."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) <= 2, done.stderr
    return lines[-1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    logs = [SEEDS / "support_assistant.jsonl", SEEDS / "search_box.txt"]
    done = groundset("run", "a.groundset", *logs, "--model", "offline", "--encoder", "lexical", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_one_command_goes_from_logs_to_a_queue_and_names_the_next(ran):
    _folder, done = ran
    sums = re.findall(r"read ([\d,]+) = accepted ([\d,]+) \+ repeated ([\d,]+) \+ rejected ([\d,]+)", done.stdout)
    assert len(sums) == 2
    for read, accepted, repeated, rejected in ([int(part.replace(",", "")) for part in each] for each in sums):
        assert read == accepted + repeated + rejected
    assert done.stderr.strip().splitlines()[-1] == "next: groundset curate a.groundset"
    assert "drafted" in done.stdout


def test_every_figure_of_the_json_contract_is_there(ran):
    folder, _ = ran
    status = json.loads(groundset("status", "a.groundset", "--json", cwd=folder).stdout)
    assert {"traces", "distinct", "rejected", "clusters", "cells", "drafts", "samples", "coverage", "spent_usd"} <= set(
        status
    )
    assert set(status["coverage"]) == {"estimate", "low", "high"}
    found = json.loads(groundset("clusters", "a.groundset", "--json", cwd=folder).stdout)
    assert all({"id", "name", "share", "traces", "exemplars", "change"} <= set(each) for each in found)
    assert sum(each["traces"] for each in found) == status["traces"]
    groundset("clusters", "a.groundset", "--per-trace", "traces.jsonl", cwd=folder)
    rows = [json.loads(line) for line in (folder / "traces.jsonl").read_text().splitlines()]
    assert len(rows) == status["distinct"]
    assert set(rows[0]) == {"id", "text", "cluster", "cell", "count"}
    rejected = json.loads(groundset("status", "a.groundset", "--rejected", "--json", cwd=folder).stdout)
    assert len(rejected) == status["rejected"]


def test_decisions_and_exports_without_the_app(ran):
    folder, _ = ran
    accepted = json.loads(
        groundset("accept", "a.groundset", "--best", "20", "--as", "ana", "--json", cwd=folder).stdout
    )
    assert len(accepted["drafts"]) == 20
    assert accepted["coverage"]["after"] > accepted["coverage"]["before"]
    assert groundset("reject", "a.groundset", accepted["drafts"][0], "--reason", "6", cwd=folder).returncode == 0
    out = json.loads(groundset("export", "a.groundset", "out", "--format", "inspect", "--json", cwd=folder).stdout)
    assert out["samples"] == 19
    assert groundset("export", "a.groundset", "small", "--format", "jsonl", "--size", "5", cwd=folder).returncode == 0
    assert len((folder / "small" / "samples.jsonl").read_text().splitlines()) == 5


def test_logs_come_from_a_pipe_too(tmp_path):
    done = groundset("ingest", "a.groundset", "-", "--json", cwd=tmp_path, stdin="where is it\nwhere is it\nrefund\n")
    report = json.loads(done.stdout)["files"][0]
    assert (report["read"], report["accepted"], report["repeated"]) == (3, 2, 1)


def test_the_demo_runs_twice_and_tells_the_same(tmp_path):
    first, second = (groundset("demo", "d", cwd=tmp_path) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "coverage 0.0 % ->" in first.stdout
    assert "samples were accepted before" in second.stdout
    assert (tmp_path / "d" / "inspect" / "dataset.jsonl").exists()


BAD_LOGS = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "folder": lambda path: path.mkdir(),
    "half a gzip": lambda path: path.write_bytes(gzip.compress(b'{"text": "x"}\n' * 9)[:12]),
    "no text anywhere": lambda path: path.write_text('{"a": 1, "b": [2]}\n{"a": 3}\n'),
    "fifo": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_a_log_that_cannot_be_used_is_one_sentence(tmp_path, name):
    BAD_LOGS[name](tmp_path / "x.log")
    assert "x.log" in refused(groundset("ingest", "a.groundset", "x.log", cwd=tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_is_one_sentence(tmp_path):
    (tmp_path / "x.log").write_text("hello")
    (tmp_path / "x.log").chmod(0)
    assert "x.log" in refused(groundset("ingest", "a.groundset", "x.log", cwd=tmp_path))


BAD_COMMANDS = {
    "no project": (["status", "no.groundset"], "No project at no.groundset"),
    "a folder for a project": (["status", "."], "is a folder"),
    "a log for a project": (["status", "text.txt"], "not a Groundset project file"),
    "export of nothing": (["export", "a.groundset", "out", "--format", "jsonl"], "No sample is accepted"),
    "unknown format": (["export", "a.groundset", "out", "--format", "xls"], "xls"),
    "unknown command": (["fly"], "fly"),
    "unknown model": (["draft", "a.groundset", "--model", "nobody/x"], "nobody"),
    "a model without a key": (["draft", "a.groundset", "--model", "openai/gpt-5.4-nano", "--yes"], "OPENAI_API_KEY"),
    "a cap of nothing on what costs": (
        ["draft", "a.groundset", "--model", "openai/x", "--base-url", "http://192.0.2.1/v1", "--price", "1", "1",
         "--max-cost", "0"],
        "cap of 0",
    ),
    "clusters that are no number": (["cluster", "a.groundset", "--clusters", "many"], "many"),
    "an encoder that is not here": (["embed", "a.groundset", "--encoder", "./nowhere/model"], "nowhere"),
    "not a terminal": (["curate", "a.groundset"], "groundset accept"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_a_command_that_cannot_be_done_is_one_sentence(tmp_path, name):
    project(tmp_path / "a.groundset").close()
    (tmp_path / "text.txt").write_text("I am no database, " * 100)
    command, says = BAD_COMMANDS[name]
    done = groundset(*command, cwd=tmp_path)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hostile_file_name_does_not_reach_the_terminal_as_it_is(tmp_path):
    name = "\x1b]0;owned\x07[red].log"
    assert "\x1b" not in refused(groundset("ingest", "a.groundset", name, cwd=tmp_path))


def test_output_into_a_closed_pipe_ends_quietly(ran):
    folder, _ = ran
    command = f"{sys.executable} -m generator clusters a.groundset --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_a_run_that_is_killed_goes_on_and_ends_as_one_that_was_not(tmp_path):
    logs = [str(SEEDS / "support_assistant.jsonl"), str(SEEDS / "travel_agent.jsonl")]
    options = ["--model", "offline", "--encoder", "lexical"]
    assert groundset("run", "whole.groundset", *logs, *options, cwd=tmp_path).returncode == 0
    command = [sys.executable, "-m", "generator", "run", "killed.groundset", *logs, *options]
    for delay in (0.4, 0.9, 1.6, 2.5):
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            time.sleep(delay)
            running.send_signal(signal.SIGKILL)
    assert groundset("run", "killed.groundset", *logs, *options, cwd=tmp_path).returncode == 0
    reports = [
        json.loads(groundset("status", f"{name}.groundset", "--json", cwd=tmp_path).stdout)
        for name in ("whole", "killed")
    ]
    for report in reports:
        report.pop("next")
    assert reports[0] == reports[1]


README_COMMANDS = [
    (command, re.findall(r"--[a-z-]+", rest))
    for command, rest in re.findall(r"groundset ([a-z]+)( [^`#\n]*)?", README.read_text())
]


def test_every_command_and_option_in_the_readme_exists():
    assert {"run", "curate", "export", "draft"} <= {command for command, _ in README_COMMANDS}
    for command in sorted({command for command, _ in README_COMMANDS}):
        shown = groundset(command, "--help")
        assert shown.returncode == 0, command
        for options in (options for each, options in README_COMMANDS if each == command):
            assert all(option in shown.stdout for option in options), (command, options)


def test_help_names_every_command_and_every_command_has_help():
    listed = re.findall(r"^  ([a-z]+)  ", groundset("--help").stdout, flags=re.MULTILINE)
    assert {
        "demo",
        "run",
        "ingest",
        "embed",
        "cluster",
        "draft",
        "rank",
        "curate",
        "accept",
        "export",
        "status",
    } <= set(listed)
    for command in listed:
        assert len(groundset(command, "--help").stdout.splitlines()) > 3


def test_a_file_is_explained_without_a_project_and_without_leaving_one(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"messages": [{"role": "user", "content": "mail a@x.com"}], "rating": 1}) + "\n")
    done = groundset("ingest", "a.groundset", "--explain", "log.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "log.jsonl: jsonl, messages (messages is a list of messages" in done.stdout
    assert "user: mail ⟦EMAIL-1⟧" in done.stdout
    assert done.stderr == "next: groundset ingest a.groundset log.jsonl\n"
    explained = json.loads(groundset("ingest", "a.groundset", "--explain", "log.jsonl", "--json", cwd=tmp_path).stdout)
    assert explained[0]["paths"]["input"].startswith("messages[]")
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_unknown_json_is_refused_with_the_field_to_use(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"frage": {"was": "Wo ist mein Paket?"}}\n' * 3)
    for more in ((), ("--explain",)):
        said = refused(groundset("ingest", "a.groundset", "log.jsonl", *more, cwd=tmp_path))
        assert "most likely: --field frage.was (“Wo ist mein Paket?”)" in said
    assert groundset("ingest", "a.groundset", "log.jsonl", "--field", "frage.was", cwd=tmp_path).returncode == 0


def test_units_masks_and_users_are_options_of_the_commands(tmp_path):
    turns = [{"role": "user", "content": "first CUST-1"}, {"role": "assistant", "content": "ok"}]
    rows = [{"messages": [*turns, {"role": "user", "content": f"then {n}"}], "user_id": f"u{n % 2}"} for n in range(6)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--unit", "turn", "--redact-also", r"CUST-\d+")
    report = json.loads(groundset("ingest", "a.groundset", "log.jsonl", *options, "--json", cwd=tmp_path).stdout)
    assert (report["files"][0]["read"], report["redactions"]) == (12, {"OTHER": 12})
    done = groundset("cluster", "a.groundset", "--encoder", "lexical", "--min-users", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(few users)" in done.stdout
    assert "CUST" not in done.stdout
    assert "have fewer than 3 users" in groundset("status", "a.groundset", cwd=tmp_path).stdout
    damped = json.loads(groundset("clusters", "a.groundset", "--damp-users", "--json", cwd=tmp_path).stdout)
    assert sum(each["damped_share"] for each in damped) == pytest.approx(1)
    assert "damped" in groundset("clusters", "a.groundset", "--damp-users", cwd=tmp_path).stdout
