"""What do the stored bytes say? Events, chunks and request bodies, opened by a reader of its own; pure.

It shares no code with the writers. ``state`` is a JSON object, or a Zstandard frame of one; payload rows say their
codec (0 as it is, 1 Zstandard) and their length. A recipe is ``NXR`` 0x01 and items: 0 length bytes · 1 key · 2 key ·
3 key offset length bytes (put in at the offset) · 4 key (of another recipe); numbers are LEB128.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import zstandard

_MOST_BYTES = 64 << 20
_DEEPEST = 12
_KEY = 16
_RECIPE = b"NXR\x01"


class BrokenError(Exception):
    """Stored bytes that cannot be opened; the message says what is wrong with them."""


class Header(msgspec.Struct, frozen=True):
    """A header line."""

    name: str
    value: str | None = None
    length: int | None = None
    fingerprint: str | None = None


class Body(msgspec.Struct, frozen=True):
    """Where a request body lies."""

    kind: str
    key: str
    digest: str


class Received(msgspec.Struct, frozen=True):
    """``request-received``."""

    timestamp: datetime
    journal_id: UUID
    journal_us: int
    mode: str
    method: str
    target: str
    headers: tuple[Header, ...]
    client_domain: str
    scope: str
    byte_count: int
    key_id: str | None = None
    account: str | None = None
    body: Body | None = None


class Started(msgspec.Struct, frozen=True):
    """``response-started``."""

    origin: str
    status: int
    headers: tuple[Header, ...]
    upstream_request_id: str | None = None


class Streamed(msgspec.Struct, frozen=True):
    """``chunk-streamed``."""

    offset: int
    lengths: tuple[int, ...]
    arrivals_us: tuple[int, ...]


class Completed(msgspec.Struct, frozen=True):
    """``response-completed``."""

    byte_count: int
    sha256: str


class Aborted(msgspec.Struct, frozen=True):
    """``response-aborted``."""

    ended_by: str
    byte_count: int
    detail: str = ""
    delivered: int | None = None


class Lost(msgspec.Struct, frozen=True):
    """``recording-gap``."""

    part: str
    reason: str
    offset: int
    byte_count: int


class Foreign(msgspec.Struct, frozen=True):
    """An event of an aggregate, or of a newer Nexus: only its place is looked at."""

    class_version: int = 1


Content = Received | Started | Streamed | Completed | Aborted | Lost | Foreign
TOPICS: Mapping[str, type[Content]] = {
    "request-received": Received,
    "response-started": Started,
    "chunk-streamed": Streamed,
    "response-completed": Completed,
    "response-aborted": Aborted,
    "recording-gap": Lost,
}


def content_of(topic: str, state: bytes) -> Content:
    """Raises BrokenError."""
    try:
        json = state if state[:1] == b"{" else _unzipped(state, _MOST_BYTES)
        foreign = msgspec.json.decode(json, type=Foreign)
        if topic not in TOPICS or foreign.class_version > 1:
            return foreign
        return msgspec.json.decode(json, type=TOPICS[topic])
    except msgspec.MsgspecError as error:
        raise BrokenError(f"the event is not readable ({error})") from error


def payload_of(codec: int, data: bytes, raw_length: int) -> bytes:
    """Raises BrokenError."""
    if codec not in {0, 1}:
        raise BrokenError(f"codec {codec} is unknown")
    raw = data if codec == 0 else _unzipped(data, raw_length)
    if len(raw) != raw_length:
        raise BrokenError(f"the row opens to {len(raw)} bytes and says {raw_length}")
    return raw


def _unzipped(data: bytes, most: int) -> bytes:
    try:
        if zstandard.frame_content_size(data) > most:
            raise BrokenError(f"the bytes open to more than {most}")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BrokenError("the bytes are no Zstandard frame") from error


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a recipe."""

    tag: int
    key: bytes = b""
    data: bytes = b""
    at: int = 0


def items_of(recipe: bytes) -> list[Item]:
    """Raises BrokenError."""
    if recipe[: len(_RECIPE)] != _RECIPE:
        raise BrokenError("a recipe does not begin as one")
    items, rest = [], memoryview(recipe)[len(_RECIPE) :]
    while rest:
        item, rest = _item(rest)
        items.append(item)
    return items


def _item(rest: memoryview) -> tuple[Item, memoryview]:
    tag, rest = rest[0], rest[1:]
    if tag > 4:
        raise BrokenError(f"a recipe has an item of the unknown kind {tag}")
    key = b""
    if tag:
        key, rest = _taken(rest, _KEY)
    if tag not in {0, 3}:
        return Item(tag, key), rest
    at = 0
    if tag:
        at, rest = _leb128(rest)
    length, rest = _leb128(rest)
    data, rest = _taken(rest, length)
    return Item(tag, key, data, at), rest


def _taken(rest: memoryview, count: int) -> tuple[bytes, memoryview]:
    if len(rest) < count:
        raise BrokenError("a recipe ends within an item")
    return bytes(rest[:count]), rest[count:]


def _leb128(rest: memoryview) -> tuple[int, memoryview]:
    value = 0
    for index, byte in enumerate(rest[:10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, rest[index + 1 :]
    raise BrokenError("a number in a recipe does not end")


def scope_row_of(scope: str) -> str:
    """How the table of scopes names it: as it is if it is a short line of ASCII, else by its hash."""
    plain = len(scope) <= 200 and scope.isascii() and scope.isprintable() and not scope.startswith("sha256:")
    return scope if plain else "sha256:" + hashlib.sha256(scope.encode("utf-8", "surrogatepass")).hexdigest()


def wanted(body: Body, parts: Mapping[bytes, bytes]) -> set[bytes]:
    """Keys that are needed next for this body and are not in ``parts``. Raises BrokenError."""
    top = bytes.fromhex(body.key)
    if top not in parts:
        return {top}
    return {key for key in _keys(top, parts, 0) if key not in parts} if body.kind == "run" else set()


def _keys(recipe: bytes, parts: Mapping[bytes, bytes], depth: int) -> Iterator[bytes]:
    if depth > _DEEPEST:
        raise BrokenError("recipes nest too deep")
    for item in items_of(parts[recipe]):
        if item.tag:
            yield item.key
        if item.tag == 4 and item.key in parts:
            yield from _keys(item.key, parts, depth + 1)


def joined(body: Body, scope_key: bytes, parts: Mapping[bytes, bytes]) -> bytes:
    """The body's bytes, checked against its digest. Raises BrokenError."""
    top = bytes.fromhex(body.key)
    try:
        data = b"".join(_bytes(top, parts)) if body.kind == "run" else parts[top]
    except KeyError as error:
        raise BrokenError("a part of the body is missing") from error
    if hmac.new(scope_key, data, hashlib.sha256).hexdigest() != body.digest:
        raise BrokenError("the parts join to other bytes than were received")
    return data


def _bytes(recipe: bytes, parts: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for item in items_of(parts[recipe]):
        match item.tag:
            case 0:
                yield item.data
            case 4:
                yield from _bytes(item.key, parts)
            case 3:
                block = parts[item.key]
                yield block[: item.at] + item.data + block[item.at :]
            case _:
                yield parts[item.key]
