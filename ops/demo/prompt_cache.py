"""How many tokens does a request cost, and which of them come from the prompt cache?

As the real service does it: tools, system and messages are one sequence of blocks; each ``cache_control`` on a block
is a breakpoint. The longest earlier sequence that this one begins with is read from the cache, the rest up to the
last breakpoint is written to it, and what comes after is plain input. ``cache_control`` itself, and whether a message
is a list or a bare string, make no difference.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ops.demo.blocks import CacheControl, CacheCreation, Usage

_BYTES_PER_TOKEN = 4
_IMAGE_TOKENS = 1100
_BILLING = b'"x-anthropic-billing-header:'
"""Start of a system text that is no content."""
_PLAIN = b'"text"'
_GLUE = {"cache_control"}
"""Keys of a block that are no content."""

RawBlock = dict[str, msgspec.Raw]


class SeenMessage(msgspec.Struct):
    """A message of a request, its blocks unread."""

    role: str
    content: str | list[RawBlock]


class SeenBody(msgspec.Struct):
    """What the API needs to know of a request's body."""

    model: str = ""
    messages: list[SeenMessage] = []
    system: str | list[RawBlock] = []
    tools: list[RawBlock] = []
    stream: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """One block in the sequence."""

    digest: bytes
    """Of everything up to here."""
    tokens: int
    """Up to here."""
    mark: CacheControl | None


class PromptCache:
    """Remembers the breakpoints of all requests."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def usage(self, body: SeenBody, output_tokens: int, *, forgets: bool = False) -> Usage:
        """The bill of a request that is answered now. ``forgets``: nothing of it is in the cache any more."""
        pieces = list(_pieces(body))
        marks = [piece for piece in pieces if piece.mark]
        total = pieces[-1].tokens if pieces else 0
        marked = marks[-1].tokens if marks else 0
        known = () if forgets else (piece.tokens for piece in pieces if piece.digest in self._known)
        read = min(marked, max(known, default=0))
        self._known.update(piece.digest for piece in marks)
        long_lived = any(piece.mark.ttl for piece in marks if piece.mark)
        written = marked - read
        return Usage(
            input_tokens=total - marked,
            cache_creation_input_tokens=written,
            cache_read_input_tokens=read,
            cache_creation=CacheCreation(0 if long_lived else written, written if long_lived else 0),
            output_tokens=output_tokens,
        )


def tokens_of(data: bytes) -> int:
    """A crude, stable count."""
    return -(-len(data) // _BYTES_PER_TOKEN)


def prompt_tokens(body: SeenBody) -> int:
    """What ``count_tokens`` says."""
    return max((piece.tokens for piece in _pieces(body)), default=0)


def _pieces(body: SeenBody) -> Iterator[_Piece]:
    digest, tokens = hashlib.sha256(body.model.encode()), 0
    for place, block in _blocks(body):
        mark = block.get("cache_control")
        content = b"\0".join(b"%b=%b" % (key.encode(), bytes(block[key])) for key in sorted(block.keys() - _GLUE))
        digest.update(b"%b\0%b\0" % (place.encode(), content))
        tokens += _IMAGE_TOKENS if b'"image"' in bytes(block.get("type", b"")) else tokens_of(content)
        control = msgspec.json.decode(mark, type=CacheControl) if mark is not None else None
        yield _Piece(digest.digest(), tokens, control)


def _blocks(body: SeenBody) -> Iterator[tuple[str, RawBlock]]:
    """All that counts, with the place it stands in."""
    for tool in body.tools:
        yield "tool", tool
    for block in _listed(body.system):
        if not bytes(block.get("text", b"")).startswith(_BILLING):
            yield "system", block
    for number, message in enumerate(body.messages):
        for block in _listed(message.content):
            yield f"{number}:{message.role}", block


def _listed(content: str | list[RawBlock]) -> list[RawBlock]:
    if isinstance(content, str):
        return [{"type": msgspec.Raw(_PLAIN), "text": msgspec.Raw(msgspec.json.encode(content))}]
    return content
