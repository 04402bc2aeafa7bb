import numpy as np
import pytest

from generator.errors import EncoderError
from generator.traffic.embedding import VectorCache, embed


class LengthEncoder:
    """A real encoder of three numbers, which remembers what it was asked."""

    slug = "lengths"
    label = "lengths"

    def __init__(self, fail_after=None):
        self.asked = []
        self.fail_after = fail_after

    def encode(self, texts):
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise EncoderError("out of order")
        self.asked += texts
        rows = np.array([[len(text), text.count("a") + 1, 1.0] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_each_distinct_text_is_encoded_once(tmp_path):
    encoder = LengthEncoder()
    first = embed(["a", "bb", "a"], encoder, tmp_path)
    second = embed(["bb", "ccc"], encoder, tmp_path)
    assert sorted(encoder.asked) == ["a", "bb", "ccc"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], second[0])


def test_a_run_that_broke_off_goes_on_where_it_was(tmp_path):
    texts = ["x" * number for number in range(1, 3001)]
    broken = LengthEncoder(fail_after=1024)
    with pytest.raises(EncoderError):
        embed(texts, broken, tmp_path)
    second = LengthEncoder()
    assert embed(texts, second, tmp_path).shape == (3000, 3)
    assert len(second.asked) == 3000 - 1024


@pytest.mark.parametrize(("file", "cut"), [("vectors.f16", 3), ("keys.bin", 5), ("vectors.f16", 60), ("keys.bin", 16)])
def test_a_torn_tail_is_cut_off_and_made_again(tmp_path, file, cut):
    encoder = LengthEncoder()
    texts = [f"text {number}" for number in range(20)]
    whole = embed(texts, encoder, tmp_path)
    path = tmp_path / "lengths" / file
    path.write_bytes(path.read_bytes()[:-cut])
    assert np.array_equal(embed(texts, encoder, tmp_path), whole)


def test_vectors_that_are_not_finite_are_not_kept(tmp_path):
    class Broken(LengthEncoder):
        def encode(self, texts):
            return np.full((len(texts), 3), np.nan, dtype=np.float32)

    with pytest.raises(EncoderError, match="not finite"):
        embed(["a"], Broken(), tmp_path)
    assert embed(["a"], LengthEncoder(), tmp_path).shape == (1, 3)


def test_an_encoder_that_changed_its_width_is_refused(tmp_path):
    embed(["a"], LengthEncoder(), tmp_path)
    cache = VectorCache(tmp_path / "lengths")
    with cache.locked(), pytest.raises(EncoderError, match="where 3 are stored"):
        cache.add(["b"], np.ones((1, 4), dtype=np.float32))


def test_progress_ends_at_its_total(tmp_path):
    seen = []
    embed([f"t{i}" for i in range(1500)], LengthEncoder(), tmp_path, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 1500), (1024, 1500), (1500, 1500)]
