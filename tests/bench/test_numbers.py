"""Percentiles and medians, against a definition that is slow and plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.numbers import median, percentile, spread

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(numbers, st.floats(0, 1))
def test_a_percentile_is_the_smallest_value_with_enough_at_or_below(values: list[float], share: float) -> None:
    found = percentile(values, share)
    enough = [one for one in values if sum(other <= one for other in values) >= share * len(values)]
    assert found == min(enough)


def test_of_nothing_there_is_nothing() -> None:
    assert (percentile([], 0.5), median([]), spread([])) == (0, 0, 0)


@pytest.mark.parametrize(
    ("values", "apart"), [([2.0, 2.0], 0), ([1.0, 2.0, 3.0], 1), ([-1.0, -2.0, -3.0], 1), ([0.0, 0.0], 0)]
)
def test_the_spread_is_a_share_of_the_median(values: list[float], apart: float) -> None:
    assert spread(values) == apart
