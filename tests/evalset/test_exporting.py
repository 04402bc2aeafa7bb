import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from generator.cli import cli
from generator.errors import ExportError
from generator.evalset.exporters import jsonl
from generator.evalset.exporters.csv_table import safe, unsafe
from generator.evalset.exporters.jsonl import METADATA
from generator.evalset.exporting import FORMATS, MANIFEST, export
from generator.evalset.importing import read_items
from generator.evalset.selection import samples
from generator.records import Message, ToolCall, user_text
from generator.store import Store
from tests.hostile.corpus import SHORT
from tests.worlds import cluster_of_each, draft, fill, landed, project, trace

# As they are once they are ingested: no surrogates, and something to say.
TEXTS = [
    text
    for text in (each.encode("utf-8", "replace").decode() for each in SHORT.values())
    if text.strip() and len(text) < 20_000
]


# The exported data set through Inspect's own loop; the solver answers with the target, so that every sample
# passes only if input and target arrive whole. No model is called: even the mock one fetches a tokeniser.
ECHO = """
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import json_dataset
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import exact
from inspect_ai.solver import solver


@solver
def echo():
    async def solve(state, generate):
        state.output = ModelOutput.from_content("mockllm/model", state.target.text)
        return state

    return solve


@task
def hostile():
    return Task(dataset=json_dataset(str(Path(__file__).with_name("dataset.jsonl"))), solver=echo(), scorer=exact())
"""


@pytest.fixture
def hostile(tmp_path):
    """A project whose accepted samples are the hostile corpus: in inputs, criteria, tool calls and results."""
    with Store.open(tmp_path / "hostile.groundset", create=True) as store:
        traces = [trace("where is my order")]
        fill(store, traces)
        cluster_of_each(store, traces)
        reach = {}
        for text in TEXTS:
            call = ToolCall("call_1", "lookup", json.dumps({"q": text}))
            messages = (
                Message("system", text),
                Message("user", text),
                Message("assistant", "", (call,)),
                Message("tool", text, tool_call_id="call_1"),
                Message("user", f"{text} again"),
            )
            made = replace(draft(text, criteria=(text,), must_not=(text,)), messages=messages)
            reach[made.id] = made
        landed(store, traces, {made: {0: 0.5} for made in reach.values()})
        store.decide([each.id for each in store.drafts()], "accept", "ana")
        yield store


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_our_own_format_holds_exactly_what_was_accepted(hostile, tmp_path):
    report = export(hostile, tmp_path / "set.jsonl", "jsonl")
    found = {row["id"]: row for row in rows_of(tmp_path / "set.jsonl")}
    assert report.samples == len(found) == len(samples(hostile))
    for sample in samples(hostile):
        assert tuple(Message.from_json(row) for row in found[sample.id]["input"]) == sample.input
        assert found[sample.id]["metadata"]["criteria"] == list(sample.criteria)


EXPORT_ALL = """
import sys
from pathlib import Path
from generator.evalset.exporting import FORMATS, export
from generator.store import Store

with Store.open(sys.argv[1]) as store:
    for format in FORMATS:
        export(store, Path(sys.argv[2], format), format)
"""


def test_the_same_project_gives_the_same_bytes_whatever_the_hash_seed_and_locale(tmp_path):
    path = tmp_path / "a.groundset"
    with project(path, needs=12) as store:
        store.decide([each.id for each in store.drafts()], "accept", "ana")
    outs = []
    for seed, locale in (("1", "C"), ("2", "C.UTF-8")):
        out = tmp_path / f"out-{seed}"
        environ = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale}
        command = [sys.executable, "-c", EXPORT_ALL, str(path), str(out)]
        subprocess.run(command, env=environ, check=True, capture_output=True)
        outs.append({str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()})
    assert outs[0] == outs[1]
    assert {name.split("/")[0] for name in outs[0]} == set(FORMATS)
    assert all(re.fullmatch(r"[a-zA-Z0-9_./]+", name) for name in outs[0])


