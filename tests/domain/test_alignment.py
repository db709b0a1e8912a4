"""Is what both sequences have in one order found, as long as it can be, and the same from either side?"""

from collections import Counter
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.alignment import MOST_MATCHES, Gap, align, common_start, gaps, rising

letters = st.lists(st.sampled_from("abcd"), max_size=8)
numbers = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=9)


def longest(left: list[str], right: list[str]) -> int:
    """Oracle: the table of all beginnings."""
    row = [0] * (len(right) + 1)
    for ours in left:
        above, row = row, [0]
        for place, theirs in enumerate(right, 1):
            row.append(above[place - 1] + 1 if ours == theirs else max(above[place], row[place - 1]))
    return row[-1]


@given(letters, letters)
def test_it_is_as_long_as_it_can_be_and_rises_on_both_sides(left: list[str], right: list[str]) -> None:
    found = align(left, right)
    assert len(found) == longest(left, right)
    assert all(left[here] == right[there] for here, there in found)
    assert all(one[0] < next_[0] and one[1] < next_[1] for one, next_ in pairwise(found))


@given(letters, letters)
def test_it_does_not_matter_which_side_is_which(left: list[str], right: list[str]) -> None:
    assert align(right, left) == tuple((there, here) for here, there in align(left, right))
    assert align(right, left, 0) == tuple((there, here) for here, there in align(left, right, 0))


@given(letters)
def test_what_is_the_same_is_found_whole(keys: list[str]) -> None:
    assert align(keys, list(keys)) == tuple((place, place) for place in range(len(keys)))


@given(letters, letters)
def test_where_too_much_repeats_the_nth_is_held_against_the_nth(left: list[str], right: list[str]) -> None:
    found = align(left, right, 0)
    assert len(found) <= longest(left, right)
    assert all(one[0] < next_[0] and one[1] < next_[1] for one, next_ in pairwise(found))
    start = common_start(left, right)
    end = common_start(left[start:][::-1], right[start:][::-1])
    for here, there in found[start : len(found) - end]:
        assert left[here] == right[there]
        assert Counter(left[start:here])[left[here]] == Counter(right[start:there])[right[there]]


def test_the_bound_is_that_on_matches() -> None:
    """Exact up to it: "aab" and "baa" share two; with one match fewer than there are, the first a is held alone."""
    left, right = list("xaaby"), list("zbaaw")
    assert len(align(left, right, 5)) == 2
    assert len(align(left, right, 4)) == 2
    crossed_left, crossed_right = list("xabay"), list("zaaw")
    assert len(align(crossed_left, crossed_right, 3)) == 2
    assert MOST_MATCHES >= 100_000


def test_long_ones_that_say_the_same_thing_over_and_over_end() -> None:
    """Ten thousand of a kind on either side: as many as there are on the shorter one, and no hundred million steps."""
    left, right = ["l", *(["same"] * 10_000), "l"], ["r", *(["same"] * 9_000), "r"]
    assert len(align(left, right)) == 9_000


def test_long_ones_with_little_in_common_are_exact() -> None:
    left = [f"l{number}" if number % 3 else f"both{number}" for number in range(10_000)]
    right = [f"r{number}" if number % 3 else f"both{number}" for number in range(10_000)]
    assert len(align(left, right)) == 3_334


@given(letters, letters)
def test_gaps_and_places_are_all_there_is(left: list[str], right: list[str]) -> None:
    found = align(left, right)
    between = list(gaps(found, len(left), len(right)))
    assert len(between) == len(found) + 1
    assert sorted([*(here for here, _ in found), *(place for gap in between for place in gap.left)]) == list(
        range(len(left))
    )
    assert sorted([*(there for _, there in found), *(place for gap in between for place in gap.right)]) == list(
        range(len(right))
    )
    assert list(gaps((), 2, 3)) == [Gap(range(2), range(3))]


@given(numbers)
def test_the_longest_rising_part_is_found(pairs: list[tuple[int, int]]) -> None:
    """Oracle: every part."""
    found = rising(pairs)
    assert all(one[1] < next_[1] for one, next_ in pairwise(found))
    places = iter(pairs)
    assert all(one in places for one in found), "in their order"
    best = max(
        size
        for size in range(len(pairs) + 1)
        if any(all(a[1] < b[1] for a, b in pairwise(part)) for part in combinations(pairs, size))
    )
    assert len(found) == best
