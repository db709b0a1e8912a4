"""The report adds up, forecasts from whole days, and says what it does not know."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.db.store_stats import Amount, Build, Day, Relation, StoreStats
from ops.store_report import Disks, as_json, as_text, compression, deduplication, forecast, kinds

TODAY = date(2026, 11, 22)
HERE, ELSEWHERE = Disks(2048, 1024, 417 * 2085), Disks(0, 0, None)
EMPTY = StoreStats(
    at=datetime(2026, 11, 22, 9, tzinfo=UTC),
    database_bytes=8_000_000,
    newest_position=0,
    sampled=False,
    relations=[],
    builds=[],
    topics={},
    scopes={},
    answers=Amount(0, 0, 0),
    sent=Amount(0, 0, 0),
    days=[Day(TODAY - timedelta(days=back), 0, 0) for back in reversed(range(8))],
)
FULL = replace(
    EMPTY,
    newest_position=300,
    relations=[
        Relation("public", "nexus_events_2026_11", "nexus_events", 1000, 500, 300, 0),
        Relation("public", "nexus_events_default", "nexus_events", 0, 10, 0, 0),
        Relation("public", "parts", "parts", 5000, 100, 40, 1),
        Relation("public", "journals", "journals", 10, 10, 1, 7),
        Relation("p_requests_1", "requests", "requests", 300, 20, 100, 2),
    ],
    builds=[Build("p_requests_1", "requests", 1, "live")],
    topics={"request-received": Amount(100, 900, 900)},
    scopes={"tenant": Amount(40, 8000, 4000), "": Amount(1, 0, 0)},
    answers=Amount(100, 3000, 1000),
    sent=Amount(100, 80_000, 0),
    days=[*EMPTY.days[:5], *(Day(TODAY - timedelta(days=2 - n), (20, 40, 40)[n], 100) for n in range(3))],
)


def test_tables_are_grouped_by_what_they_are_for_the_largest_first() -> None:
    found = {kind.name: (kind.rows, kind.bytes, kind.index_bytes, kind.dead) for kind in kinds(FULL)}
    assert found == {
        "request bodies": (40, 5000, 100, 1),
        "events": (300, 1000, 510, 0),
        "read model requests (live build 1)": (100, 300, 20, 2),
        "other": (1, 10, 10, 7),
    }
    assert [kind.name for kind in kinds(FULL)] == list(found)


def test_factors() -> None:
    assert deduplication(FULL) == 10
    assert compression(FULL.scopes.values()) == 2
    assert (deduplication(EMPTY), compression([])) == (None, None)


def test_the_forecast_rests_on_whole_days_since_the_first() -> None:
    ahead = forecast(FULL, 10**9)
    assert (ahead.days, ahead.exchanges_per_day, ahead.bytes_per_exchange) == (2, 30, 69.5)
    assert ahead.bytes_per_day == 2085
    assert ahead.full_in_days == pytest.approx(10**9 / 2085)


def test_a_store_of_today_goes_by_today() -> None:
    young = replace(FULL, days=[*EMPTY.days[:7], Day(TODAY, 40, 100)])
    ahead = forecast(young, None)
    assert (ahead.days, ahead.exchanges_per_day, ahead.full_in_days) == (0, 40, None)
    assert "today alone" in as_text(young, ELSEWHERE)


@given(st.lists(st.integers(0, 100), min_size=8, max_size=8), st.integers(0, 10**12))
def test_the_forecast_is_never_negative_and_more_room_lasts_longer(exchanges: list[int], free: int) -> None:
    stats = replace(FULL, days=[Day(TODAY, count, count) for count in exchanges])
    one, other = forecast(stats, free), forecast(stats, free * 2)
    assert one.bytes_per_day >= 0
    if one.full_in_days is not None:
        assert other.full_in_days == pytest.approx(one.full_in_days * 2)
    else:
        assert one.bytes_per_day == 0


def test_the_text_says_it_all() -> None:
    text = as_text(FULL, HERE)
    for words in (
        "100 exchanges, newest position 300",
        "read model requests (live build 1)",
        "nexus_events_2026_11",
        "tenant",
        "2026-11-21",
        "78.1 KiB sent, 7.8 KiB of it different (10.0 to 1), 3.9 KiB stored (2.0 to 1)",
        "Journals on this disk: 2.0 KiB; kept for restores: 1.0 KiB.",
        "2.0 KiB a day (30 exchanges of 70 B; the mean of 2 whole days)",
        "full in 417 days",
    ):
        assert words in text
    assert "nexus_events_default" not in text  # nothing in it
    assert "sample" not in text
    assert "sample" in as_text(replace(FULL, sampled=True), HERE)


def test_what_is_not_known_is_said() -> None:
    assert "not seen from here" in as_text(FULL, ELSEWHERE)
    assert "more than ten years" in as_text(FULL, replace(HERE, free_bytes=10**13))
    text = as_text(EMPTY, HERE)
    assert "none seen yet" in text
    assert "nothing yet" in text


def test_json_holds_the_same() -> None:
    found = json.loads(json.dumps(as_json(FULL, HERE)))
    assert found["forecast"]["bytes_per_day"] == 2085
    assert found["request_bodies"] == {"sent_bytes": 80_000, "deduplication": 10, "compression": 2}
    assert [month["name"] for month in found["months"]] == ["nexus_events_2026_11"]
    assert found["days"][-1] == {"day": "2026-11-22", "exchanges": 40, "events": 100}
    assert json.loads(json.dumps(as_json(EMPTY, ELSEWHERE)))["forecast"]["full_in_days"] is None
