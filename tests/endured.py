"""Load for long fault tests whose answers can be known beforehand, and what must have become of it in the store."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from domain.ports import ShipStore
from gateway.journal_reader import journals_in
from gateway.shipper import ShipperConfig, ShipperState, run
from schemas.stored.events import TERMINAL, ExchangeEvent, RecordingGap, RequestReceived, ResponseCompleted
from tests.fake_store import FakeStore
from tests.fake_upstream import CHUNKED, Received, Script, Wire, head
from tests.waiting import until
from tests.wire_client import Answer, WireClient, request_bytes, wire_client


def chunks_for(body: bytes, most: int = 16) -> list[bytes]:
    """What upstream answers to a body."""
    rng = random.Random(hashlib.sha256(body).digest())
    return [rng.randbytes(rng.choice([9, 135, 800, 5000])) for _ in range(rng.randint(1, most))]


def answer_to(body: bytes, most: int = 16) -> bytes:
    return b"".join(chunks_for(body, most))


def answering(saw: Callable[[bytes], None], most: int = 16) -> Script:
    """``saw``: told each request's body as soon as upstream has it."""

    async def script(received: Received, wire: Wire) -> None:
        saw(received.body)
        await wire.say(head(b"200 OK", CHUNKED))
        for data in chunks_for(received.body, most):
            await wire.chunk(data)
            await asyncio.sleep(0)
        await wire.end()

    return script


@dataclass
class Load:
    """Clients that ask one question after the other."""

    port: int
    answers: dict[bytes, Answer] = field(default_factory=dict)
    """By the body that was sent; also what came of an answer that is not whole yet."""

    async def run(self, bodies: Iterable[bytes], then: Callable[[], None] = lambda: None) -> None:
        """``then``: called behind each whole answer."""
        async with wire_client(self.port) as client:
            for body in bodies:
                await self._ask(client, body)
                then()

    async def _ask(self, client: WireClient, body: bytes) -> None:
        await client.send(request_bytes("POST", b"/v1/messages", body=body))
        answer = self.answers[body] = await client.head()
        async with asyncio.timeout(60):
            await client.body(answer)

    @property
    def whole(self) -> set[bytes]:
        return {body for body, answer in self.answers.items() if answer.complete}


async def ship_all(root: Path, store: ShipStore, state: ShipperState | None = None) -> None:
    """Ship the journals under ``root``, all of dead writers, until none is left."""
    quick = ShipperConfig(root, poll_s=0.001, scan_s=0.002)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(quick, store, stop, state=state))
        await until(lambda: not journals_in(root), "every journal to be shipped")
        stop.set()


@dataclass
class Kept:
    """What the store has of one exchange."""

    events: list[ExchangeEvent]
    body: bytes
    runs: dict[int, bytes]
    """Bytes of the answer by offset."""

    @property
    def answer(self) -> bytes:
        """The bytes that were kept, without what is missing in between."""
        return b"".join(data for _, data in sorted(self.runs.items()))

    @property
    def is_whole(self) -> bool:
        end = self.events[-1]
        return isinstance(end, ResponseCompleted) and not self.gaps and end.byte_count == len(self.answer)

    @property
    def gaps(self) -> list[RecordingGap]:
        return [event for event in self.events if isinstance(event, RecordingGap)]

    def check_exact(self, answer: bytes) -> None:
        """Every byte of the answer is kept where it belongs or in a gap, and in one place only."""
        spans = [(offset, offset + len(data)) for offset, data in self.runs.items()]
        spans += [(gap.offset, gap.offset + gap.byte_count) for gap in self.gaps if gap.part == "response"]
        at = 0
        for start, end in sorted(span for span in spans if span[0] < span[1]):
            assert start == at, f"bytes {at} to {start}"
            at = end
        assert at == len(answer)
        assert all(answer[offset : offset + len(data)] == data for offset, data in self.runs.items())

    def check_order(self) -> None:
        """Numbered without a hole, and exactly one end, the last."""
        assert [event.originator_version for event in self.events] == list(range(1, len(self.events) + 1))
        ends = [isinstance(event, TERMINAL) for event in self.events]
        assert ends == [False] * (len(ends) - 1) + [True]


def kept_in(store: FakeStore) -> dict[UUID, Kept]:
    """Every exchange of the store."""
    streams: dict[UUID, list[ExchangeEvent]] = {}
    for event in store.events:
        streams.setdefault(event.originator_id, []).append(event)
    runs: dict[UUID, dict[int, bytes]] = {one: {} for one in streams}
    for (one, offset), data in store.chunks.items():
        runs[one][offset] = data
    return {one: Kept(events, _body(store, events), runs[one]) for one, events in streams.items()}


def by_body(kept: Iterable[Kept]) -> dict[bytes, Kept]:
    return {one.body: one for one in kept if one.body}


def _body(store: FakeStore, events: list[ExchangeEvent]) -> bytes:
    first = events[0]
    if not isinstance(first, RequestReceived) or first.body is None:
        return b""
    return store.body(first.scope, first.body)
