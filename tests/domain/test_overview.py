"""Today is held against the middle of the days before; of too few days nothing is called usual."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.overview import FEWEST, Against, against

SUMS = st.decimals(0, 10**9, places=6)


@given(SUMS, st.lists(SUMS, min_size=FEWEST, max_size=7), st.randoms(use_true_random=False))
def test_half_of_the_days_had_no_more_than_what_is_usual(today: Decimal, days: list[Decimal], random: object) -> None:
    found = against(today, days)
    assert found.usual is not None
    assert sum(day <= found.usual for day in days) * 2 >= len(days) <= sum(day >= found.usual for day in days) * 2
    assert (found.today, found.days) == (today, len(days))
    shuffled = list(days)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a Random
    assert against(today, [*shuffled, None]) == found


@pytest.mark.parametrize("days", [[], [Decimal(1)], [1, None, 2, None, None]])
def test_of_too_few_days_nothing_is_usual(days: list[Decimal | int | None]) -> None:
    found = against(5, days)
    assert (found.usual, found.change, found.word) == (None, None, "")


@pytest.mark.parametrize(
    ("today", "change", "word"),
    [
        (100, Decimal(0), "as usual"),
        (120, Decimal("0.2"), "as usual"),
        (80, Decimal("-0.2"), "as usual"),
        (121, Decimal("0.21"), "more"),
        (79, Decimal("-0.21"), "less"),
        (0, Decimal(-1), "less"),
    ],
)
def test_it_is_said_in_a_word(today: int, change: Decimal, word: str) -> None:
    found = against(today, [100, 90, 110])
    assert (found.change, found.word) == (change, word)


def test_where_the_middle_is_nothing_there_is_no_share_of_it() -> None:
    found = against(5, [0, 0, 0])
    assert found == Against(Decimal(5), Decimal(0), 3)
    assert (found.change, found.word) == (None, "")
