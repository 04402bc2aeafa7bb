import numpy as np
import pytest

from generator.traffic.trends import changes, trends


def test_a_cluster_is_new_grown_shrunk_or_the_same():
    counts = {"a": (500, 500), "b": (50, 150), "c": (150, 10), "d": (0, 60), "e": (30, 35)}
    found = changes(counts, {"a", "b", "c", "e"})
    assert {cluster: change.word for cluster, change in found.items()} == {
        "a": "same",
        "b": "grown",
        "c": "shrunk",
        "d": "new",
        "e": "same",
    }
    assert found["b"].factor.low < 150 / 755 / (50 / 730) < found["b"].factor.high
    assert found["c"].before == pytest.approx(150 / 730)
    assert found["c"].since == pytest.approx(10 / 755)


def test_a_cluster_with_a_new_id_whose_traffic_was_there_is_not_new():
    assert changes({"a": (500, 500), "b": (100, 100)}, {"a"})["b"].word == "same"


@pytest.mark.parametrize("counts", [{}, {"a": (10, 0), "b": (5, 0)}, {"a": (0, 10)}])
def test_without_two_stretches_of_traffic_nothing_has_changed(counts):
    assert changes(counts, {"a"}) == {}


def test_much_evidence_for_little_change_is_no_news_and_much_change_with_little_evidence_neither():
    found = changes({"a": (500_000, 480_000), "b": (100_000, 120_000), "c": (1, 4)}, {"a", "b", "c"})
    assert {change.word for change in found.values()} == {"same"}
    assert found["b"].factor.low > 1


def test_noise_is_seldom_called_a_change():
    generator = np.random.default_rng(0)
    shares = generator.dirichlet(np.full(120, 0.5))
    wrong = 0
    for _ in range(200):
        then, since = generator.multinomial(4000, shares), generator.multinomial(1500, shares)
        counts = {str(i): (int(a), int(b)) for i, (a, b) in enumerate(zip(then, since, strict=True))}
        wrong += any(change.word != "same" for change in changes(counts, counts).values())
    assert wrong <= 20  # one in twenty tables, with room for chance


def test_the_interval_of_the_factor_holds_the_true_one():
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        before, after = generator.binomial(3000, 0.02), generator.binomial(1000, 0.04)
        factor = changes({"a": (before, after), "b": (3000 - before, 1000 - after)}, "ab")["a"].factor
        held += factor.low <= 2.0 <= factor.high
    assert 0.93 <= held / 2000 <= 0.97


def days(rates: dict[str, tuple[int, int]], length: int = 40) -> list[tuple[str, int, int]]:
    """So many requests a day, in the first three quarters and in the last."""
    return [(name, day, rate[day >= 3 * length // 4]) for name, rate in rates.items() for day in range(length)]


def test_trends_compare_the_latest_quarter_with_the_time_before():
    found = trends(days({"a": (50, 50), "b": (2, 12), "c": (9, 1), "d": (10, 10)}))
    assert {cluster: trend.word for cluster, trend in found.items()} == {
        "a": "steady",
        "b": "rising",
        "c": "falling",
        "d": "steady",
    }
    assert found["b"].factor.estimate == pytest.approx(6 * 71 / 73, rel=0.05)


def test_what_is_too_rare_to_say_has_no_trend():
    found = trends([*days({"a": (50, 50)}), ("b", 3, 1), ("b", 38, 2)])
    assert found.keys() == {"a"}


@pytest.mark.parametrize("rows", [[], [("a", 5, 100)], [("a", 1, 50), ("b", 3, 50)]])
def test_without_times_or_with_less_than_four_days_there_are_no_trends(rows):
    assert trends(rows) == {}
