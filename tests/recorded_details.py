"""Exchanges with all that is recorded of them, as the request page gets them: bodies, answers, chunks, headers."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from dashboard.details import RequestDetails, details_of
from dashboard.recordings import Stream
from schemas.read_api import EventItem, RequestItem
from schemas.stored.events import (
    BodyReference,
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)
from tests.answers import sse
from tests.read_rows import START, STEP, request_id, request_item

ANSWERED_MS = 640
CHUNK_MS = 100
REQUEST = {
    "model": "claude-opus-4-5-20251101",
    "system": [{"type": "text", "text": "Be brief."}],
    "tools": [{"name": "Bash", "description": "Runs a command.", "input_schema": {}}],
    "messages": [{"role": "user", "content": "How many files are here?"}],
    "max_tokens": 100,
}


def text_answer(text: str = "There are three.", stop: str = "end_turn") -> list[dict[str, Any]]:
    """The events of an answer with one text block."""
    return [
        {"type": "message_start", "message": {"type": "message", "id": "msg_1", "model": "opus", "role": "assistant"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def request_details(
    number: int = 1,
    *,
    body: object = None,
    answer: object = None,
    status: int = 200,
    ended_by: str = "completed",
    item: RequestItem | None = None,
    headers: Sequence[HeaderFact] = (),
) -> RequestDetails:
    """``body``: bytes, or what is written as JSON; ``answer``: bytes, or the events of a stream, a chunk each.

    ``ended_by`` may be ``open``.
    """
    sent = body if isinstance(body, bytes) else json.dumps(REQUEST if body is None else body).encode()
    given = text_answer() if answer is None else answer
    pieces = [piece for piece in ([given] if isinstance(given, bytes) else _chunks_of(given)) if piece]
    stream = Stream(_events(request_id(number), number, sent, pieces, status, ended_by, headers))
    return details_of(stream, item or request_item(number), sent, b"".join(pieces))


def _chunks_of(events: object) -> list[bytes]:
    return [sse([event]) for event in events] if isinstance(events, list) else []


def event_items(details: RequestDetails) -> list[EventItem]:
    """The stream of an exchange as the store tells it, without the chunks."""
    events = [event for event in (details.received, details.started, details.ended) if event is not None]
    return [
        EventItem(
            position=place + 40,
            version=event.originator_version,
            topic=event.TOPIC,
            timestamp=event.timestamp,
            data=event.model_dump(mode="json", exclude={"originator_id", "originator_version", "timestamp"}),
        )
        for place, event in enumerate(events)
    ]


def _events(
    request: UUID,
    number: int,
    sent: bytes,
    pieces: Sequence[bytes],
    status: int,
    ended_by: str,
    headers: Sequence[HeaderFact],
) -> list[ExchangeEvent]:
    at = START + number * STEP
    events: list[ExchangeEvent] = [_received(request, at=at, sent=sent, headers=headers)]
    if pieces:
        events.append(_started(request, status, at=at))
        events.append(_chunks(request, pieces, at=at))
    end_us = (ANSWERED_MS + CHUNK_MS * len(pieces)) * 1000
    stored = {
        "originator_id": request,
        "originator_version": len(events) + 1,
        "timestamp": at + timedelta(microseconds=end_us),
        "byte_count": sum(map(len, pieces)),
        "elapsed_us": end_us,
    }
    if ended_by == "completed":
        events.append(ResponseCompleted.model_validate(stored | {"sha256": "0" * 64}))
    elif ended_by != "open":
        events.append(
            ResponseAborted.model_validate(stored | {"ended_by": ended_by, "detail": "reset", "delivered": 0})
        )
    return events


def _received(request: UUID, *, at: Any, sent: bytes, headers: Sequence[HeaderFact]) -> RequestReceived:
    key = HeaderFact(name="x-api-key", length=108, fingerprint="b1946ac9")
    return RequestReceived(
        originator_id=request,
        originator_version=1,
        timestamp=at,
        journal_id=request,
        journal_us=0,
        mode="pass_through",
        method="POST",
        target="/v1/messages?beta=true",
        headers=(HeaderFact(name="anthropic-version", value="2023-06-01"), key, *headers),
        client_domain="localhost",
        scope="tenant",
        byte_count=len(sent),
        body=BodyReference(kind="part", key="0" * 32, digest="0" * 64) if sent else None,
    )


def _started(request: UUID, status: int, *, at: Any) -> ResponseStarted:
    return ResponseStarted(
        originator_id=request,
        originator_version=2,
        timestamp=at + timedelta(milliseconds=ANSWERED_MS),
        origin="upstream",
        status=status,
        headers=(HeaderFact(name="content-type", value="text/event-stream"),),
        elapsed_us=ANSWERED_MS * 1000,
    )


def _chunks(request: UUID, pieces: Sequence[bytes], *, at: Any) -> ChunkStreamed:
    return ChunkStreamed(
        originator_id=request,
        originator_version=3,
        timestamp=at + timedelta(seconds=1),
        offset=0,
        lengths=tuple(map(len, pieces)),
        arrivals_us=tuple((ANSWERED_MS + CHUNK_MS * place) * 1000 for place in range(len(pieces))),
    )
