"""Who says a request that it is from? What ``metadata.user_id`` tells, in both formats Claude Code has used.

Until 2.1.77: ``user_<device>_account_<account or empty>_session_<session>``; since 2.1.78 a JSON string with
``device_id``, ``account_uuid``, ``session_id``. Client-asserted: a label and a tenant in pass-through, never a
permission.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from schemas.stored.events import HeaderFact

_OLD_FORMAT = re.compile(
    r"user_(?P<device>[^_]*)_account_(?P<account>[^_]*)_session_(?P<session>[0-9A-Za-z-]+)", re.ASCII
)
MAX_LABEL = 128
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What the client says of itself; None where it does not."""

    device: str | None = None
    account: str | None = None
    session: str | None = None
    user: str | None = None
    """An end user, as a program other than Claude Code names one."""


class _UserId(msgspec.Struct):
    device_id: str = ""
    account_uuid: str = ""
    session_id: str = ""


class _Metadata(msgspec.Struct):
    user_id: msgspec.Raw = msgspec.Raw(b"null")


class _Body(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw(b"null")


def identity_in(body: bytes) -> ClientIdentity:
    """What a request body says; nothing if it is no such JSON."""
    try:
        metadata = msgspec.json.decode(msgspec.json.decode(body, type=_Body).metadata, type=_Metadata)
        user_id = msgspec.json.decode(metadata.user_id, type=str)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ClientIdentity()
    return parse_user_id(user_id)


def parse_user_id(user_id: str) -> ClientIdentity:
    """Either format; any other text names an end user."""
    if user_id.lstrip().startswith("{"):
        try:
            said = msgspec.json.decode(user_id, type=_UserId)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return ClientIdentity()
        return ClientIdentity(_label(said.device_id), _label(said.account_uuid), _label(said.session_id))
    found = _OLD_FORMAT.fullmatch(user_id)
    if found is None:
        return ClientIdentity(user=_label(user_id))
    return ClientIdentity(_label(found["device"]), _label(found["account"]), _label(found["session"]))


def scope_of(key_account: str | None, identity: ClientIdentity, headers: Iterable[HeaderFact]) -> str:
    """The tenant: the client key's account, else what the client says, else the fingerprint of its credential."""
    if key_account:
        return f"key-account:{key_account}"
    if identity.account:
        return f"account:{identity.account}"
    if identity.device:
        return f"device:{identity.device}"
    prints = {fact.name.lower(): fact.fingerprint for fact in headers if fact.fingerprint}
    for name in ("x-api-key", "authorization"):
        if name in prints:
            return f"credential:{prints[name]}"
    return ANONYMOUS


def _label(text: str) -> str | None:
    return text[:MAX_LABEL] if text.isprintable() and text else None
