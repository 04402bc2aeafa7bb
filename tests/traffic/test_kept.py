import numpy as np
import pytest

from generator.traffic.kept import Kept


class Maker:
    """Works out an array, and counts how often."""

    def __init__(self, array):
        self.array = array
        self.made = 0

    def __call__(self):
        self.made += 1
        return {"a": self.array}


def test_an_array_is_worked_out_once_and_read_from_then_on(tmp_path):
    make = Maker(np.arange(6, dtype=np.int64).reshape(2, 3))
    for _ in range(2):
        array = Kept(tmp_path / "kept", "traffic").arrays("pairs", make)["a"]
        assert np.array_equal(array, make.array)
        assert array.dtype == np.int64
    assert make.made == 1


def test_other_traffic_and_other_names_have_their_own_and_old_ones_go(tmp_path):
    before, after, other = Maker(np.zeros(2)), Maker(np.ones(2)), Maker(np.full(2, 2.0))
    Kept(tmp_path, "before").arrays("pairs", before)
    Kept(tmp_path, "before").arrays("pairs-2", other)
    assert np.array_equal(Kept(tmp_path, "after").arrays("pairs", after)["a"], np.ones(2))
    assert np.array_equal(Kept(tmp_path, "before").arrays("pairs-2", other)["a"], np.full(2, 2.0))
    assert other.made == 1
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("bytes_left", [0, 5, 100, 135])
def test_a_torn_file_is_made_again(tmp_path, bytes_left):
    make = Maker(np.arange(10.0))
    kept = Kept(tmp_path, "traffic")
    kept.arrays("numbers", make)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:bytes_left])
    assert np.array_equal(kept.arrays("numbers", make)["a"], make.array)
    assert np.array_equal(kept.arrays("numbers", make)["a"], make.array)
    assert make.made == 2
