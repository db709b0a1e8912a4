"""Which words stand where in an exchange? A digest for each block that says something, and how to come by the words.

A history repeats what was said before. Marks make that cheap to see: the digest of all that a thread's request says up
to every eighth of its sayings. What stands before a mark that an earlier request of the thread has was said there.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.assembly import AssembledMessage
from domain.blocks import block_facts
from domain.request_view import RequestView, SeenBlock
from schemas.anthropic.stream import JsonValue

EVERY = 8
MOST = 20_000
"""Of one exchange: no context window holds more."""
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Saying:
    """A block with words, at its place."""

    digest: bytes
    """Of the words (``domain/said.py``)."""
    place: int
    """Of the block among all of the request, or of the answer; from 0."""
    in_answer: bool
    role: str
    tool_name: str
    """Of the call, or of the call that this is the result of; empty: neither, or nobody says."""
    part: bytes | None
    """Key of the part that holds the block; None: ``block`` is it."""
    block: JsonValue = None


@dataclass(frozen=True, slots=True)
class Thread:
    """One line of talk, as far as an exchange tells: within it, what is said again is not new."""

    scope: str
    session: str
    agent: str
    aside: bool
    """Titles, quota checks and other calls of the client's own."""

    def key(self, sayings: Sequence[Saying]) -> bytes:
        """Without a session the talk is known by what it begins with."""
        first = sayings[0].digest.hex() if sayings and not self.session else ""
        said = "\0".join((self.scope, self.session, self.agent, "aside" if self.aside else "", first))
        return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()


def sayings_of(view: RequestView | None, message: AssembledMessage | None) -> tuple[Saying, ...]:
    """Those of the request, then those of the answer."""
    asked = [(block, said.role) for said in (view.messages if view else ()) for block in said.blocks]
    tools = {block.facts.tool_use_id: block.facts.name for block, _ in asked if block.facts.name}
    found = [_sent(block, role, place, tools) for place, (block, role) in enumerate(asked) if block.facts.said]
    return (*found[:MOST], *_answered(message))


def marks_of(thread: bytes, sayings: Sequence[Saying]) -> list[bytes]:
    """One for every eight sayings of the request: of all up to there."""
    marks, state = list[bytes](), hashlib.blake2b(thread, digest_size=_DIGEST_BYTES)
    for number, one in enumerate(sayings, 1):
        if one.in_answer:
            break
        state.update(one.digest)
        if number % EVERY == 0:
            marks.append(state.digest())
    return marks


def _sent(block: SeenBlock, role: str, place: int, tools: dict[str, str]) -> Saying:
    facts = block.facts
    tool = facts.name or tools.get(facts.tool_use_id, "")
    return Saying(facts.said, place, in_answer=False, role=role, tool_name=tool, part=block.part, block=block.inline)


def _answered(message: AssembledMessage | None) -> Iterator[Saying]:
    for place, block in enumerate(message.blocks if message else ()):
        facts = block_facts(block.value)
        if facts.said:
            yield Saying(
                facts.said,
                place,
                in_answer=True,
                role="assistant",
                tool_name=facts.name,
                part=None,
                block=block.value,
            )
