"""A generated week of two accounts against a server that keeps windows, and what its headers said of them.

The server's clock is three minutes ahead. Its windows begin with the first request after the last one's end. Account
``acme`` is warned, gets full and goes on beyond its plan from Thursday on; no headers come for most of Tuesday, and
none for the last seven hours. Account ``zoo`` has a key, a window for a model alone, and a day without any request.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from domain.ids import RequestIds
from domain.ports import ChunkRun
from schemas.stored.events import (
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RequestReceived,
    ResponseCompleted,
    ResponseStarted,
)

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
SUNDAY = MONDAY + timedelta(days=7)
"""The end of the week: now."""
AHEAD = timedelta(minutes=3)
LENGTHS = {"5h": timedelta(hours=5), "7d": timedelta(days=7), "7d_oi": timedelta(days=7)}
CAPACITIES = {"5h": 45_000, "7d": 700_000, "7d_oi": 400_000}
BARE = {"acme": ((28, 46), (161, 168)), "zoo": ()}
"""Hours of the week whose answers have no such headers."""
OVERAGE_FROM_H = 72
UNIFIED = "anthropic-ratelimit-unified-"


@dataclass(frozen=True)
class Asked:
    """One request with its answer."""

    account: str
    request_id: UUID
    received_at: datetime
    seen_at: datetime
    """When the answer's head came, on our clock."""
    tokens: int
    headers: tuple[tuple[str, str], ...]


@dataclass
class Server:
    """Upstream, for one account."""

    names: Sequence[str]
    used: dict[str, int] = field(default_factory=dict)
    resets: dict[str, datetime] = field(default_factory=dict)

    def use(self, now: datetime, tokens: int) -> None:
        """On its own clock."""
        for name in self.names:
            if now >= self.resets.get(name, now):
                self.used[name] = 0
                self.resets[name] = now.replace(second=0, microsecond=0) + LENGTHS[name]
            self.used[name] += tokens

    def headers(self, *, overage: bool) -> tuple[tuple[str, str], ...]:
        lines = [(f"{UNIFIED}status", "allowed"), (f"{UNIFIED}representative-claim", "five_hour")]
        for name in self.names:
            share = self.used[name] / CAPACITIES[name]
            status = "allowed" if share < 0.8 else "allowed_warning" if share < 1 else "rejected"
            shown = share if overage else min(1.0, share)
            reset = str(int(self.resets[name].timestamp()))
            lines += [(f"{UNIFIED}{name}-status", status), (f"{UNIFIED}{name}-utilization", f"{shown:.2f}")]
            lines += [(f"{UNIFIED}{name}-reset", reset)]
            lines += [(f"{UNIFIED}{name}-surpassed-threshold", "0.8")] if share >= 0.8 else []
        if overage:
            lines += [(f"{UNIFIED}overage-status", "allowed"), (f"{UNIFIED}overage-in-use", "true")]
        return tuple(lines)


def week(seed: int) -> list[Asked]:
    """In the order of reception."""
    random, ids = Random(seed), RequestIds()
    found = list[Asked]()
    for account, names in (("acme", ("5h", "7d")), ("zoo", ("5h", "7d", "7d_oi"))):
        server = Server(names)
        for moment in _moments(account, random):
            tokens = random.randrange(200, 6000)
            hour = (moment - MONDAY) / timedelta(hours=1)
            server.use(moment + AHEAD, tokens)
            bare = any(start <= hour < end for start, end in BARE[account])
            overage = account == "acme" and hour >= OVERAGE_FROM_H
            took = timedelta(milliseconds=random.choice((300, 900, 4_000, 60_000, 400_000)))
            found.append(
                Asked(
                    account=account,
                    request_id=ids.new(int(moment.timestamp() * 1000), random.getrandbits(70)),
                    received_at=moment,
                    seen_at=moment + took,
                    tokens=tokens,
                    headers=() if bare else server.headers(overage=overage),
                )
            )
    return sorted(found, key=lambda one: (one.received_at, one.request_id))


def _moments(account: str, random: Random) -> list[datetime]:
    """Busy hours, some seconds apart, some minutes."""
    found, hours = list[datetime](), 0.0
    while hours < 167.5:
        pause = random.random() < 0.1
        hours += random.uniform(2, 6) if pause else random.choice((0.005, 0.02, 0.04, 0.1, 0.3))
        is_off = account == "zoo" and 48 <= hours < 72
        if not is_off and hours < 167.5:
            found.append(MONDAY + timedelta(milliseconds=round(hours * 3_600_000)))
    return found


def events_of(one: Asked) -> tuple[list[ExchangeEvent], ChunkRun]:
    """As a gateway records it; the answer tells its usage."""
    usage = {"input_tokens": one.tokens - 1, "output_tokens": 1}
    said = {"type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    answer = json.dumps(said).encode()
    elapsed_us = (one.seen_at - one.received_at) // timedelta(microseconds=1)
    lines = (("content-type", "application/json"), *one.headers)
    place = {"originator_id": one.request_id, "timestamp": one.received_at}
    request = RequestReceived.model_validate(
        {
            **place,
            "originator_version": 1,
            "journal_id": UUID(int=1),
            "journal_us": 0,
            "mode": "managed" if one.account == "zoo" else "pass_through",
            "method": "POST",
            "target": "/v1/messages",
            "headers": (),
            "client_domain": f"{one.account}.example",
            "scope": one.account if one.account == "acme" else "elsewhere",
            "account": None if one.account == "acme" else one.account,
            "byte_count": 0,
            "body": None,
        }
    )
    response = ResponseStarted.model_validate(
        {
            **place,
            "originator_version": 2,
            "origin": "upstream",
            "status": 200,
            "headers": [HeaderFact(name=name, value=value) for name, value in lines],
            "elapsed_us": elapsed_us,
        }
    )
    chunks = ChunkStreamed.model_validate(
        {**place, "originator_version": 3, "offset": 0, "lengths": (len(answer),), "arrivals_us": (elapsed_us,)}
    )
    end = ResponseCompleted.model_validate(
        {
            **place,
            "originator_version": 4,
            "byte_count": len(answer),
            "sha256": "0" * 64,
            "elapsed_us": elapsed_us,
        }
    )
    return [request, response, chunks, end], ChunkRun(one.request_id, 0, answer)
