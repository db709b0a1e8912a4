"""Limits are off unless one is set."""

from decimal import Decimal

import pytest

from domain.limits import Limits


def test_nothing_is_limited_unless_somebody_says_so() -> None:
    assert not Limits().any


@pytest.mark.parametrize(
    "limits",
    [
        Limits(requests_per_minute=0),
        Limits(concurrent_streams=1),
        Limits(tokens_per_hour=1),
        Limits(spend_per_day=Decimal(1)),
    ],
)
def test_each_one_is_a_limit(limits: Limits) -> None:
    assert limits.any