@pytest.mark.parametrize("format", FORMATS)
def test_what_any_tool_gets_is_read_back_text_for_text(hostile, tmp_path, format):
    report = export(hostile, tmp_path / "out", format)
    read = read_items(tmp_path / "out")
    accepted = samples(hostile)
    assert not read.skipped
    assert report.samples == len(accepted)
    found = {item.id: (item.text, item.target) for item in read.items}
    assert found == {sample.id: (user_text(sample.input), sample.target) for sample in accepted}


def test_no_text_of_a_log_is_in_code_or_in_configuration(hostile, tmp_path):
    with project(tmp_path / "a.groundset") as store:
        store.decide([each.id for each in store.drafts()], "accept", "ana")
        for tool in FORMATS:
            export(store, tmp_path / "other" / tool, tool)
            export(hostile, tmp_path / "hostile" / tool, tool)
    fixed = [path for path in (tmp_path / "hostile").rglob("*") if path.suffix in {".py", ".yaml"}]
    assert len(fixed) >= 8
    for path in fixed:
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "hostile")).read_bytes()


def test_every_row_of_every_tool_has_a_closed_set_of_keys(hostile, tmp_path):
    keys = {
        "deepeval": {"name", "input", "expected_output", "additional_metadata"},
        "ragas": {"id", "user_input", "reference", "metadata"},
        "openai": {"id", "input", "ideal", "criteria", "metadata"},
        "langsmith": {"inputs", "outputs", "metadata", "split"},
        "langfuse": {"id", "input", "expectedOutput", "metadata"},
        "braintrust": {"id", "input", "expected", "metadata"},
        "phoenix": {"input", "output", "metadata"},
    }
    for tool, wanted in keys.items():
        export(hostile, tmp_path / tool, tool)
        data = json.loads((tmp_path / tool / MANIFEST).read_text())["data"]
        text = (tmp_path / tool / data[0]).read_text()
        rows = json.loads(text) if tool == "deepeval" else [json.loads(line) for line in text.split("\n") if line]
        assert {frozenset(row) for row in rows} == {frozenset(wanted)}
        about = rows[0].get("metadata", rows[0].get("additional_metadata"))
        assert METADATA.keys() <= about.keys() <= METADATA.keys() | {"id", "messages"}


def test_no_cell_of_a_table_is_a_formula_and_one_quote_leads_back(hostile, tmp_path):
    export(hostile, tmp_path / "safe.csv", "csv")
    with (tmp_path / "safe.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))]
    report = export(hostile, tmp_path / "raw.csv", "csv", csv_raw=True)
    assert "formulas are raw" in report.warnings[-1]
    with (tmp_path / "raw.csv").open(newline="") as file:
        raw = list(csv.DictReader(file))
    for safe_row, raw_row in zip(rows, raw, strict=True):
        assert {name: unsafe(cell) for name, cell in safe_row.items()} == raw_row | {"formula_safe": "yes"}


@pytest.mark.parametrize("text", [*SHORT.values(), "'", "''", "'=1", " =1", "", "\u3000=1"])
def test_safe_cells_have_an_exact_way_back(text):
    assert unsafe(safe(text)) == text


def test_cells_that_a_spreadsheet_would_cut_are_counted(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        store.add_drafts([draft("x" * 40_000)])
        store.decide([each.id for each in store.drafts()], "accept", "ana")
        report = export(store, tmp_path / "out", "csv")
    assert report.warnings == ("1 samples have a cell of more than 32,767 characters: spreadsheets cut it",)


def test_parquet_has_the_same_types_whatever_the_samples_are(hostile, tmp_path):
    import pyarrow.parquet as pq

    with project(tmp_path / "a.groundset") as store:
        store.decide([store.drafts()[0].id], "accept", "ana")
        export(store, tmp_path / "few.parquet", "parquet")
    export(hostile, tmp_path / "many.parquet", "parquet")
    few, many = (pq.read_table(tmp_path / name) for name in ("few.parquet", "many.parquet"))
    assert few.schema == many.schema
    assert [field.name for field in few.schema.field("metadata").type] == list(METADATA)
    rows = {row["id"]: row for row in many.to_pylist()}
    for sample in samples(hostile):
        assert [message["content"] for message in rows[sample.id]["input"]] == [m.content for m in sample.input]


def test_a_hugging_face_folder_says_where_its_splits_are(hostile, tmp_path):
    export(hostile, tmp_path / "hf", "huggingface", licence="internal use: yes #1")
    head = yaml.safe_load((tmp_path / "hf" / "README.md").read_text().split("---\n")[1])
    assert head["license_name"] == "internal use: yes #1"
    files = {each["split"]: each["path"] for each in head["configs"][0]["data_files"]}
    by_split = Counter(sample.split for sample in samples(hostile))
    assert set(files) == set(by_split) == {"dev", "holdout"}
    for split, path in files.items():
        assert len(read_items(tmp_path / "hf" / path).items) == by_split[split]


def test_the_module_for_pytest_asks_the_fixtures_of_the_user_and_skips_without_them(hostile, tmp_path):
    export(hostile, tmp_path / "evals" / "set", "pytest")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "evals"]
    count = len(samples(hostile))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"{count} skipped" in done.stdout, done.stdout + done.stderr
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture\ndef answer():\n    return lambda messages: messages[-1]['content']\n"
        "@pytest.fixture\ndef judge():\n    return lambda said, sample: said == sample['input'][-1]['content']\n"
    )
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"{count} passed" in done.stdout, done.stdout + done.stderr


