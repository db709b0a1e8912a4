"""The test of timing still runs, on next to nothing, and its statistics tell what differs from what does not."""

import random

import pytest

from tests.bench import key_timing
from tests.bench.key_timing import NO_DIFFERENCE, trimmed, welch


def test_it_runs_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    key_timing.main(3)
    printed = capsys.readouterr().out
    assert "worst |t| = " in printed
    assert all(kind in printed for kind in key_timing.KINDS)


def test_equal_times_do_not_differ_and_others_do() -> None:
    rng = random.Random(7)
    one, same, slower = ([round(rng.gauss(mean, 50)) for _ in range(5000)] for mean in (1000, 1000, 1010))
    assert abs(welch(one, same)) < NO_DIFFERENCE
    assert welch(one, slower) < -NO_DIFFERENCE


def test_the_slowest_are_left_out() -> None:
    assert trimmed([5, 1, 4, 3, 2, 9, 8, 7, 6, 1000]) == list(range(1, 10))
