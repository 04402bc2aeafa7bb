"""pytest: a module that goes over the samples beside it. No text of a log is in the code.

Who answers and who judges are fixtures of the user, in a `conftest.py` in the folder above or in a plug-in, so
that a later export replaces nothing of theirs.
"""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters import jsonl
from generator.records import Sample

_MODULE = '''"""Written by groundset. Needs two fixtures in a conftest.py of the folder above this one:

    @pytest.fixture
    def answer():
        return lambda messages: "what your application answers"

    @pytest.fixture
    def judge():
        return lambda answer, sample: True  # whether it does what sample["target"] says
"""

import json
from pathlib import Path

import pytest

ROWS = Path(__file__).with_name("samples.jsonl").read_bytes().split(b"\\n")
SAMPLES = [json.loads(row) for row in ROWS if row]


def _fixture(request, name):
    try:
        return request.getfixturevalue(name)
    except pytest.FixtureLookupError:
        pytest.skip(f"there is no fixture {name}; the head of this module shows one")


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["id"] for sample in SAMPLES])
def test_sample(sample, request):
    answer, judge = _fixture(request, "answer"), _fixture(request, "judge")
    said = answer(sample["input"])
    assert judge(said, sample), f"expected:\\n{sample['target']}\\nanswered:\\n{said}"
'''


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`test_groundset.py` and `samples.jsonl`."""
    return {"test_groundset.py": _MODULE.encode(), **jsonl.render(samples)}
