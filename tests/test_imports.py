"""What static contracts cannot see: which modules a fresh interpreter really loads."""

import subprocess
import sys

import pytest

HEAVY = {
    "anthropic", "faiss", "httpx2", "numpy", "openai", "pandas", "pyarrow", "pydantic", "scipy",
    "sentence_transformers", "sklearn", "torch", "transformers",
}  # fmt: skip


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "module",
    [
        "curation_tui.review",
        "curation_tui.compare",
        "generator.store",
        "generator.cli",
        "generator.evalset.queue",
        "generator.evalset.next_judgement",
        "generator.evalset.sitting",
        "generator.evalset.ship_rule",
        "generator.pipeline",
    ],
)
def test_a_front_end_loads_nothing_heavy(module):
    assert not HEAVY & modules_after(f"import {module}")


def test_help_needs_neither_rich_nor_textual():
    loaded = modules_after("import generator.cli")
    assert not {"rich", "textual"} & loaded


def test_the_pipeline_never_loads_the_app():
    assert not {"curation_tui", "textual"} & modules_after("import generator.pipeline, generator.demonstration")


def test_status_of_a_project_needs_no_numpy(tmp_path):
    path = str(tmp_path / "a.groundset")
    code = (
        f"from generator.store import Store\nfrom generator import pipeline\nStore.open({path!r}, create=True).close()"
    )
    assert not HEAVY & modules_after(f"{code}\npipeline.status(Store.open({path!r}))")
