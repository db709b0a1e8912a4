"""A cursor gives its rank back, and nothing else is one."""

import string
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dashboard.cursors import (
    check_limit,
    decode_offset,
    decode_position,
    decode_rank,
    encode_offset,
    encode_rank,
    next_cursor,
)
from dashboard.errors import InvalidQueryError
from domain.ranking import Rank

ALPHABET = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
RANKS = st.tuples(st.integers(-(10**15), 2**63 - 1), st.uuids())
ORDERS = st.sampled_from(["requests duration_ms desc", "requests duration_ms asc", "conversations tokens desc"])


@given(ORDERS, RANKS)
def test_a_cursor_gives_its_rank_back(order: str, rank: Rank) -> None:
    cursor = encode_rank(order, rank)
    assert decode_rank(order, cursor) == rank
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()  # fit for a query string
    assert decode_rank(order, None) is None


@given(ORDERS, ORDERS, RANKS)
def test_a_cursor_of_one_order_is_refused_by_another(order: str, other: str, rank: Rank) -> None:
    assume(order != other)
    with pytest.raises(InvalidQueryError, match="leave it out"):
        decode_rank(other, encode_rank(order, rank))


@given(ORDERS, st.text() | st.binary().map(lambda data: data.hex()) | st.text("ABCabc-_=+/", min_size=36, max_size=40))
def test_whatever_else_is_said_is_refused_or_the_cursor_of_its_rank(order: str, said: str) -> None:
    try:
        rank = decode_rank(order, said)
    except InvalidQueryError:
        return
    assert rank is not None
    assert encode_rank(order, rank) == said


@given(RANKS, st.integers(0, 37), st.characters())
def test_a_cursor_with_one_other_character_never_stands_for_the_same_rank(rank: Rank, at: int, other: str) -> None:
    cursor = encode_rank("x", rank)
    changed = cursor[:at] + other + cursor[at + 1 :]
    if changed == cursor:
        return
    try:
        assert decode_rank("x", changed) != rank
    except InvalidQueryError:
        return


@given(RANKS)
def test_a_rank_has_one_cursor_only(rank: Rank) -> None:
    """Base64 has several spellings of the same bytes."""
    cursor = encode_rank("x", rank)
    last = ALPHABET.index(cursor[-1])
    for other in (cursor[:-1] + ALPHABET[last ^ 1], f"{cursor[:5]}\n{cursor[5:]}", f"{cursor}==", f" {cursor}"):
        with pytest.raises(InvalidQueryError):
            decode_rank("x", other)


@given(st.lists(RANKS, max_size=6), st.integers(1, 5))
def test_a_page_that_is_not_the_last_leads_to_the_next(ranks: list[Rank], limit: int) -> None:
    found = next_cursor("x", ranks, limit)
    assert (found is None) == (len(ranks) <= limit)
    assert decode_rank("x", found) == (ranks[limit - 1] if found else None)


def test_a_rank_before_all_calendars_is_refused() -> None:
    with pytest.raises(InvalidQueryError):
        decode_rank("x", encode_rank("x", (-(2**63), UUID(int=0))))


@given(st.integers(0, 10**18 - 1))
def test_a_position_is_a_plain_number(number: int) -> None:
    assert decode_position(str(number)) == number


@pytest.mark.parametrize("said", ["", "-1", "+1", "1.0", "1e3", " 1", "x", "1" * 19, "١"])
def test_anything_else_is_no_position(said: str) -> None:
    with pytest.raises(InvalidQueryError, match="is no position"):
        decode_position(said)


@given(st.integers(0, 100))
def test_an_offset_comes_back(offset: int) -> None:
    assert decode_offset(encode_offset(offset), 100) == offset


@pytest.mark.parametrize("said", ["", "-1", "101", "x", "1.5", "1 ", "٢", "9" * 30])
def test_an_offset_behind_the_end_or_none_is_refused(said: str) -> None:
    with pytest.raises(InvalidQueryError, match="leave it out"):
        decode_offset(said, 100)


@pytest.mark.parametrize("limit", [-1, 0, 501])
def test_a_page_has_rows_but_not_too_many(limit: int) -> None:
    with pytest.raises(InvalidQueryError, match="1 to 500"):
        check_limit(limit)
    check_limit(1)
    check_limit(500)
