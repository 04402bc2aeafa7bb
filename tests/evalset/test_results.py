import csv
import json
import subprocess
import sys
import zipfile

import pytest

from generator.errors import LogError
from generator.evalset.results import read_results, score_of
from tests.hostile.corpus import SHORT
from tests.hostile.files import hostile_files

KNOWN = {"d-1", "d-2", "d-3"}


def written(tmp_path, rows, name="results.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_lines_of_id_and_passed_or_score_are_read(tmp_path):
    rows = [{"id": "d-1", "passed": True}, {"id": "d-2", "score": 0.25}, {"id": "d-3", "passed": "fail"}]
    found = read_results(written(tmp_path, rows), KNOWN)
    assert found.format == "groundset"
    assert found.scores == {"d-1": 1.0, "d-2": 0.25, "d-3": 0.0}


@pytest.mark.parametrize("column", ["passed", "score"])
def test_a_table_of_results_is_read(tmp_path, column):
    path = tmp_path / "results.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", column], ["d-1", "true"], ["d-2", "0"], ["d-3", ""]])
    found = read_results(path, KNOWN)
    assert found.scores == {"d-1": 1.0, "d-2": 0.0}
    assert found.skipped == {"no score between 0 and 1": 1}


def test_one_object_from_id_to_score_is_read(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"d-1": 1, "d-2": False}, indent=1))
    assert read_results(path, KNOWN).scores == {"d-1": 1.0, "d-2": 0.0}


def test_a_single_result_is_read(tmp_path):
    assert read_results(written(tmp_path, [{"id": "d-1", "passed": False}]), KNOWN).scores == {"d-1": 0.0}


def test_repeats_of_an_item_are_averaged(tmp_path):
    rows = [{"id": "d-1", "score": score} for score in (1, 0, 0.5, 0.5)]
    (only,) = read_results(written(tmp_path, rows), KNOWN).items
    assert (only.score, only.repeats) == (0.5, 4)


@pytest.mark.parametrize(
    ("value", "score"),
    [
        *((value, 1.0) for value in (True, 1, 1.0, "true", "PASS", " Passed ", "C", "yes", "1", "1.0")),
        *((value, 0.0) for value in (False, 0, -0.0, "false", "fail", "I", "no", "0")),
        *((value, 0.5) for value in ("P", 0.5, "0.5")),
        *(
            (value, None)
            for value in (None, "", "maybe", float("nan"), float("inf"), "nan", "inf", 1.01, -0.1, 10**400)
        ),
        *((value, None) for value in ([], {}, [1], {"score": 1})),
    ],
)
def test_a_score_is_a_number_a_truth_value_or_a_graders_word(value, score):
    assert score_of(value) == score


def test_the_output_of_promptfoo_is_read_and_a_failed_provider_is_no_failed_item(tmp_path):
    def row(description, success, score, **more):
        return {"success": success, "score": score, "testCase": {"description": description, "vars": {}}, **more}

    rows = [
        row("d-1", True, 1, failureReason=0),
        row("d-1", False, 0, failureReason=1, error="Expected output to contain"),
        row("d-2", False, 0, failureReason=2, error="API error: 429"),
        row("d-3", False, 0.5, failureReason=1),
        row("d-3", False, 0, error="old and graded", gradingResult={"pass": False}),
        row("d-3", False, 0, error="old and not graded"),
    ]
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"evalId": "eval-1", "results": {"version": 3, "results": rows}, "config": {}}))
    found = read_results(path, KNOWN)
    assert found.format == "promptfoo"
    assert found.scores == {"d-1": 0.5, "d-3": 0.25}
    assert found.skipped == {"no score between 0 and 1": 2}


INSPECT = """
import sys
from inspect_ai import Task, eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import includes
from inspect_ai.solver import solver

@solver
def says_yes():
    async def solve(state, generate):  # no model: even the mock one asks the network for a tokenizer
        state.output = ModelOutput.from_content("none", "yes")
        return state
    return solve

samples = [Sample(id="d-1", input="hello", target="yes"), Sample(id="d-2", input="hello", target="no")]
task = Task(dataset=samples, solver=says_yes(), scorer=includes(), epochs=2)
evaluate(task, model="mockllm/model", log_dir=sys.argv[1], log_format=sys.argv[2], display="none")
"""


@pytest.mark.parametrize("packing", ["json", "eval"])
def test_a_real_log_of_inspect_is_read_in_both_packings(tmp_path, packing):
    command = [sys.executable, "-c", INSPECT, str(tmp_path / "logs"), packing]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = (tmp_path / "logs").glob(f"*.{packing}")
    found = read_results(path, KNOWN)
    assert found.format == "inspect"
    assert found.scores == {"d-1": 1.0, "d-2": 0.0}
    assert [result.repeats for result in found.items] == [2, 2]


