"""Invented sessions of Claude Code's shape and size, as events of streams that took their time."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.ids import RequestIds
from domain.ports import ChunkRun, ShipStore
from domain.recutting import Memory
from schemas.stored.events import ChunkStreamed, ExchangeEvent
from tests.captures import Captured
from tests.recorded import recorded
from tests.shipping import TestJournal

BEGAN = datetime(2026, 11, 22, tzinfo=UTC)
TURN_S = 5
STEPS = 4
"""Exchanges of a prompt: three tool calls and an answer."""
_PIECE = 40


@dataclass(frozen=True)
class Shape:
    """How large a session is."""

    turns: int = 200
    result_chars: int = 6500
    runs: int = 20
    """Events of an answer's stream: one every half a second."""


def session(name: str, shape: Shape, hour: int = 0) -> Iterator[Captured]:
    """Its exchanges in order; each holds the whole talk before it."""
    messages: list[dict[str, object]] = []
    user = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": name})
    frame = {
        "model": "claude-test", "metadata": {"user_id": user}, "max_tokens": 32000, "stream": True,
        "system": [{"type": "text", "text": words(9000, "system"), "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": f"T{n}", "description": words(2500, f"t{n}"), "input_schema": {}} for n in range(13)],
    }  # fmt: skip
    for turn in range(shape.turns):
        messages.append({"role": "user", "content": [_asked(name, turn, shape)]})
        answer = _answer(name, turn)
        yield Captured(
            n=turn,
            at=BEGAN + timedelta(hours=hour, seconds=turn * TURN_S),
            path="/v1/messages?beta=true",
            headers=(("User-Agent", "claude-cli/2.1.330 (external, cli)"), ("X-Claude-Code-Session-Id", name)),
            body=json.dumps({**frame, "messages": messages}).encode(),
            status=200,
            content_type="text/event-stream",
            answer=b"".join(frames(answer)),
            fault=None,
        )
        messages.append({"role": "assistant", "content": answer})


def _asked(name: str, turn: int, shape: Shape) -> dict[str, object]:
    if turn % STEPS == 0:
        return {"type": "text", "text": f"Prompt {turn} of {name}: {words(300, f'{name}{turn}')}"}
    found = words(shape.result_chars, f"r{name}{turn}")
    return {"type": "tool_result", "tool_use_id": f"toolu_{name}_{turn - 1}", "content": found}


def _answer(name: str, turn: int) -> list[dict[str, object]]:
    said: dict[str, object] = {"type": "text", "text": words(400, f"a{name}{turn}")}
    if turn % STEPS == STEPS - 1:
        return [said]
    return [said, {"type": "tool_use", "id": f"toolu_{name}_{turn}", "name": "T1", "input": {"path": f"/{turn}"}}]


def frames(blocks: list[dict[str, object]]) -> Iterator[bytes]:
    usage = {"input_tokens": 9, "output_tokens": 1}
    yield _frame("message_start", message={"type": "message", "role": "assistant", "content": [], "usage": usage})
    for index, block in enumerate(blocks):
        yield from _block(index, block)
    stop = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    yield _frame("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 99})
    yield _frame("message_stop")


def _block(index: int, block: dict[str, object]) -> Iterator[bytes]:
    if block["type"] == "text":
        words = str(block["text"])
        deltas = [{"type": "text_delta", "text": words[at : at + _PIECE]} for at in range(0, len(words), _PIECE)]
        empty = {**block, "text": ""}
    else:
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        empty = {**block, "input": {}}
    yield _frame("content_block_start", index=index, content_block=empty)
    for delta in deltas:
        yield _frame("content_block_delta", index=index, delta=delta)
    yield _frame("content_block_stop", index=index)


def _frame(kind: str, **members: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def words(count: int, seed: str) -> str:
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return (digest * (count // len(digest) + 1))[:count]


class Shipper:
    """Ships exchanges as a gateway and its shipper would, one by one."""

    def __init__(self, store: ShipStore, journal: TestJournal, shape: Shape) -> None:
        self._store, self._journal, self._shape = store, journal, shape
        self._ids, self._memory = RequestIds(), Memory()

    async def ship(self, one: Captured) -> UUID:
        request_id = self._ids.new(int(one.at.timestamp() * 1000), one.n)
        exchange = await recorded(one, request_id, self._store, self._memory)
        events, runs = _in_runs(exchange.events, one.answer, self._shape.runs)
        bodies = [(exchange.body.scope, exchange.body.body)] if exchange.body else []
        await self._journal.ship(self._store, events, bodies, runs)
        return request_id


def _in_runs(
    events: tuple[ExchangeEvent, ...], answer: bytes, count: int
) -> tuple[list[ExchangeEvent], list[ChunkRun]]:
    """The answer's one run, cut into many."""
    size = -(-len(answer) // count)
    out, runs = list[ExchangeEvent](), list[ChunkRun]()
    for event in events:
        if not isinstance(event, ChunkStreamed):
            out.append(event.model_copy(update={"originator_version": len(out) + 1}))
            continue
        for at in range(0, len(answer), size):
            data = answer[at : at + size]
            fields = {"originator_version": len(out) + 1, "offset": at, "lengths": (len(data),)}
            out.append(event.model_copy(update=fields))
            runs.append(ChunkRun(event.originator_id, at, data))
    return out, runs
