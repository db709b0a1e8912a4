"""What does a content block say that somebody may search for? Text, thinking, what tools were given and gave; pure.

Reminders that the client puts into texts are left out, and so are images, documents and signatures: they are no words
of anybody. What a tool was given is its members, a line each.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from domain.phrases import REMINDER, REMINDER_TAG
from schemas.anthropic.stream import JsonObject, JsonValue

Kind = Literal["text", "thinking", "tool_input", "tool_result"]
MAX_DEPTH = 32
"""Of members inside members; what is deeper is not read."""
_DIGEST_BYTES = 16
_TOOL_USES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


@dataclass(frozen=True, slots=True)
class Said:
    """Words, and what kind of words they are."""

    kind: Kind
    text: str
    is_error: bool = False
    """A tool says that it failed."""

    @property
    def digest(self) -> bytes:
        """Equal for what is equal, however its block was written."""
        head = f"{self.kind}\0{'error' if self.is_error else ''}\0".encode()
        return hashlib.blake2b(head + self.text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()


def said_in(block: JsonValue) -> Said | None:
    """``block``: of a message; a string is a text block. None: nothing is said in it."""
    said = Said("text", without_reminders(block)) if isinstance(block, str) else _in_object(block)
    return said if said is not None and said.text else None


def without_reminders(text: str) -> str:
    """And without white space at the ends."""
    return (REMINDER.sub("", text) if REMINDER_TAG in text else text).strip()


def _in_object(block: JsonValue) -> Said | None:
    if not isinstance(block, dict):
        return None
    match block.get("type"):
        case "text":
            return Said("text", without_reminders(_string(block, "text")))
        case "thinking":
            return Said("thinking", _string(block, "thinking").strip())
        case str(kind) if kind in _TOOL_USES:
            return Said("tool_input", "\n".join(_members("", block.get("input"), MAX_DEPTH)))
        case str(kind) if kind.endswith("tool_result"):
            text = without_reminders("\n".join(_texts(block.get("content"), MAX_DEPTH)))
            return Said("tool_result", text, is_error=block.get("is_error") is True)
    return None


def _members(name: str, value: JsonValue, depth: int) -> Iterator[str]:
    """A line for each member, and for what stands inside."""
    if isinstance(value, dict) and depth:
        for key, member in value.items():
            yield from _members(key, member, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _members(name, item, depth - 1)
    elif isinstance(value, str) and value:
        yield f"{name}: {value}" if name else value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield f"{name}: {value}"


def _texts(content: JsonValue, depth: int) -> Iterator[str]:
    """Of a result: texts, and those of the documents or pages that were found."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list) and depth:
        for item in content:
            yield from _texts(item, depth - 1)
    elif isinstance(content, dict) and depth:
        yield from (text for name in ("title", "url", "text", "stdout", "stderr") if (text := _string(content, name)))
        yield from _texts(content.get("content"), depth - 1)


def _string(block: JsonObject, name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
