"""A window reads as what was said or reckoned of it, and what is not known is not made up."""

from datetime import timedelta
from typing import Any

import pytest

from dashboard.views.limit_rows import chosen_window, history_of, in_order, key_row, tightest, window_row, window_title
from tests.limit_samples import (
    NOW,
    OPENED,
    RESET,
    account_windows,
    forecast,
    key_limit,
    past,
    point,
    reading,
    window_item,
)
from tests.read_rows import request_id


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "5-hour window"),
        ({"name": "7d", "length_s": 7 * 86_400}, "Weekly window"),
        ({"name": "7d_oi", "length_s": 7 * 86_400, "model_scope": "oi"}, "Weekly window, oi alone"),
        ({"name": "3d", "length_s": 3 * 86_400}, "3d"),
        ({"name": "odd", "length_s": None}, "odd"),
    ],
)
def test_a_window_has_a_name(changes: dict[str, Any], title: str) -> None:
    assert window_title(window_item(**changes)) == title


@pytest.mark.parametrize(
    ("changes", "tone", "status"),
    [
        ({}, "good", "allowed"),
        ({"warning": True, "status": "allowed_warning"}, "run", "allowed, with a warning"),
        ({"status": "rejected"}, "bad", "rejected"),
        ({"now": reading(1.0)}, "bad", "allowed"),
        ({"state": "over", "status": "rejected", "now": reading(0.0)}, "good", "over"),
        ({"status": "paused"}, "good", "paused"),
        ({"status": None}, "good", ""),
    ],
)
def test_its_tone_and_words(changes: dict[str, Any], tone: str, status: str) -> None:
    row = window_row(window_item(**changes))
    assert (row.tone, row.status) == (tone, status)


def test_a_share_fills_the_bar_and_never_more() -> None:
    assert (window_row(window_item()).share, window_row(window_item()).width) == (0.62, 62.0)
    over = window_row(window_item(now=reading(1.27)))
    assert (over.share, over.width) == (1.27, 100.0)


def test_what_is_not_known_has_no_share_but_a_window_that_is_over_is_empty() -> None:
    unknown = reading(None, source="reckoned", how="tokens only", tokens=900)
    assert window_row(window_item(now=unknown)).share is None
    assert window_row(window_item(now=unknown, state="over")).share == 0


def test_a_reckoned_share_shows_its_range() -> None:
    row = window_row(window_item(now=reading(0.5, low=0.4, high=1.2)))
    assert row.spread == (40.0, 60.0)
    assert window_row(window_item()).spread is None


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "full"),
        ({"latest": None}, "full"),
        ({"likely": None, "earliest": None, "latest": None}, "not full"),
        ({"likely": None, "earliest": None, "latest": None, "level": None, "reason": "too few"}, "unknown"),
    ],
)
def test_a_forecast_says_full_or_not_or_nothing(changes: dict[str, Any], state: str) -> None:
    (row,) = window_row(window_item(forecasts=[forecast(**changes)])).forecasts
    assert row.state == state
    assert row.pace == "at the present pace"
    assert row.cases == "20 of 24 like moments were full before the reset"


def test_a_window_that_is_over_has_no_forecast() -> None:
    assert not window_row(window_item(state="over")).forecasts


@pytest.mark.parametrize(
    ("limit", "remaining", "used", "tone"),
    [
        (1000, 250, 0.75, "good"),
        (10, 0, 1.0, "bad"),
        (10, 12, 0.0, "good"),
        (None, 5, None, "good"),
        (10, None, None, "good"),
        (0, 0, None, "good"),
    ],
)
def test_a_key_limit_is_used_by_what_is_not_left(
    limit: int | None, remaining: int | None, used: float | None, tone: str
) -> None:
    row = key_row(key_limit(limit=limit, remaining=remaining))
    assert (row.used, row.tone) == (used, tone)


def test_the_tightest_limit_is_named() -> None:
    assert tightest([key_limit(), key_limit(name="requests", remaining=10)]) == "requests 99 % used"
    assert tightest([key_limit(limit=None)]) == ""


def test_the_chosen_window_is_the_one_asked_for_else_the_shortest_open_one() -> None:
    week = window_item(name="7d", length_s=7 * 86_400)
    account = account_windows(windows=[window_item(name="1h", length_s=3600, state="over"), week, window_item()])
    assert chosen_window(account, "7d") is week
    found = chosen_window(account, "nonsense")
    assert found is not None
    assert found.name == "5h"
    assert chosen_window(account_windows(windows=[]), "5h") is None


def test_accounts_that_headers_tell_of_stand_first() -> None:
    bare = account_windows(account="bare", windows=[window_item(said=None)])
    assert [one.account for one in in_order([bare, account_windows(), bare])] == ["acme", "bare", "bare"]


def test_history_is_what_headers_said_and_past_windows_that_are_reckoned() -> None:
    reckoned = past(OPENED - timedelta(hours=9), reading=reading(0.3, source="reckoned"))
    unknown = past(OPENED - timedelta(hours=20), reading=reading(None, source="reckoned"))
    said = past(OPENED)
    found = history_of(window_item(past=[said, reckoned, unknown], history=[point(2, 0.6, 2), point(1, 0.1, 1)]), NOW)
    assert [(one.share, one.request_id) for one in found.levels] == [
        (0.3, None),
        (0.1, request_id(1)),
        (0.6, request_id(2)),
    ]
    assert found.levels[0].until == reckoned.ended_at
    assert found.resets == [unknown.ended_at, reckoned.ended_at, said.ended_at, RESET]


def test_the_band_is_that_of_the_present_pace() -> None:
    usual = forecast(pace="usual", earliest=NOW + timedelta(minutes=1))
    found = history_of(window_item(forecasts=[usual, forecast()]), NOW).ahead
    assert found is not None
    assert (found.earliest, found.share) == (NOW + timedelta(minutes=40), 0.62)
    passed = history_of(window_item(forecasts=[forecast(earliest=NOW - timedelta(hours=1))]), NOW).ahead
    assert passed is not None
    assert passed.earliest == NOW


@pytest.mark.parametrize(
    "changes",
    [{"state": "over"}, {"forecasts": []}, {"forecasts": [forecast(earliest=None)]}, {"now": reading(None)}],
)
def test_where_nothing_is_ahead_nothing_is_drawn(changes: dict[str, Any]) -> None:
    assert history_of(window_item(**changes), NOW).ahead is None
