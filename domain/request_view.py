"""What does a Messages request say? A tolerant reading of a body, total: wrong types are passed over.

The body comes as a skeleton whose blocks were read before, or as plain JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import msgspec

from domain.blocks import EMPTY, BlockFacts, Lifetime, block_facts, lifetime_of
from domain.identity import ClientIdentity, parse_user_id
from schemas.anthropic.stream import JsonValue, read_object


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """A block at its place in the request."""

    facts: BlockFacts
    mark: Lifetime | None
    """The cache mark it carries."""
    part: bytes | None = field(default=None, compare=False)
    """Key of the part it is stored as; None: it stands in the body itself,"""
    inline: JsonValue = field(default=None, compare=False)
    """and this is it."""

    @property
    def marked(self) -> bool:
        return self.mark is not None


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """One entry of ``messages``."""

    role: str
    blocks: tuple[SeenBlock, ...]


@dataclass(frozen=True, slots=True)
class RequestView:
    """The parts of a request that rules look at."""

    model: str | None
    stream: bool
    max_tokens: int | None
    messages: tuple[SeenMessage, ...]
    newest_mark: int | None
    """Place of the newest message with a cache mark."""
    caches: bool
    """There is a cache mark somewhere, in the system prompt or in a message."""
    system_blocks: tuple[SeenBlock, ...]
    tool_blocks: tuple[SeenBlock, ...]
    lists_tools: bool
    """There is a list of tools, be it empty."""
    thinks: bool
    """Thinking is on, or kept from turn to turn."""
    formatted: bool
    """The answer must be of a given form."""
    identity: ClientIdentity
    settings: tuple[tuple[str, str], ...] = ()
    """What else a cached prompt may depend on, as JSON: members of the body by name, in the order of the names."""

    @property
    def system(self) -> tuple[str, ...]:
        """Texts of the system prompt's blocks."""
        return tuple(block.facts.text for block in self.system_blocks)

    @property
    def tools(self) -> tuple[BlockFacts, ...]:
        return tuple(block.facts for block in self.tool_blocks)


_SMALL_BYTES = 1_024
_SMALL_REMEMBERED = 20_000
SETTINGS = ("context_management", "output_config", "speed", "thinking", "tool_choice")
Known = Mapping[str, SeenBlock]
"""Blocks that were read before, by their place-holders."""
_NOTHING_KNOWN: Known = MappingProxyType({})


def view_of_json(body: bytes) -> RequestView | None:
    """Of a body that is at hand whole. None: it is no JSON object."""
    return view_of(body, _NOTHING_KNOWN)


def view_of(text: bytes, known: Known) -> RequestView | None:
    """``text``: a skeleton's. None: the body is no JSON object."""
    body = read_object(text.decode("utf-8", "replace"))
    if body is None:
        return None
    metadata, model, max_tokens = body.get("metadata"), body.get("model"), body.get("max_tokens")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    messages, system = _messages(body.get("messages"), known), _blocks(body.get("system"), known)
    newest_mark = _newest_mark(messages)
    return RequestView(
        model=model if isinstance(model, str) else None,
        stream=body.get("stream") is True,
        max_tokens=max_tokens if isinstance(max_tokens, int) else None,
        messages=messages,
        newest_mark=newest_mark,
        caches=newest_mark is not None or any(block.marked for block in system),
        system_blocks=system,
        tool_blocks=_blocks(body.get("tools"), known),
        lists_tools=isinstance(body.get("tools"), list),
        thinks="context_management" in body or _kind(body.get("thinking")) not in {"", "disabled"},
        formatted=isinstance(output := body.get("output_config"), dict) and "format" in output,
        identity=parse_user_id(user_id) if isinstance(user_id, str) else ClientIdentity(),
        settings=tuple((name, _as_json(body[name])) for name in SETTINGS if body.get(name) is not None),
    )


def _as_json(value: JsonValue) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _messages(value: JsonValue, known: Known) -> tuple[SeenMessage, ...]:
    return tuple(
        SeenMessage(
            role if isinstance(role := message.get("role"), str) else "", _blocks(message.get("content"), known)
        )
        for message in (value if isinstance(value, list) else ())
        if isinstance(message, dict)
    )


def _blocks(value: JsonValue, known: Known) -> tuple[SeenBlock, ...]:
    """A list of blocks, or a string that stands for one text block."""
    if isinstance(value, list):
        return tuple([_block(block, known) for block in value if block is not None])
    return () if value is None else (_block(value, known),)


def _block(value: JsonValue, known: Known) -> SeenBlock:
    if isinstance(value, str) and value in known:
        return known[value]
    mark = lifetime_of(value["cache_control"]) if isinstance(value, dict) and "cache_control" in value else None
    return SeenBlock(_facts(value), mark, inline=value)


def _facts(value: JsonValue) -> BlockFacts:
    """A history repeats its small blocks in every turn; those that are large are parts, and known."""
    if not isinstance(value, str | dict):
        return EMPTY
    data = msgspec.json.encode(value)
    return _facts_before(data) if len(data) <= _SMALL_BYTES else block_facts(value)


@lru_cache(maxsize=_SMALL_REMEMBERED)
def _facts_before(data: bytes) -> BlockFacts:
    return block_facts(msgspec.json.decode(data))


def _kind(value: JsonValue) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _newest_mark(messages: tuple[SeenMessage, ...]) -> int | None:
    for place in range(len(messages) - 1, -1, -1):
        if any(block.marked for block in messages[place].blocks):
            return place
    return None
