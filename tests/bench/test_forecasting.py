"""Forecasts of generated months keep their word coarsely; the figures themselves are in docs/limits.md."""

import re
from statistics import mean

import pytest

from tests.bench import forecasting
from tests.bench.forecasting import USERS, WEEKS_KNOWN, month_of, trials


@pytest.mark.parametrize(
    ("user", "name", "pace", "least"),
    [
        ("office hours", "5h", "present", 0.6),
        ("office hours", "5h", "usual", 0.6),
        ("nightly batch", "5h", "present", 0.6),
        ("nightly batch", "7d", "usual", 0.6),
        ("bursts", "5h", "present", 0.6),
    ],
)
def test_the_truth_lies_in_the_range_about_as_often_as_is_said(user: str, name: str, pace: str, least: float) -> None:
    found = [one for one in trials(user, 11, name, 20) if one.forecast.pace == pace]
    made = [one for one in found if one.made]
    assert len(made) >= 0.8 * len(found)
    assert mean(one.covered for one in made) >= least
    assert any(one.matters for one in made), "it is not all of the easy kind"


@pytest.mark.parametrize("user", USERS)
def test_a_month_is_made_by_its_seed_and_has_full_windows(user: str) -> None:
    month = month_of(user, 3, weeks=3)
    assert month.readings == month_of(user, 3, weeks=3).readings
    assert month.readings != month_of(user, 4, weeks=3).readings
    assert any(share == 1 for _, share, _ in month.readings["5h"])
    assert all(0 < share <= 1 for readings in month.readings.values() for _, share, _ in readings)


def test_the_truth_is_the_first_full_moment_of_the_same_window() -> None:
    month = month_of("bursts", 3, weeks=3)
    minute, _, reset = next(one for one in month.readings["5h"] if one[1] == 1)
    before = next(one[0] for one in month.readings["5h"] if one[2] == reset)
    assert month.full_at("5h", before, reset) == minute
    assert month.full_at("5h", minute, reset) is None


def test_whoever_forecasts_sees_nothing_of_the_future_and_little_of_the_past() -> None:
    month = month_of("office hours", 3, weeks=WEEKS_KNOWN + 2)
    now = 10_080 * (WEEKS_KNOWN + 1)
    seen = [(one.seen_at - forecasting.START) / forecasting.MINUTE for one in month.sightings("7d", now)]
    assert now - WEEKS_KNOWN * 10_080 <= min(seen)
    assert max(seen) <= now
    assert len(seen) < len(month.readings["7d"]) / 10


def test_it_runs_and_reports(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "USERS", {"bursts": USERS["bursts"]})
    forecasting.main(["--seeds", "1", "--moments", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == forecasting.HEAD
    assert len(lines) == 2 + 4
    assert all(re.match(r"\| bursts \| (5h|7d) \| (present|usual) \| \d of 2 \|", line) for line in lines[2:])
    assert {line.count("|") for line in lines} == {10}