def test_inspect_loads_every_hostile_sample_and_runs_it(hostile, tmp_path):
    from inspect_ai.dataset import json_dataset

    export(hostile, tmp_path / "inspect", "inspect")
    keys = {key for row in rows_of(tmp_path / "inspect" / "dataset.jsonl") for key in row}
    assert keys == {"id", "input", "target", "metadata"}
    loaded = {str(sample.id): sample for sample in json_dataset(str(tmp_path / "inspect" / "dataset.jsonl"))}
    for sample in samples(hostile):
        there = loaded[sample.id]
        assert [message.text for message in there.input] == [message.content for message in sample.input]
        assert there.target == sample.target
        assert there.input[2].tool_calls[0].arguments == json.loads(sample.input[2].tool_calls[0].arguments)
        assert (there.sandbox, there.setup, there.files) == (None, None, None)
    (tmp_path / "inspect" / "echo.py").write_text(ECHO)
    environ = os.environ | {"INSPECT_DISPLAY": "none"}
    command = [str(Path(sys.executable).with_name("inspect")), "eval", "echo.py", "--model", "mockllm/model"]
    command += ["--log-dir", "logs", "--log-format", "json"]
    done = subprocess.run(command, cwd=tmp_path / "inspect", env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    log = json.loads(next((tmp_path / "inspect" / "logs").glob("*.json")).read_text())
    assert log["status"] == "success"
    assert {score["value"] for row in log["samples"] for score in row["scores"].values()} == {"C"}
    assert len(log["samples"]) == len(loaded)


def test_promptfoo_files_keep_foreign_text_out_of_every_place_that_is_expanded(hostile, tmp_path):
    export(hostile, tmp_path / "pf", "promptfoo")
    config = yaml.safe_load((tmp_path / "pf" / "promptfooconfig.yaml").read_text())
    assert config["prompts"] == ["{{case.input}}"]
    assert config["tests"] == "file://tests.jsonl"
    for row in rows_of(tmp_path / "pf" / "tests.jsonl"):
        assert set(row) == {"description", "vars"}
        assert set(row["vars"]) == {"case"}
        assert row["description"].startswith("d-")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("npx") is None, reason="npx is not installed; promptfoo comes from npm")
