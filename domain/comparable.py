"""What of a block, or of an entry of a transcript, is held against another one? Its words, not what varies by itself.

Ids of calls, signatures and cache marks are others in every run and make no difference, and neither does a reminder
that the client put into a text which says something else. A text of nothing but reminders is compared by them. Total.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from domain.comparing import Item, Unit
from domain.said import without_reminders
from domain.transcript_entries import Entry, kind_of
from domain.whats_new import unmarked
from schemas.anthropic.stream import JsonObject, JsonValue

_VARYING = frozenset({"id", "tool_use_id", "signature", "cache_control"})
_DIGEST_BYTES = 16
_HEAD_CHARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A block or an entry, and by what it is known."""

    item: Item
    kind: str
    """As in ``domain/transcript_entries.py``."""
    name: str = ""
    """Of a call: the tool; of a mark: what it marks; of a block that nobody knows: its type."""
    block: JsonObject
    text: str | None = None
    """Of an entry that is no block: what it says."""
    result: JsonObject | None = None
    """Of a call: what came back, if it stands with it."""


def piece_of_block(block: JsonObject, role: str) -> Piece:
    """``role``: who says it; the same words of somebody else are not the same."""
    kind = kind_of(block)
    name = _name(kind, block)
    said = _said(kind, block)
    call = _string(block, "tool_use_id").encode("utf-8", "surrogatepass") if kind == "result" else b""
    head = call or said[:_HEAD_CHARS]
    return Piece(item=_item((role, kind, name), head, said), kind=kind, name=name, block=block)


def piece_of_entry(entry: Entry) -> Piece:
    """A call with what came back; where nothing did is another than where nothing came."""
    if entry.kind in {"mark", "system"}:
        text = entry.text or entry.detail
        item = _item((entry.role, entry.kind, entry.mark), b"", text.encode("utf-8", "surrogatepass"))
        return Piece(item=item, kind=entry.kind, name=entry.mark, block=entry.block, text=text)
    kind = kind_of(entry.block)
    name = _name(kind, entry.block)
    said = _said(kind, entry.block) + (entry.raw_input or "").encode("utf-8", "surrogatepass")
    back = b"" if entry.result is None else b"\0result" + _said("result", entry.result)
    head = said if kind == "call" else said[:_HEAD_CHARS]
    item = _item((entry.role, entry.kind, name), head, said + back)
    return Piece(item=item, kind=entry.kind, name=name, block=entry.block, result=entry.result, text=entry.raw_input)


def message_unit(role: str, pieces: Sequence[Piece]) -> Unit:
    """Results are held against results, and not against what somebody typed."""
    is_result = any(piece.kind == "result" for piece in pieces)
    return _unit((role, "result" if is_result else ""), pieces, pieces[0].item.head if pieces else b"")


def turn_unit(pieces: Sequence[Piece]) -> Unit:
    """A turn begins alike if its prompt is the same, or what it says and does first."""
    prompts = [piece.item.key for piece in pieces if piece.kind == "prompt"]
    head = prompts[0] if prompts else pieces[0].item.head if pieces else b""
    return _unit(("turn", "prompt" if prompts else ""), pieces, head)


def words_of_block(block: JsonObject) -> str:
    """All that it says, as text to be compared line by line."""
    match kind_of(block):
        case "text":
            return _string(block, "text")
        case "thinking":
            return _string(block, "thinking") or _string(block, "data")
        case "call":
            return _members(block.get("input"))
        case "result":
            return _result(block)
        case "image":
            return _picture(block)
    return _pretty({name: value for name, value in block.items() if name != "cache_control"})


def words_of_piece(piece: Piece) -> str:
    """Without what came back."""
    return words_of_block(piece.block) if piece.text is None else piece.text


def _unit(names: tuple[str, ...], pieces: Sequence[Piece], head: bytes) -> Unit:
    items = tuple(piece.item for piece in pieces)
    return Unit(_item(names, head, b"".join(item.key for item in items)), items)


def _item(names: tuple[str, ...], head: bytes, whole: bytes) -> Item:
    shape = _shape(names)
    return Item(_digest(shape + b"key" + whole), _digest(shape + b"head" + head), shape)


@lru_cache(maxsize=1_000)
def _shape(names: tuple[str, ...]) -> bytes:
    """Of the same length for all, so that nothing moves from it into what stands behind it."""
    return _digest("\0".join(names).encode("utf-8", "surrogatepass"))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _said(kind: str, block: JsonObject) -> bytes:
    if kind == "text":
        text = _string(block, "text")
        return (without_reminders(text) or text).encode("utf-8", "surrogatepass")
    plain = {name: value for name, value in block.items() if name not in _VARYING}
    if kind == "result":
        content = plain.get("content")
        plain["content"] = unmarked([{"type": "text", "text": content}] if isinstance(content, str) else content)
        plain["is_error"] = plain.get("is_error") is True
    return msgspec.json.encode(plain, order="deterministic")


def _name(kind: str, block: JsonObject) -> str:
    if kind == "call":
        return _string(block, "name")
    return _string(block, "type") if kind == "other" else ""


def _members(given: JsonValue) -> str:
    """A line for each member; a text with several lines stands below its name."""
    if not isinstance(given, dict):
        return "" if given is None else _pretty(given)
    return "\n".join(_member(name, value) for name, value in given.items())


def _member(name: str, value: JsonValue) -> str:
    text = value if isinstance(value, str) else _pretty(value)
    return f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"


def _result(block: JsonObject) -> str:
    content = block.get("content")
    listed = content if isinstance(content, list) else [content]
    said = [_result_item(item) for item in listed if item is not None]
    return "\n".join([*(["is_error: true"] if block.get("is_error") is True else []), *said])


def _result_item(item: JsonValue) -> str:
    match item:
        case str(text) | {"type": "text", "text": str(text)}:
            return text
        case dict() if kind_of(item) == "image":
            return _picture(item)
    return _pretty(item)


def _picture(block: JsonObject) -> str:
    """An image is known by its digest: its bytes are nothing to read."""
    source = block.get("source")
    given = source if isinstance(source, dict) else {}
    data = _string(given, "data") or _string(given, "url")
    digest = hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"image {_string(given, 'media_type')}, {len(data):,} characters, digest {digest}"


def _pretty(value: JsonValue) -> str:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic")).decode()


def _string(block: JsonObject, name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
