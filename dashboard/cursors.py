"""Where does the next page of a list begin? Opaque words for a place, or for a position.

A cursor holds the kind of its list, so that it is refused elsewhere. It is no secret and gives no rights: whatever
somebody makes up is a place in the same list, or is refused.
"""

import base64
import binascii
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from dashboard.errors import InvalidQueryError
from domain.ids import Position

Kind = Literal["requests", "conversations"]
Place = tuple[datetime, UUID]
"""(time, id) of the last row of the page before."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAYOUT = struct.Struct(">cq16s")
_TAGS: dict[Kind, bytes] = {"requests": b"r", "conversations": b"c"}
MAX_LIMIT = 500
"""Rows of a page."""
_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)


def encode_place(kind: Kind, place: Place) -> str:
    at, row_id = place
    packed = _LAYOUT.pack(_TAGS[kind], (at - _EPOCH) // _MICROSECOND, row_id.bytes)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_place(kind: Kind, cursor: str) -> Place:
    """Raises InvalidQueryError for everything that ``encode_place`` did not give."""
    try:
        packed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
        _, microseconds, row_id = _LAYOUT.unpack(packed)
        place = (_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=row_id))
    except (UnicodeEncodeError, binascii.Error, struct.error, OverflowError):
        raise _malformed(cursor) from None
    if encode_place(kind, place) != cursor:
        raise _malformed(cursor)
    return place


def encode_offset(offset: int) -> str:
    return str(offset)


def decode_offset(cursor: str, most: int) -> int:
    """Of a list that has no places, such as one by rank. Raises InvalidQueryError."""
    if not _POSITION.fullmatch(cursor) or int(cursor) > most:
        raise _malformed(cursor)
    return int(cursor)


def decode_position(text: str) -> Position:
    """Raises InvalidQueryError for anything but a number that a position can be."""
    if not _POSITION.fullmatch(text):
        raise InvalidQueryError(f"after={text[:80]!r} is no position; give a `position` or a `next_cursor` of before.")
    return Position(int(text))


def _malformed(cursor: str) -> InvalidQueryError:
    return InvalidQueryError(f"cursor={cursor[:80]!r} is none of this list; leave it out to begin with the newest.")


def check_limit(limit: int) -> None:
    """Raises InvalidQueryError for more rows than a page may have, or none."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidQueryError(f"limit={limit} is out of range; give 1 to {MAX_LIMIT}.")
