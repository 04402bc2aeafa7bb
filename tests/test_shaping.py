"""Clusters that people shape, from the command line: a real process, real files, real exit codes."""

import json
import subprocess
import sys

import pytest

from generator.store import Store
from tests.worlds import project


def groundset(*arguments):
    command = [sys.executable, "-m", "generator", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def path(tmp_path):
    project(tmp_path / "a.groundset").close()
    return tmp_path / "a.groundset"


def test_join_split_and_rename_print_what_came_of_them_and_what_to_do_next(path):
    done = groundset("join", path, "c-1", "need 2", "--as", "ana")
    assert (done.returncode, "c-1" in done.stdout, "c-2" in done.stdout) == (0, True, False)
    assert done.stderr.strip() == f"next: groundset rank {path}"
    rows = json.loads(groundset("split", path, "c-1", "--as", "ben", "--json").stdout)["clusters"]
    assert [each["traces"] for each in rows] == [3, 2]
    assert rows[0]["id"] == "c-1"
    rows = json.loads(groundset("rename", path, "need 3", "Odd things", "--json").stdout)["clusters"]
    assert [(each["id"], each["name"]) for each in rows] == [("c-3", "Odd things")]
    with Store.open(path) as store:
        assert [(each.verb, each.actor) for each in store.regroupings()[:2]] == [("join", "ana"), ("split", "ben")]
        assert store.regroupings()[2].name == "Odd things"
        assert [each.name for each in store.clusters() if each.named_by == "person"] == ["Odd things"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("split", "c-0"), "c-0 (need 0) cannot be split into 2: it has 1 cell"),
        (("split", "ned 0"), "did you mean c-0 (need 0)"),
        (("join", "c-0"), "Name two or more different clusters"),
        (("join", "need", "c-1"), "need fits 4 clusters, c-0 (need 0) and c-1 (need 1) among them"),
        (("rename", "c-0", "need 1"), "c-1 is called need 1 already"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(path, arguments, says):
    command, *rest = arguments
    done = groundset(command, path, *rest)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    with Store.open(path) as store:
        assert store.regroupings() == []
        assert len(store.clusters()) == 4


def test_names_from_people_and_logs_are_shown_without_control_bytes(path):
    done = groundset("rename", path, "c-0", "red \x1b[31m \u202e name")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout
    assert "\x1b" not in groundset("join", path, "\x1b[31m", "c-1").stderr
