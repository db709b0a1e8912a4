"""What does a client itself remember of its talk, beside a transcript of what went over the wire?

The client's memory is the truth: it knows nothing of requests that repeat its history.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from domain.assembly import assemble
from domain.blocks import block_facts, counts
from domain.transcript import RecordedTurn, Said, Turn, TurnFacts
from domain.transcript_entries import Entry
from tests.forest.shapes import Block, Message
from tests.forest.truth import BEGIN, GOES_ON, Exchange

Item = tuple[str, str]
"""``user``, ``assistant`` or ``result``; and the text without white space, or the id of a call."""


def recorded_turn(exchange: Exchange, number: int) -> RecordedTurn:
    """As it is read back from what was recorded."""
    body = json.loads(exchange.body)
    answer = assemble(exchange.outcome.body, exchange.outcome.content_type)
    edge = "continues" if exchange.link.edge == GOES_ON else exchange.link.edge
    at = BEGIN + timedelta(seconds=exchange.started)
    return RecordedTurn(
        facts=TurnFacts(request_id=UUID(int=number), received_at=at, edge=edge),
        messages=tuple(Said(message["role"], _blocks(message["content"])) for message in body["messages"]),
        answer=answer.blocks,
        whole=answer.whole,
        error=answer.error.kind if answer.error else "",
    )


def _blocks(content: str | list[Block]) -> tuple[Block, ...]:
    return ({"type": "text", "text": content},) if isinstance(content, str) else tuple(content)


def remembered(history: Sequence[Message]) -> list[Item]:
    """What was said, in the client's memory."""
    return [
        item
        for message in history
        if message.role != "system"
        for block in message.blocks
        if counts(block_facts(block), by_assistant=message.role == "assistant")
        for item in _items(message.role, block)
    ]


def told(turns: Sequence[Turn], *, whole: frozenset[UUID] | None = None) -> list[Item]:
    """What was said, in a transcript; results stand behind their calls. ``whole``: answers of these turns alone."""
    return [item for turn in turns for entry in turn.entries for item in _told(entry, turn, whole)]


def _told(entry: Entry, turn: Turn, whole: frozenset[UUID] | None) -> Iterator[Item]:
    facts = block_facts(entry.block)
    if not counts(facts, by_assistant=entry.role == "assistant") or entry.role == "system":
        return
    if entry.role != "assistant" or whole is None or turn.facts.request_id in whole:
        yield from _items(entry.role, entry.block)
    if entry.result is not None:
        yield from _items("user", entry.result)


def _items(role: str, block: Block) -> Iterator[Item]:
    facts = block_facts(block)
    if facts.kind.endswith("tool_result"):
        yield "result", facts.tool_use_id
    else:
        yield role, facts.tool_use_id or "".join(facts.text.split()) or facts.kind