def test_promptfoo_hands_on_every_hostile_sample_as_it_is_and_runs_nothing(hostile, tmp_path):
    out = tmp_path / "pf"
    export(hostile, out, "promptfoo")
    (out / "evil.js").write_text("require('fs').writeFileSync('executed', 'x'); module.exports = () => 'executed';")
    (out / "secret.txt").write_text("the secret")
    config = yaml.safe_load((out / "promptfooconfig.yaml").read_text())
    # The graded assertion needs a model; comparing with the reference goes the same way through promptfoo.
    config["defaultTest"] = {"assert": [{"type": "equals", "value": "{{case.input}}"}]}
    (out / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    environ = os.environ | {
        "PROMPTFOO_CONFIG_DIR": str(tmp_path),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "CANARY": "canary",
    }
    environ |= {"PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1"}
    command = ["npx", "--yes", "promptfoo@0.121.20", "eval", "--no-cache", "--output", "out.json", "--no-progress-bar"]
    done = subprocess.run(command, cwd=out, env=environ, capture_output=True, text=True, check=False)
    assert (out / "out.json").exists(), done.stdout + done.stderr
    results = json.loads((out / "out.json").read_text())["results"]["results"]
    wanted = {sample.id: sample.input for sample in samples(hostile)}
    assert len(results) == len(wanted)
    for result in results:
        echoed = json.loads(result["response"]["output"])
        assert tuple(Message.from_json(row) for row in echoed) == wanted[result["testCase"]["description"]]
    assert not (out / "executed").exists()


def test_an_export_replaces_the_last_one_and_keeps_it_aside(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        store.decide([store.drafts()[0].id], "accept", "ana")
        export(store, tmp_path / "out", "inspect")
        store.decide([store.drafts()[1].id], "accept", "ana")
        report = export(store, tmp_path / "out", "inspect")
        assert report.previous == tmp_path / "out.prev"
        assert len(rows_of(tmp_path / "out" / "dataset.jsonl")) == 2
        assert len(rows_of(tmp_path / "out.prev" / "dataset.jsonl")) == 1


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with project(tmp_path / "a.groundset") as store:
        store.decide([store.drafts()[0].id], "accept", "ana")
        with pytest.raises(ExportError, match="holds other files"):
            export(store, tmp_path / "mine", "inspect")
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_failure_half_way_leaves_the_last_export_and_no_litter(tmp_path, monkeypatch):
    with project(tmp_path / "a.groundset") as store:
        store.decide([store.drafts()[0].id], "accept", "ana")
        export(store, tmp_path / "out", "promptfoo")
        before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
        store.decide([store.drafts()[1].id], "accept", "ana")

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(ExportError, match="No space left on device"):
            export(store, tmp_path / "out", "promptfoo")
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_a_folder_of_the_user_that_is_called_like_our_last_export_is_left_alone(tmp_path):
    (tmp_path / "out.prev").mkdir()
    (tmp_path / "out.prev" / "thesis.txt").write_text("years of work")
    with project(tmp_path / "a.groundset") as store:
        store.decide([store.drafts()[0].id], "accept", "ana")
        with pytest.raises(ExportError, match="holds other files"):
            export(store, tmp_path / "out", "inspect")
    assert (tmp_path / "out.prev" / "thesis.txt").exists()


def test_a_sample_without_words_is_named_and_not_exported(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        empty = replace(draft("empty"), messages=(Message("user", " "),))
        store.add_drafts([empty])
        store.decide([empty.id], "accept", "ana")
        with pytest.raises(ExportError, match=f"{empty.id} has no words"):
            export(store, tmp_path / "out", "jsonl")


def test_an_export_that_does_not_read_back_is_not_put_in_place(tmp_path, monkeypatch):
    def lossy(chosen):
        return {"samples.jsonl": jsonl.render(chosen)["samples.jsonl"].replace(b"asks for", b"asks  for")}

    monkeypatch.setitem(FORMATS, "jsonl", lossy)
    with project(tmp_path / "a.groundset") as store:
        store.decide([store.drafts()[0].id], "accept", "ana")
        with pytest.raises(ExportError, match="does not read back as it was accepted"):
            export(store, tmp_path / "out", "jsonl")
    assert not (tmp_path / "out").exists()


def test_the_command_line_knows_every_format():
    option = next(each for each in cli.commands["export"].params if each.name == "format")
    assert list(option.type.choices) == list(FORMATS)


def test_nothing_accepted_names_the_next_command(tmp_path):
    with project(tmp_path / "a.groundset") as store, pytest.raises(ExportError, match="groundset curate"):
        export(store, tmp_path / "out", "jsonl")


def test_the_manifest_says_which_samples_speak_for_production(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        store.decide([each.id for each in store.drafts()], "accept", "ana")
        export(store, tmp_path / "out", "jsonl")
    about = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert about["by_origin"] == {"variant": 4}
    assert about["weight"] == 0
