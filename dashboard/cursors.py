"""Where does the next page of a list begin? Opaque words for a rank, or for a position.

A cursor holds its list and the order it is in, so that it is refused elsewhere. It is no secret and gives no rights:
whatever somebody makes up is a place in the same list, or is refused.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Sequence
from uuid import UUID

from dashboard.errors import InvalidQueryError
from domain.ids import Position
from domain.ranking import Rank

_LAYOUT = struct.Struct(">4sq16s")
_LEAST_RANK, _MOST_RANK = -(10**15), 2**63 - 1
"""The first is of a moment, in microseconds (``domain/moments.py``)."""
MAX_LIMIT = 500
"""Rows of a page."""
_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)


def encode_rank(order: str, rank: Rank) -> str:
    """``order``: the name of the list and of how it is ordered."""
    value, row_id = rank
    packed = _LAYOUT.pack(_tag(order), value, row_id.bytes)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def next_cursor(order: str, ranks: Sequence[Rank], limit: int) -> str | None:
    """``ranks``: those of a page, and of the row behind it if there is one."""
    return encode_rank(order, ranks[limit - 1]) if len(ranks) > limit else None


def decode_rank(order: str, cursor: str | None) -> Rank | None:
    """Raises InvalidQueryError for everything that ``encode_rank`` did not give for this order; None: none given."""
    if cursor is None:
        return None
    try:
        tag, value, row_id = _LAYOUT.unpack(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (UnicodeEncodeError, binascii.Error, struct.error):
        raise _malformed(cursor) from None
    rank = (value, UUID(bytes=row_id))
    if tag != _tag(order) or encode_rank(order, rank) != cursor or not _LEAST_RANK <= value <= _MOST_RANK:
        raise _malformed(cursor)
    return rank


def _tag(order: str) -> bytes:
    return hashlib.blake2b(order.encode(), digest_size=4).digest()


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
