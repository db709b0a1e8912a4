"""A question that says nothing asks for everything, in one sum, by UTC."""

from datetime import UTC, datetime

from domain.usage_sums import UsageFilter, UsageQuestion


def test_nothing_said_is_everything_in_one_sum() -> None:
    asked = UsageQuestion(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 2, tzinfo=UTC))
    assert (asked.bucket, asked.zone, asked.group_by, asked.price_days) == ("none", UTC, (), None)
    assert asked.wanted == UsageFilter({})
