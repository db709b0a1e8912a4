"""How do client keys lie on a host's disk, for its gateways? One file with hashes and limits, and its own checksum.

``{"format": 1, "sha256": …, "content": {"revision": …, "keys": {…}, "account_limits": {…}}}``, where the checksum is
that of the content as compact JSON with sorted keys. It tells a torn or edited file; only the folder's rights protect
it. Fields that are not known here are ignored.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec

from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.private_files import UnfitFileError, read_private, write_private
from domain.limits import Limits

SNAPSHOT_NAME = "client-keys.json"
FORMAT = 1
MAX_BYTES = 32 * 1024 * 1024
_KEY_ID = re.compile(r"[a-z0-9]{8}")
_Hash = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What the file says."""

    snapshot: KeySnapshot = field(default_factory=KeySnapshot)
    revision: int = 0
    """Position of the newest event in it."""


class _Limits(msgspec.Struct, omit_defaults=True):
    requests_per_minute: int | None = None
    concurrent_streams: int | None = None
    tokens_per_hour: int | None = None
    spend_per_day: Decimal | None = None


class _Key(msgspec.Struct, omit_defaults=True):
    secret_hash: _Hash
    name: str
    account: str
    client_domain: str
    scopes: list[str]
    expires_at: _Moment | None = None
    revoked_at: _Moment | None = None
    limits: _Limits = msgspec.field(default_factory=_Limits)


class _Content(msgspec.Struct):
    revision: int
    keys: dict[str, _Key]
    account_limits: dict[str, _Limits]


class _File(msgspec.Struct):
    format: int
    sha256: str = ""
    content: msgspec.Raw = msgspec.Raw(b"null")


def read(path: Path) -> KeyFile | None:
    """None: there is none. Raises UnfitFileError for one that is broken, foreign or of a newer Nexus."""
    data = read_private(path, MAX_BYTES)
    return None if data is None else decoded(data, str(path))


def write(path: Path, file: KeyFile) -> None:
    """Whole or not at all, and durably. Raises UnfitFileError."""
    write_private(path, encoded(file))


def encoded(file: KeyFile) -> bytes:
    """The file's bytes; the same for the same content."""
    content = _Content(
        revision=file.revision,
        keys={key_id: _written(key) for key_id, key in file.snapshot.keys.items()},
        account_limits={account: _written_limits(one) for account, one in file.snapshot.account_limits.items()},
    )
    plain = msgspec.to_builtins(content)
    return json.dumps({"format": FORMAT, "sha256": _digest(plain), "content": plain}, sort_keys=True).encode() + b"\n"


def decoded(data: bytes, name: str) -> KeyFile:
    """Raises UnfitFileError; ``name`` stands in its message."""
    try:
        file = msgspec.json.decode(data, type=_File)
        if file.format != FORMAT:
            raise UnfitFileError(f"{name} has format {file.format}, this Nexus knows {FORMAT}; upgrade it.")
        plain: Any = json.loads(bytes(file.content))
        content = msgspec.convert(plain, _Content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise UnfitFileError(f"{name} is broken: it is no list of client keys. {_MENDED}") from None
    if _digest(plain) != file.sha256 or not all(map(_KEY_ID.fullmatch, content.keys)):
        raise UnfitFileError(f"{name} is broken: its checksum does not fit. {_MENDED}")
    keys = {key_id: _read_key(key_id, key) for key_id, key in content.keys.items()}
    limits = {account: _read_limits(one) for account, one in content.account_limits.items()}
    return KeyFile(KeySnapshot(keys, limits), content.revision)


_MENDED = "A running shipper or the next `nexus keys` command writes it anew."


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _written(key: KeyFacts) -> _Key:
    return _Key(
        secret_hash=key.secret_hash.hex(),
        name=key.name,
        account=key.account,
        client_domain=key.client_domain,
        scopes=sorted(key.scopes),
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        limits=_written_limits(key.limits),
    )


def _written_limits(limits: Limits) -> _Limits:
    return _Limits(limits.requests_per_minute, limits.concurrent_streams, limits.tokens_per_hour, limits.spend_per_day)


def _read_key(key_id: str, key: _Key) -> KeyFacts:
    return KeyFacts(
        key_id=key_id,
        secret_hash=bytes.fromhex(key.secret_hash),
        name=key.name,
        account=key.account,
        client_domain=key.client_domain,
        scopes=frozenset(key.scopes),
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        limits=_read_limits(key.limits),
    )


def _read_limits(limits: _Limits) -> Limits:
    return Limits(limits.requests_per_minute, limits.concurrent_streams, limits.tokens_per_hour, limits.spend_per_day)
