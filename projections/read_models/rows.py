"""How do values get into rows? As one JSON array of records per statement, and only text that Postgres can hold.

Keys in a text are hidden here: read models are read by people, copied to replicas and put into dumps.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from domain.secrets_in_text import hide

MAX_TEXT = 1000
_SHORT, _REMEMBERED = 200, 5000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def as_json(rows: Sequence[object]) -> str:
    """Dataclass instances as the argument of ``jsonb_populate_recordset``."""
    return msgspec.json.encode(rows).decode()


def storable(text: str, most: int = MAX_TEXT) -> str:
    """Text from the wire for a text column: no NUL, no lone surrogate, no key, at most ``most`` characters."""
    return (_short if len(text) <= _SHORT else _storable)(text, most)


def _storable(text: str, most: int) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", hide(text)[:most])


_short = lru_cache(_REMEMBERED)(_storable)
"""Names, ids and labels come again with every row of a session."""


def storable_or_none(text: str | None, most: int = MAX_TEXT) -> str | None:
    return None if text is None else storable(text, most)
