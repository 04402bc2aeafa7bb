"""The wheel, installed in an empty environment elsewhere, does the whole job: the seeds travel in it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_built_wheel_runs_the_demo_in_an_empty_environment(tmp_path):
    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "wheels", str(ROOT))
    run(sys.executable, "-m", "venv", "empty")
    run("empty/bin/pip", "install", "--quiet", str(next((tmp_path / "wheels").glob("groundset-*.whl"))))
    assert "samples -> d/inspect" in run("empty/bin/groundset", "demo", "d")
