"""How does one content block grow from its deltas?

The rules are those of the client's SDK. A delta that the block does not take, or that nobody knows, is kept beside
the block, verbatim.
"""

from dataclasses import dataclass
from types import MappingProxyType

from schemas.anthropic.stream import JsonObject, JsonValue, NotJsonError, read_json


@dataclass(frozen=True, slots=True)
class Block:
    """A content block as far as it came."""

    value: JsonObject
    """The block, as the client's SDK would give it."""
    start: int
    """Offset of the first byte of the first frame it came in."""
    end: int
    """Offset behind the last frame it came in."""
    cut: bool = False
    """Its start or its stop never came: what is here may be the beginning of more."""
    raw_input: str | None = None
    """Tool input that is no whole JSON, as text; ``value["input"]`` is then what the start gave."""
    unknown_deltas: tuple[JsonValue, ...] = ()
    """Deltas that could not be applied."""


@dataclass(frozen=True, slots=True)
class _Growth:
    """How a kind of block gets longer."""

    member: str
    """The block's member that grows."""
    delta: str
    """The delta type that brings the pieces."""
    piece: str
    """The delta's member that holds a piece."""


_TEXT = _Growth("text", delta="text_delta", piece="text")
_THINKING = _Growth("thinking", delta="thinking_delta", piece="thinking")
_TOOL_INPUT = _Growth("input", delta="input_json_delta", piece="partial_json")

_BLOCK_TYPE_BY_DELTA = MappingProxyType(
    {
        "text_delta": "text",
        "citations_delta": "text",
        "thinking_delta": "thinking",
        "signature_delta": "thinking",
        "input_json_delta": "tool_use",
    }
)


def guess_block(delta: JsonValue) -> JsonObject | None:
    """The least that the start must have said, if this is a block's first delta; None: it cannot be told."""
    kind = delta.get("type") if isinstance(delta, dict) else None
    block_type = _BLOCK_TYPE_BY_DELTA.get(kind) if isinstance(kind, str) else None
    return None if block_type is None else {"type": block_type}


class BlockBuilder:
    """A content block that still grows."""

    def __init__(self, value: JsonObject, start: int, end: int, *, guessed: bool = False) -> None:
        """``guessed``: the block's start has not come, ``value`` is what it must have been."""
        self.end = end
        self.stopped = False
        self._guessed = guessed
        self._start = start
        self._value = value
        self._growth = _growth_of(value)
        self._pieces: list[str] = []
        self._members: JsonObject = {}
        self._citations: list[JsonValue] = []
        self._unknown: list[JsonValue] = []

    def add(self, delta: JsonValue) -> None:
        """Apply a delta, or keep it."""
        if not (isinstance(delta, dict) and (self._grow(delta) or self._set(delta))):
            self._unknown.append(delta)

    def _grow(self, delta: JsonObject) -> bool:
        growth = self._growth
        if growth is None or delta.get("type") != growth.delta:
            return False
        piece = delta.get(growth.piece)
        if not isinstance(piece, str):
            return False
        self._pieces.append(piece)
        return True

    def _set(self, delta: JsonObject) -> bool:
        match delta:
            case {"type": "signature_delta", "signature": str(signature)} if self._growth is _THINKING:
                self._members["signature"] = signature
            case {"type": "citations_delta", "citation": citation} if self._growth is _TEXT:
                self._citations.append(citation)
            case {"type": "compaction_delta", **members} if self._takes_compaction():
                self._members = members
            case _:
                return False
        return True

    def _takes_compaction(self) -> bool:
        """The API sends one such delta for a block; a second one would overwrite the first."""
        return self._value.get("type") == "compaction" and not self._members

    def begin(self, value: JsonObject) -> bool:
        """The start came after the first delta. False: this is the start of another block."""
        if not self._guessed or _growth_of(value) is not self._growth:
            return False
        self._value, self._guessed = value, False
        return True

    def build(self) -> Block:
        """The block as far as it came."""
        value = self._value | self._members
        if self._citations:
            before = value.get("citations")
            value["citations"] = [*(before if isinstance(before, list) else ()), *self._citations]
        raw_input = self._put_pieces(value)
        cut = self._guessed or not self.stopped
        return Block(value, self._start, self.end, cut, raw_input, tuple(self._unknown))

    def _put_pieces(self, value: JsonObject) -> str | None:
        """Gives back what could not be put in: tool input that is no JSON."""
        text = "".join(self._pieces)
        if self._growth is None or not text:
            return None
        if self._growth is not _TOOL_INPUT:
            before = value.get(self._growth.member)
            value[self._growth.member] = (before if isinstance(before, str) else "") + text
            return None
        try:
            value["input"] = read_json(text)
        except NotJsonError:
            return text
        return None


def _growth_of(block: JsonObject) -> _Growth | None:
    """Anything with an ``input`` takes tool input: tools, server tools, MCP tools and those still to come."""
    kind = block.get("type")
    if kind == "text":
        return _TEXT
    if kind == "thinking":
        return _THINKING
    is_tool = "input" in block or (isinstance(kind, str) and kind.endswith("tool_use"))
    return _TOOL_INPUT if is_tool else None
