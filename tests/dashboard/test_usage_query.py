"""Everything that can be asked of usage is read; everything else is refused by name."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from multidict import MultiDict

from dashboard.errors import InvalidQueryError
from dashboard.usage import BYS, UsageQuery
from dashboard.usage_query import BUCKETS, usage_query
from domain.what_if import WhatIf

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ID = UUID("019aa000-0000-7000-8000-000000000001")


def asked(*given: tuple[str, str]) -> UsageQuery:
    return usage_query(MultiDict(given), NOW)


def test_nothing_asks_for_the_last_seven_days() -> None:
    assert asked() == UsageQuery(since=NOW - timedelta(days=7), until=NOW)
    until = datetime(2026, 1, 9, tzinfo=UTC)
    assert asked(("until", "2026-01-09")).since == until - timedelta(days=7)


def test_all_of_it() -> None:
    query = asked(
        ("group_by", "model,user,model"), ("bucket", "day"), ("tz", "Asia/Kathmandu"), ("since", "2026-01-01"),
        ("until", "2026-02-01"), ("project", "shop"), ("conversation", str(ID)), ("estimated", "true"), ("limit", "8"),
        ("as_model", "claude-haiku-4-5"), ("ttl", "1h"), ("cache", "none"), ("prices", "shipped"), ("on", "2026-03-01"),
    )  # fmt: skip
    assert query == UsageQuery(
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 2, 1, tzinfo=UTC),
        bucket="day",
        zone=ZoneInfo("Asia/Kathmandu"),
        group_by=("model", "user"),
        wanted={"project": "shop", "conversation": ID, "estimated": True},
        what_if=WhatIf(
            model="claude-haiku-4-5", lifetime="1h", no_cache=True, shipped_prices=True, on=date(2026, 3, 1)
        ),
        limit=8,
    )


@pytest.mark.parametrize("by", BYS)
def test_every_dimension_can_be_told_apart_and_chosen_by(by: str) -> None:
    ids = dict.fromkeys(("conversation", "subtask", "branch"), str(ID))
    value = {**ids, "long_context": "false", "estimated": "false"}.get(by, "x")
    query = asked(("group_by", by), (by, value))
    assert query.group_by == (by,)
    assert str(query.wanted[query.group_by[0]]).lower() == value


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket(bucket: str) -> None:
    assert asked(("bucket", bucket)).bucket == bucket


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("group_by", "colour"), ("bucket", "week"), ("tz", "Mars/Olympus"), ("tz", "../etc/passwd"), ("tz", ""),
        ("since", "yesterday"), ("until", "2026-13-01"), ("limit", "0"), ("limit", "1001"), ("limit", "many"),
        ("ttl", "2h"), ("cache", "all"), ("prices", "theirs"), ("on", "today"), ("conversation", "x"),
        ("estimated", "perhaps"), ("colour", "red"), ("model", "\0"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidQueryError, match=name):
        asked((name, value))


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidQueryError, match="since"):
        asked(("since", "2026-02-01"), ("until", "2026-02-01"))
