"""What does a content block look like to a reader? A block from the wire in, plain values for a template out.

Whatever is not understood is shown as JSON; nothing is dropped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from dashboard.views.prose import Prose, prose, verbatim
from schemas.anthropic.stream import JsonObject, JsonValue

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MAX_IMAGE = 8_000_000
"""Characters of base64."""
SHORT_VALUE = 80
"""An input value that is longer, or has several lines, stands on its own."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_LANGUAGES = {"command": "bash", "pattern": "", "file_path": ""}

Kind = Literal["text", "thinking", "call", "result", "image", "other"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One member of a tool's input."""

    name: str
    short: str
    body: Prose | None
    """None: ``short`` says it all."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image."""

    uri: str
    """A data: URI of a known type; empty: it is not shown."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A block as a reader sees it."""

    kind: Kind
    title: str = ""
    """Of a call, and of a result whose call is known, the tool's name; else the block's type."""
    body: Prose | None = None
    pictures: tuple[Picture, ...] = ()
    arguments: tuple[Argument, ...] = ()
    tool_use_id: str = ""
    failed: bool = False
    """A tool result that says it is an error."""
    elsewhere: bool = False
    """A result that is shown with its call."""
    marked: bool = False
    """It carries a cache mark."""
    result: "Shown | None" = None
    """Of a call: what came back."""


def shown_block(block: JsonObject) -> Shown:
    """Total: a block of any shape can be shown."""
    kind, marked = _text(block, "type"), "cache_control" in block
    match block:
        case {"type": "text", "text": str(text)}:
            return Shown(kind="text", title=kind, body=prose(text), marked=marked)
        case {"type": "thinking", "thinking": str(text)}:
            return Shown(kind="thinking", title=kind, body=prose(text), marked=marked)
        case {"type": "image", "source": dict(source)}:
            return Shown(kind="image", title=kind, pictures=(_picture(source),), marked=marked)
    if kind.endswith("tool_use"):
        return _call(block, marked=marked)
    if kind.endswith("tool_result"):
        return _result(block, marked=marked)
    return Shown(kind="other", title=kind or "unknown", body=as_json(block), marked=marked)


def as_json(value: JsonValue) -> Prose:
    return verbatim(msgspec.json.format(msgspec.json.encode(value)).decode(), "json")


def raw_input(text: str) -> tuple[Argument, ...]:
    """Tool input that is no whole JSON."""
    return (Argument("input, cut", "", verbatim(text)),)


def _call(block: JsonObject, *, marked: bool) -> Shown:
    given = block.get("input")
    members = given if isinstance(given, dict) else {} if given is None else {"input": given}
    return Shown(
        kind="call",
        title=_text(block, "name") or _text(block, "type"),
        arguments=tuple(_argument(name, value) for name, value in members.items()),
        tool_use_id=_text(block, "id"),
        marked=marked,
    )


def _argument(name: str, value: JsonValue) -> Argument:
    if isinstance(value, str):
        short = len(value) <= SHORT_VALUE and "\n" not in value
        return Argument(name, value, None) if short else Argument(name, "", verbatim(value, _LANGUAGES.get(name, "")))
    text = msgspec.json.encode(value).decode()
    return Argument(name, text, None) if len(text) <= SHORT_VALUE else Argument(name, "", as_json(value))


def _result(block: JsonObject, *, marked: bool) -> Shown:
    content = block.get("content")
    listed: list[JsonValue] = content if isinstance(content, list) else [content]
    pictures = tuple(_picture(source) for source in _image_sources(listed))
    text = "\n".join(_result_text(item) for item in listed if not _is_image(item))
    return Shown(
        kind="result",
        body=verbatim(text) if text else None,
        pictures=pictures,
        tool_use_id=_text(block, "tool_use_id"),
        failed=block.get("is_error") is True,
        marked=marked,
    )


def _result_text(item: JsonValue) -> str:
    match item:
        case None:
            return ""
        case str(text) | {"type": "text", "text": str(text)}:
            return text
        case _:
            return msgspec.json.format(msgspec.json.encode(item)).decode()


def _is_image(item: JsonValue) -> bool:
    return isinstance(item, dict) and item.get("type") == "image" and isinstance(item.get("source"), dict)


def _image_sources(listed: list[JsonValue]) -> Iterator[JsonObject]:
    for item in listed:
        match item:
            case {"type": "image", "source": dict(source)}:
                yield source


def _picture(source: JsonObject) -> Picture:
    """Only bytes of a known image type that came with the message: nothing is fetched from anywhere."""
    media_type, data = _text(source, "media_type"), _text(source, "data")
    if _text(source, "type") != "base64":
        return Picture("", f"an image by {_text(source, 'type') or 'unknown'}, which is not fetched")
    if media_type not in IMAGE_TYPES:
        return Picture("", f"an image of type {media_type[:80] or 'unknown'}, which is not shown")
    if len(data) > MAX_IMAGE:
        return Picture("", f"an image of {len(data):,} characters, which is too large to show")
    if not _BASE64.fullmatch(data):
        return Picture("", "an image that is no base64")
    return Picture(f"data:{media_type};base64,{data}", media_type)


def _text(block: JsonObject, name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
