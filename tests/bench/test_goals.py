"""A goal is met or short by the median of its rounds, and a number near the bench's own ceiling says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.goals import GOALS, Goal, Verdict, verdicts
from tests.bench.rows import ROWS

FAST = Goal("json", "fast", "at least", 0.8, "x", "nexus.per_s", "bare.per_s")
SMALL = Goal("idle", "small", "at most", 100, "MB", "nexus.resident_mb")
LATE = Goal("body", "late", "at most", 1, "ms", "nexus.ms", "bare.ms", added=True, allowance="disk.ms")


def test_every_goal_belongs_to_a_row_and_measures_nexus() -> None:
    assert {goal.row for goal in GOALS} == set(ROWS)
    assert all(goal.over.startswith("nexus.") for goal in GOALS)
    assert len({goal.what for goal in GOALS}) == len(GOALS)


@pytest.mark.parametrize(
    ("goal", "figures", "value"),
    [
        (FAST, {"nexus.per_s": 90.0, "bare.per_s": 100.0}, 0.9),
        (SMALL, {"nexus.resident_mb": 70.0}, 70),
        (LATE, {"nexus.ms": 7.0, "bare.ms": 3.0, "disk.ms": 2.5}, 1.5),
    ],
)
def test_a_round_gives_a_value(goal: Goal, figures: dict[str, float], value: float) -> None:
    assert goal.value(figures) == value


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=9))
def test_at_least_and_at_most_are_opposites(values: list[float]) -> None:
    middle = sorted(values)
    low, high = middle[(len(values) - 1) // 2], middle[len(values) // 2]
    verdict = Verdict(FAST, tuple(values))
    assert verdict.met == ((low + high) / 2 >= FAST.bound)
    assert Verdict(SMALL, tuple(one * 100 for one in values)).met == ((low * 100 + high * 100) / 2 <= 100)
    assert verdict.word == ("met" if verdict.met else "short")


def test_what_was_not_measured_has_no_verdict() -> None:
    without_nginx = {"streams": [{"nexus.per_s": 90.0, "bare.per_s": 100.0}]}
    assert [one.goal.what for one in verdicts(without_nginx)] == ["streams of 200 chunks, against bare"]
    assert verdicts({}) == []


def test_a_number_near_the_ceiling_is_flagged() -> None:
    slow = {"nexus.per_s": 90.0, "bare.per_s": 100.0, "nginx.per_s": 950.0, "direct.per_s": 1000.0}
    notes = {one.goal.what: one.note for one in verdicts({"streams": [slow]})}
    assert notes == {
        "streams of 200 chunks, against bare": "",
        "streams of 200 chunks, against nginx": "nginx within 10 % of the bench's own ceiling",
    }


def test_no_time_is_flagged() -> None:
    (one,) = verdicts({"live": [{"nexus.lag_p99_ms": 240.0}, {"nexus.lag_p99_ms": 260.0}, {"nexus.lag_p99_ms": 200.0}]})
    assert (one.measured, one.met, one.note) == (240, True, "")
