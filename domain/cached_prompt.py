"""What of a request does the prompt cache see? Its blocks in the cache's order, its marks, and what it was billed.

Upstream a prompt is one sequence: tools, system prompt, messages. A mark makes an entry of everything up to it. The
billing line in front of Claude Code's system prompt and tools that are deferred are no part of the sequence; a bare
string and a list of one text block are the same, and so are two neighbouring messages of one role and one message of
both. Source: Anthropic's prompt caching documentation, and the wire notes in ``docs/cache.md``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from domain.blocks import BlockFacts, Lifetime
from domain.phrases import BILLING_LINE, CONTINUATION
from domain.request_view import RequestView, SeenBlock
from domain.usage import Usage

Section = Literal["tool", "system", "message"]
PICTURE_BYTES = 6_000
"""A picture's or document's bytes say nothing of its tokens: each counts as a text of so many."""
_PICTURES = {"image", "document"}


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One block of the sequence."""

    section: Section
    place: int
    """Number of the tool, of the system block, or of the message, from 0."""
    role: str
    """Of the message; else empty."""
    kind: str
    """The block's type; ``reminder``: a text that is nothing but the client's own reminders."""
    name: str
    """Of a tool."""
    digest: bytes
    size: int
    """Bytes, without the mark."""

    @property
    def same(self) -> tuple[str, str, bytes]:
        """Equal for blocks that the cache takes for the same."""
        return self.section, self.role, self.digest


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cache mark."""

    at: int
    """Number of the piece it is on."""
    lifetime: Lifetime


@dataclass(frozen=True, slots=True)
class CachedPrompt:
    """A request as the prompt cache sees it."""

    pieces: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    continues: bool = False
    """It begins with the summary of a compaction."""

    @property
    def cached(self) -> tuple[Piece, ...]:
        """Up to the last mark. Without any, upstream was asked in another way to cache, and all may be meant."""
        return self.pieces[: self.marks[-1].at + 1] if self.marks else self.pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUse:
    """Tokens of a request's prompt, by what became of them."""

    read: int
    """From the cache, by the first step of sampling."""
    cached: int
    """In the cache afterwards: read and written by the last step."""
    written_5m: int = 0
    written_1h: int = 0
    fresh: int = 0
    """Neither."""
    read_in_all: int = 0
    """By all steps."""
    summed: bool = False
    """Sums over several steps that are not told one by one: they do not say what the cache held."""

    @property
    def paid_anew(self) -> int:
        return self.written_5m + self.written_1h + self.fresh


def prompt_of(view: RequestView) -> CachedPrompt | None:
    """None: a block of it cannot be read."""
    found = list(_pieces(view))
    if any(not piece.digest for piece, _ in found):
        return None
    marks = tuple(Mark(number, block.mark) for number, (_, block) in enumerate(found) if block.mark)
    return CachedPrompt(tuple(piece for piece, _ in found), marks, _opening_text(view).startswith(CONTINUATION))


def opening_of(view: RequestView) -> bytes | None:
    """Digest of the first text that counts: what a line of talk began with. None: there is none."""
    return next((facts.digest for facts in _texts(view)), None)


def use_of(usage: Usage) -> PromptUse:
    """A step of another model than the last one's was declined, and read from that model's cache."""
    sampled = [step for step in usage.iterations if step.kind == "message"]
    steps = [step.tokens for step in sampled if step.model == sampled[-1].model]
    total = usage.tokens
    first, last = (steps[0], steps[-1]) if len(steps) > 1 else (total, total)
    return PromptUse(
        read=first.cache_read_tokens,
        cached=last.cache_read_tokens + last.cache_write_5m_tokens + last.cache_write_1h_tokens,
        written_5m=total.cache_write_5m_tokens,
        written_1h=total.cache_write_1h_tokens,
        fresh=total.input_tokens,
        read_in_all=total.cache_read_tokens,
        summed=len(steps) < 2 and any(usage.server_tools.values()),
    )


def _pieces(view: RequestView) -> Iterator[tuple[Piece, SeenBlock]]:
    for place, block in enumerate(view.tool_blocks):
        if not block.facts.deferred:
            yield _piece("tool", place, "", block.facts), block
    for place, block in enumerate(view.system_blocks):
        if not block.facts.text.startswith(BILLING_LINE):
            yield _piece("system", place, "", block.facts), block
    for place, message in enumerate(view.messages):
        for block in message.blocks:
            yield _piece("message", place, message.role, block.facts), block


def _piece(section: Section, place: int, role: str, facts: BlockFacts) -> Piece:
    kind = "reminder" if facts.kind == "text" and facts.digest is None else facts.kind
    size = min(facts.size, PICTURE_BYTES) if kind in _PICTURES else facts.size
    return Piece(section, place, role[:40], kind[:40], facts.name[:120] if section == "tool" else "", facts.sent, size)


def _texts(view: RequestView) -> Iterator[BlockFacts]:
    blocks = (block.facts for message in view.messages if message.role != "system" for block in message.blocks)
    return (facts for facts in blocks if facts.kind == "text" and facts.digest is not None)


def _opening_text(view: RequestView) -> str:
    return next((facts.text for facts in _texts(view)), "")
