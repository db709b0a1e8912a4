"""How much did keys and accounts use lately, as the store knows it? The values, and the file they come by.

A shipper writes the file about once a second while there are limits that need it; a gateway reads it. It lags by what
shipping and projecting lag, and stands still while PostgreSQL is away: ``at`` says how old it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec

from credentials.private_files import UnfitFileError, read_private, write_private

USAGE_NAME = "usage.json"
"""In the folder ``run`` of the home."""
MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """What was used up to a moment, of every key and account that has such a limit."""

    at: datetime
    """When it was counted."""
    tokens_by_key: Mapping[str, int] = field(default_factory=dict)
    """Input, output and both kinds of cache tokens of the 60 minutes before, by key id."""
    tokens_by_account: Mapping[str, int] = field(default_factory=dict)
    """Of all keys of an account together."""
    spend_by_key: Mapping[str, Decimal] | None = None
    """US dollars of the UTC day. None: nobody knows prices."""
    spend_by_account: Mapping[str, Decimal] | None = None


class _File(msgspec.Struct):
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    tokens_by_key: dict[str, int]
    tokens_by_account: dict[str, int]
    spend_by_key: dict[str, Decimal] | None = None
    spend_by_account: dict[str, Decimal] | None = None


def read(path: Path) -> UsageCounts | None:
    """None: there is none, or none that can be read. Never blocks on what is no file."""
    try:
        data = read_private(path, MAX_BYTES)
        said = None if data is None else msgspec.json.decode(data, type=_File)
    except (UnfitFileError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if said is None:
        return None
    return UsageCounts(said.at, said.tokens_by_key, said.tokens_by_account, said.spend_by_key, said.spend_by_account)


def write(path: Path, counts: UsageCounts) -> None:
    """Whole or not at all. Raises UnfitFileError."""
    file = _File(
        counts.at,
        dict(counts.tokens_by_key),
        dict(counts.tokens_by_account),
        None if counts.spend_by_key is None else dict(counts.spend_by_key),
        None if counts.spend_by_account is None else dict(counts.spend_by_account),
    )
    write_private(path, msgspec.json.encode(file), durable=False)
