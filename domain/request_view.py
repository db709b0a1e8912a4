"""What does a Messages request say? A tolerant reading of a body, total: wrong types are passed over.

The body comes as a skeleton whose blocks were read before, or as plain JSON.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.blocks import EMPTY, BlockFacts, block_facts
from domain.identity import ClientIdentity, parse_user_id
from domain.skeleton import Skeleton
from schemas.anthropic.stream import JsonObject, JsonValue, read_object


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """A block at its place in the request."""

    facts: BlockFacts
    marked: bool
    """It carries a cache mark."""


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
    system: tuple[str, ...]
    """Texts of the system prompt's blocks."""
    tools: tuple[BlockFacts, ...]
    identity: ClientIdentity


def view_of(skeleton: Skeleton, blocks: Mapping[bytes, BlockFacts]) -> RequestView | None:
    """``blocks``: facts of every stored block by key. None: the body is no JSON object."""
    body = read_object(skeleton.text.decode("utf-8", "replace"))
    return None if body is None else _Reader(skeleton, blocks).view(body)


def view_of_json(body: bytes) -> RequestView | None:
    """The same for a body that is at hand whole."""
    return view_of(Skeleton(body, "\0", ()), {})


@dataclass(frozen=True, slots=True)
class _Reader:
    skeleton: Skeleton
    blocks: Mapping[bytes, BlockFacts]

    def view(self, body: JsonObject) -> RequestView:
        metadata, model, max_tokens = body.get("metadata"), body.get("model"), body.get("max_tokens")
        user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
        return RequestView(
            model=model if isinstance(model, str) else None,
            stream=body.get("stream") is True,
            max_tokens=max_tokens if isinstance(max_tokens, int) else None,
            messages=tuple(self._messages(body.get("messages"))),
            system=tuple(block.facts.text for block in self._blocks(body.get("system"))),
            tools=tuple(block.facts for block in self._blocks(body.get("tools"))),
            identity=parse_user_id(user_id) if isinstance(user_id, str) else ClientIdentity(),
        )

    def _messages(self, value: JsonValue) -> Iterator[SeenMessage]:
        for message in value if isinstance(value, list) else []:
            if not isinstance(message, dict):
                continue
            role = message.get("role")
            blocks = tuple(self._blocks(message.get("content")))
            yield SeenMessage(role if isinstance(role, str) else "", blocks)

    def _blocks(self, value: JsonValue) -> Iterator[SeenBlock]:
        """A list of blocks, or a string that stands for one text block."""
        listed: Sequence[JsonValue] = value if isinstance(value, list) else [value]
        for block in listed:
            held = self.skeleton.placeholder(block)
            if held is not None:
                yield SeenBlock(self.blocks.get(held.key, EMPTY), held.marked)
            elif block is not None:
                marked = isinstance(block, dict) and "cache_control" in block
                yield SeenBlock(block_facts(block), marked)