def test_several_scorers_of_inspect_are_averaged_and_grades_are_read(tmp_path):
    samples = [
        {"id": "d-1", "scores": {"a": {"value": "C"}, "b": {"value": "I"}}},
        {"id": "d-2", "scores": {"a": {"value": "P"}, "b": {"value": {"x": 1}}}},
        {"id": "d-3", "scores": None},
    ]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"version": 2, "status": "success", "samples": samples}))
    assert read_results(path, KNOWN).scores == {"d-1": 0.5, "d-2": 0.5}


def test_a_log_of_openai_evals_is_read(tmp_path):
    rows = [
        {"spec": {"completion_fns": ["gpt"]}},
        {"run_id": "1", "event_id": 0, "sample_id": "d-1", "type": "sampling", "data": {"prompt": "x"}},
        {"run_id": "1", "event_id": 1, "sample_id": "d-1", "type": "match", "data": {"correct": True}},
        {"run_id": "1", "event_id": 2, "sample_id": "d-2", "type": "match", "data": {"correct": False}},
        {"final_report": {"accuracy": 0.5}},
    ]
    found = read_results(written(tmp_path, rows), KNOWN)
    assert found.format == "openai-evals"
    assert found.scores == {"d-1": 1.0, "d-2": 0.0}


def test_unknown_ids_are_counted_and_the_first_named(tmp_path):
    rows = [{"id": f"x-{number}", "passed": True} for number in range(9)] + [{"id": "d-1", "passed": True}]
    found = read_results(written(tmp_path, rows), KNOWN)
    assert (found.unknown, found.unknown_ids) == (9, ("x-0", "x-1", "x-2"))
    assert found.scores == {"d-1": 1.0}


def test_results_of_another_project_are_refused_with_their_ids(tmp_path):
    with pytest.raises(LogError, match=r"None of the 2 ids .* x-1, x-2"):
        read_results(written(tmp_path, [{"id": "x-1", "passed": 1}, {"id": "x-2", "passed": 1}]), KNOWN)


def test_ids_from_a_file_cannot_act_on_the_terminal(tmp_path):
    with pytest.raises(LogError) as refused:
        read_results(written(tmp_path, [{"id": text, "passed": 1} for text in SHORT.values()]), KNOWN)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT.keys())
def test_hostile_ids_and_scores_stay_data(tmp_path, text):
    rows = [{"id": "d-1", "passed": True}, {"id": text, "passed": True}, {"id": "d-2", "score": text}]
    found = read_results(written(tmp_path, rows), KNOWN)
    assert found.scores["d-1"] == 1.0
    assert all(0 <= score <= 1 for score in found.scores.values())


def test_hostile_files_give_a_sentence_or_a_result_and_never_a_traceback(tmp_path):
    for name, path in hostile_files(tmp_path).items():
        with pytest.raises(LogError) as refused:
            read_results(path, KNOWN)
        assert str(refused.value).endswith((".", "dump")), name


@pytest.mark.parametrize(
    "value",
    [
        {"samples": [1, None, {"id": []}, {"id": {}, "scores": {"a": {"value": "C"}}}]},
        {"results": {"results": [None, {"testCase": None}, {"testCase": {"description": 5.5}, "success": True}]}},
        {"results": "x"},
        {},
        {"id": True, "passed": True},
    ],
)
def test_files_of_the_right_form_without_a_result_are_refused(tmp_path, value):
    path = tmp_path / "out.json"
    path.write_text(json.dumps(value))
    with pytest.raises(LogError):
        read_results(path, KNOWN)


def test_damaged_and_foreign_archives_are_refused(tmp_path):
    foreign = tmp_path / "foreign.eval"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("../../evil.json", "{}")
    with pytest.raises(LogError, match="without samples of Inspect"):
        read_results(foreign, KNOWN)
    good = tmp_path / "good.eval"
    with zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/1_epoch_1.json", json.dumps({"id": "d-1", "scores": {"a": {"value": 1}}}))
        archive.writestr("samples/2_epoch_1.json", "{broken")
    assert read_results(good, KNOWN).scores == {"d-1": 1.0}
    data = good.read_bytes()
    for cut in range(5, len(data) - 1, 7):
        (tmp_path / "cut.eval").write_bytes(data[:cut])
        with pytest.raises(LogError, match="damaged archive"):
            read_results(tmp_path / "cut.eval", KNOWN)


def test_an_archive_that_claims_to_be_far_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(20):
            archive.writestr(f"samples/{number}.json", b" " * (60 * 1024 * 1024))
    with pytest.raises(LogError, match="more than 1 GB"):
        read_results(path, KNOWN)


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(LogError):
            read_results(path, KNOWN)
