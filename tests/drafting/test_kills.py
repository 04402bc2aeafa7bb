"""kill -9 at any point: nothing is bought twice, nothing that came back is lost, everything in doubt is listed."""

from pathlib import Path

import pytest

from tests.drafting.killing import CALLS, CONCURRENCY, Aftermath, kill_and_resume


def promised(found: Aftermath, kills: int) -> bool:
    return (
        (found.lost, found.twice, found.unlisted, found.cap_passed, found.unfinished) == (0, 0, 0, 0, 0)
        and found.capped == 1
        and found.in_doubt <= CONCURRENCY * kills
        and found.received + found.in_doubt == CALLS
        and found.received <= found.billed
    )


def test_three_kills_buy_nothing_twice(tmp_path: Path) -> None:
    found = kill_and_resume(tmp_path, kills=3, random_state=1)
    assert promised(found, kills=3), found


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("random_state", range(2, 12))
def test_a_hundred_kills_buy_nothing_twice(tmp_path: Path, random_state: int) -> None:
    found = kill_and_resume(tmp_path, kills=10, random_state=random_state)
    assert promised(found, kills=10), found
