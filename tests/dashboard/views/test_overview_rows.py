"""Tiles compare with days of use alone, bars cover the day, rankings link on, and the fullest windows come first."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.overview_rows import FAILURES, HOURS, WINDOWS, failures, hours, near_limits, spenders, tiles
from domain.overview import Against
from schemas.usage_api import UsageTokens
from tests.limit_samples import account_windows, reading, window_item
from tests.read_rows import START, request_item
from tests.usage_samples import usage_answer, usage_item

MIDNIGHT = START.replace(hour=0, minute=0, second=0, microsecond=0)
NOBODY = usage_item(requests=0, failed=0, cost_usd=None, tokens=UsageTokens())


def test_days_without_any_use_are_no_part_of_what_is_usual() -> None:
    days = [usage_item(cost_usd=Decimal(cost), requests=10 * cost) for cost in (1, 2, 3)]
    cost, requests, tokens, failed = tiles(usage_item(cost_usd=Decimal(4)), [NOBODY, *days, NOBODY])
    assert cost.found == Against(Decimal(4), Decimal(2), 3)
    assert [one.found.usual for one in (requests, tokens, failed)] == [Decimal(20), Decimal(1050), Decimal(1)]
    assert [one.title for one in (cost, requests, tokens, failed)] == ["Cost", "Requests", "Tokens", "Failed"]


def test_days_of_which_nothing_has_a_price_say_nothing_of_money() -> None:
    days = [usage_item(cost_usd=None)] * 5
    cost, requests, *_ = tiles(usage_item(), days)
    assert [cost.found.usual, requests.found.usual] == [None, Decimal(4)]


@given(st.dictionaries(st.integers(0, HOURS - 1), st.integers(0, 500), max_size=HOURS))
def test_every_hour_of_the_day_has_a_bar(used: dict[int, int]) -> None:
    items = [usage_item(MIDNIGHT + timedelta(hours=hour), requests=count) for hour, count in used.items()]
    bars = hours(usage_answer(*items), MIDNIGHT)
    assert [bar.start for bar in bars] == [MIDNIGHT + timedelta(hours=hour) for hour in range(HOURS)]
    assert [bar.requests for bar in bars] == [used.get(hour, 0) for hour in range(HOURS)]
    assert max(bar.height for bar in bars) == (100 if any(used.values()) else 0)
    assert all(bar.cost is None for bar, hour in zip(bars, range(HOURS), strict=True) if hour not in used)


def test_who_spent_has_a_link_to_its_usage_and_nobody_has_none() -> None:
    known, none = usage_item(group={"project": "a b"}, label="a b"), usage_item(group={"project": None})
    found = spenders(usage_answer(known, none, NOBODY), "project")
    assert [(one.label, one.link) for one in found] == [("a b", "/usage?range=today&project=a+b"), ("none", None)]


def test_the_newest_failures_are_shown() -> None:
    fine = request_item(1, outcome="completed", status=200, error_type=None)
    cut = request_item(2, outcome="client")
    failed = [request_item(number, outcome="completed", status=529) for number in range(3, 3 + FAILURES + 2)]
    assert failures([fine, cut, *failed]) == failed[:FAILURES]


def test_open_windows_are_ranked_by_how_full_they_are() -> None:
    shares = [0.2, 0.9, 0.5, 0.7, 0.1, 0.6]
    windows = [window_item(now=reading(utilization=share)) for share in shares]
    over = window_item(state="over", now=reading(utilization=1.0))
    unknown = window_item(now=reading(utilization=None))
    found = near_limits([account_windows(windows=[*windows, over]), account_windows(account="b", windows=[unknown])])
    assert [one.row.share for one in found] == sorted(shares, reverse=True)[:WINDOWS]
