"""A cursor gives its place back, and nothing else is one."""

import base64
import string
import struct
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.cursors import (
    Kind,
    check_limit,
    decode_offset,
    decode_place,
    decode_position,
    encode_offset,
    encode_place,
)
from dashboard.errors import InvalidQueryError

KINDS: list[Kind] = ["requests", "conversations"]
ALPHABET = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
PLACES = st.tuples(st.datetimes(timezones=st.just(UTC)), st.uuids())


@given(st.sampled_from(KINDS), PLACES)
def test_a_cursor_gives_its_place_back(kind: Kind, place: tuple[datetime, UUID]) -> None:
    cursor = encode_place(kind, place)
    assert decode_place(kind, cursor) == place
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()  # fit for a query string


@given(PLACES)
def test_a_cursor_of_one_list_is_refused_by_the_other(place: tuple[datetime, UUID]) -> None:
    with pytest.raises(InvalidQueryError, match="leave it out"):
        decode_place("requests", encode_place("conversations", place))


@given(st.text() | st.binary().map(lambda data: data.hex()) | st.text("ABCabc-_=+/", min_size=30, max_size=40))
def test_whatever_else_is_said_is_refused_or_the_cursor_of_its_place(said: str) -> None:
    try:
        place = decode_place("requests", said)
    except InvalidQueryError:
        return
    assert encode_place("requests", place) == said


@given(PLACES, st.integers(0, 33), st.characters())
def test_a_cursor_with_one_other_character_never_stands_for_the_same_place(
    place: tuple[datetime, UUID], at: int, other: str
) -> None:
    cursor = encode_place("requests", place)
    changed = cursor[:at] + other + cursor[at + 1 :]
    if changed == cursor:
        return
    try:
        assert decode_place("requests", changed) != place
    except InvalidQueryError:
        return


@given(PLACES)
def test_a_place_has_one_cursor_only(place: tuple[datetime, UUID]) -> None:
    """Base64 has several spellings of the same bytes."""
    cursor = encode_place("requests", place)
    last = ALPHABET.index(cursor[-1])
    for other in (cursor[:-1] + ALPHABET[last ^ 1], f"{cursor[:5]}\n{cursor[5:]}", f"{cursor}==", f" {cursor}"):
        with pytest.raises(InvalidQueryError):
            decode_place("requests", other)


def test_a_time_beyond_all_calendars_is_refused() -> None:
    packed = struct.pack(">cq16s", b"r", 2**62, bytes(16))
    with pytest.raises(InvalidQueryError):
        decode_place("requests", base64.urlsafe_b64encode(packed).rstrip(b"=").decode())


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
