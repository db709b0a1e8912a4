"""Which keys were revoked on this host, whatever the store knows? One file per key, named by its public id.

The name alone counts. What stands in the file is for the store: who revoked the key, why, and when. Tombstones stay:
after the store was restored from an old copy, they revoke their keys again.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from credentials.private_files import UnfitFileError, read_private, write_private

FOLDER_NAME = "revoked"
MAX_BYTES = 64 * 1024
UNKNOWN = "unknown"
"""Who revoked a key whose tombstone cannot be read."""
_KEY_ID = re.compile(r"[a-z0-9]{8}")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A key's revocation."""

    key_id: str
    who: str
    why: str
    at: datetime


class _Written(msgspec.Struct):
    who: Annotated[str, msgspec.Meta(min_length=1)]
    why: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]


def drop(folder: Path, stone: Tombstone) -> Tombstone:
    """From now on the key is refused here. Returns what stands: the first word about it. Raises UnfitFileError."""
    if not _KEY_ID.fullmatch(stone.key_id):
        raise UnfitFileError(f"{stone.key_id!r} is no public id of a key.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnfitFileError(f"{folder} cannot be made ({error.strerror}); mend the rights of the home.") from None
    if (folder / stone.key_id).exists():
        earlier = read(folder, stone.key_id, stone.at)
        return earlier if earlier.who != UNKNOWN else stone
    write_private(folder / stone.key_id, msgspec.json.encode(_Written(stone.who, stone.why, stone.at)))
    return stone


def revoked_in(folder: Path) -> dict[str, datetime]:
    """The keys and since when, by the file system's word. Raises UnfitFileError."""
    found = dict[str, datetime]()
    try:
        for path in folder.iterdir():
            if _KEY_ID.fullmatch(path.name):
                found[path.name] = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return found
    except OSError as error:
        raise UnfitFileError(f"{folder} cannot be read ({error.strerror}); make it a folder of this user's.") from None
    return found


def read(folder: Path, key_id: str, since: datetime) -> Tombstone:
    """What stands on it; where that is not readable, that somebody revoked the key, ``since`` then."""
    with suppress(UnfitFileError, msgspec.MsgspecError, UnicodeDecodeError):
        data = read_private(folder / key_id, MAX_BYTES)
        if data is not None:
            said = msgspec.json.decode(data, type=_Written)
            return Tombstone(key_id, said.who, said.why, said.at)
    return Tombstone(key_id, UNKNOWN, "", since)
