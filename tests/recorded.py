"""Exchanges as stored events: what a gateway and a shipper make of captured or invented traffic."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.identity import identity_in, scope_of
from domain.ids import RequestIds
from domain.parts import CutBody, cut
from domain.ports import ChunkRun, ScopedBody, ShipStore
from domain.recutting import Memory
from domain.redaction import header_fact
from schemas.stored.events import (
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)
from tests.captures import Captured
from tests.shipping import TestJournal

FINGERPRINT_KEY = b"fingerprint key".ljust(32)
CUT_SHORT = {"drop_mid", "stall", "client_gone"}
BY_CLIENT = {"client_gone"}
NOT_KEPT = "not_kept"
"""The rest of the answer came, and could not be recorded."""


@dataclass(frozen=True)
class RecordedExchange:
    """The events of one exchange with their payload, ready to be appended."""

    request_id: UUID
    events: tuple[ExchangeEvent, ...]
    body: ScopedBody | None
    run: ChunkRun | None


def request_ids(captured: Sequence[Captured]) -> dict[int, UUID]:
    """UUIDv7 ids in the order of reception, by number."""
    ids = RequestIds()
    return {one.n: ids.new(int(one.at.timestamp() * 1000), one.n) for one in sorted(captured, key=lambda one: one.at)}


def headers_of(one: Captured) -> tuple[HeaderFact, ...]:
    return tuple(HeaderFact(**header_fact(name, value, FINGERPRINT_KEY)._asdict()) for name, value in one.headers)


async def recorded(one: Captured, request_id: UUID, store: ShipStore, memory: Memory | None = None) -> RecordedExchange:
    """``store`` gives the scope's key; ``memory``: of the bodies before."""
    identity = identity_in(one.body)
    headers = headers_of(one)
    scope = scope_of(None, identity, headers)
    body = cut(one.body, await store.scope_key(scope), memory) if one.body else None
    events: list[ExchangeEvent] = [_received(one, request_id, headers, scope, body)]
    if one.status:
        events.append(_started(one, request_id))
    run = ChunkRun(request_id, 0, one.answer) if one.answer else None
    if run is not None:
        events.append(_streamed(one, request_id))
    if one.fault == NOT_KEPT:
        events.append(_gap(one, request_id, version=len(events) + 1))
    events.append(_ended(one, request_id, version=len(events) + 1))
    return RecordedExchange(request_id, tuple(events), ScopedBody(scope, body) if body else None, run)


def _received(
    one: Captured, request_id: UUID, headers: tuple[HeaderFact, ...], scope: str, body: CutBody | None
) -> RequestReceived:
    return RequestReceived(
        originator_id=request_id,
        originator_version=1,
        timestamp=one.at,
        journal_id=UUID(int=1),
        journal_us=0,
        mode="pass_through",
        method="POST",
        target=one.path,
        headers=headers,
        client_domain="localhost",
        scope=scope,
        byte_count=len(one.body),
        body=body.reference if body else None,
    )


def _started(one: Captured, request_id: UUID) -> ResponseStarted:
    return ResponseStarted(
        originator_id=request_id,
        originator_version=2,
        timestamp=_after(one, 10),
        origin="upstream",
        status=one.status,
        headers=(HeaderFact(name="content-type", value=one.content_type),),
        upstream_request_id=f"req_{one.n}",
        elapsed_us=10_000,
    )


def _streamed(one: Captured, request_id: UUID) -> ChunkStreamed:
    return ChunkStreamed(
        originator_id=request_id,
        originator_version=3,
        timestamp=_after(one, 11),
        offset=0,
        lengths=(len(one.answer),),
        arrivals_us=(11_000,),
    )


def _gap(one: Captured, request_id: UUID, version: int) -> RecordingGap:
    return RecordingGap(
        originator_id=request_id,
        originator_version=version,
        timestamp=_after(one, 12),
        part="response",
        reason="disk_full",
        offset=len(one.answer),
        byte_count=1000,
    )


def _ended(one: Captured, request_id: UUID, version: int) -> ResponseCompleted | ResponseAborted:
    if not one.status or one.fault in CUT_SHORT:
        return ResponseAborted(
            originator_id=request_id,
            originator_version=version,
            timestamp=_after(one, _duration_us(one) // 1000),
            ended_by="client" if one.fault in BY_CLIENT else "upstream",
            byte_count=len(one.answer),
            delivered=len(one.answer),
            elapsed_us=_duration_us(one),
        )
    return ResponseCompleted(
        originator_id=request_id,
        originator_version=version,
        timestamp=_after(one, _duration_us(one) // 1000),
        byte_count=len(one.answer),
        sha256=hashlib.sha256(one.answer).hexdigest(),
        elapsed_us=_duration_us(one),
    )


def _duration_us(one: Captured) -> int:
    return 20_000 if one.ended is None else (one.ended - one.at) // timedelta(microseconds=1)


def _after(one: Captured, milliseconds: int) -> datetime:
    return one.at + timedelta(milliseconds=milliseconds)


async def append_all(store: ShipStore, exchanges: Sequence[RecordedExchange], order: Sequence[UUID] = ()) -> None:
    """Append event by event: each id in ``order`` brings its exchange's next event; then whatever is left."""
    journal = await TestJournal.opened(store)
    left = {one.request_id: list(one.events) for one in exchanges}
    whole = {one.request_id: one for one in exchanges}
    for request_id in [*order, *(one for one, events in left.items() for _ in events)]:
        if left[request_id]:
            await _append(store, journal, whole[request_id], left[request_id].pop(0))


async def _append(store: ShipStore, journal: TestJournal, exchange: RecordedExchange, event: ExchangeEvent) -> None:
    first = isinstance(event, RequestReceived) and exchange.body is not None
    bodies = [(exchange.body.scope, exchange.body.body)] if first and exchange.body else []
    runs = [exchange.run] if exchange.run and isinstance(event, ChunkStreamed) else []
    await journal.ship(store, [event], bodies, runs)
