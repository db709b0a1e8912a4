"""What is asked of usage is everything, in one sum, until more is said."""

from datetime import UTC, datetime
from typing import get_args

from domain.billing import Tariff
from domain.usage_sums import Dimension, UsageFilter, UsageQuestion


def test_a_question_asks_for_one_sum_of_everything() -> None:
    asked = UsageQuestion(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
    assert (asked.bucket, asked.zone, asked.group_by, asked.price_days) == ("none", UTC, (), None)
    assert asked.wanted == UsageFilter()
    assert not asked.wanted.values


def test_all_that_a_price_depends_on_is_a_dimension() -> None:
    assert set(Tariff.__dataclass_fields__) <= set(get_args(Dimension))
