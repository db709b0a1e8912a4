"""What does the store have of each exchange? Events and chunks side by side, exchange by exchange, in pages."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from uuid import UUID

from ops.checking.answers import AnswerReading
from ops.checking.bodies import Bodies
from ops.checking.invariants import Event, Stream
from ops.checking.stored_format import BrokenError, content_of
from ops.db.checking_queries import Row

PAGE_STREAMS, PAGE_BYTES = 200, 32 << 20
T = TypeVar("T")
NewAnswer = Callable[[UUID], AnswerReading]


@dataclass(frozen=True, slots=True)
class Stored:
    """One exchange as it is stored."""

    stream: Stream
    answer: AnswerReading

    @property
    def body_bytes(self) -> int:
        received = self.stream.received
        return received.byte_count if received else 0


class _Ahead(Generic[T]):
    """An iterator whose next item can be looked at."""

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self.next: T | None = None

    async def step(self) -> T | None:
        """Give the item that was next, and look at the one behind it."""
        given, self.next = self.next, await anext(self._items, None)
        return given


async def stored_exchanges(
    events: AsyncIterator[Row], chunks: AsyncIterator[Row], open_in: Mapping[UUID, UUID], new_answer: NewAnswer
) -> AsyncIterator[Stored]:
    """Both in the order of ids. Request bodies are still missing."""
    event, chunk = _Ahead(events), _Ahead(chunks)
    await event.step()
    await chunk.step()
    while event.next is not None or chunk.next is not None:
        one = min(row["id"] for row in (event.next, chunk.next) if row is not None)
        stream = [_event(row) async for row in _while(event, one)]
        answer = new_answer(one)
        async for row in _while(chunk, one):
            answer.take(row["offset"], row["codec"], row["raw_length"], row["data"])
        yield Stored(Stream(one, tuple(stream), tuple(answer.chunks), answer.sha256, None, open_in.get(one)), answer)


async def in_pages(found: AsyncIterator[Stored], bodies: Bodies) -> AsyncIterator[Sequence[Stored]]:
    """With their request bodies."""
    page: list[Stored] = []
    size = 0
    async for one in found:
        page.append(one)
        size += one.body_bytes
        if len(page) >= PAGE_STREAMS or size >= PAGE_BYTES:
            yield await _with_bodies(page, bodies)
            page, size = [], 0
    yield await _with_bodies(page, bodies)


async def _with_bodies(page: Sequence[Stored], bodies: Bodies) -> Sequence[Stored]:
    requests = {one.stream.request_id: one.stream.received for one in page}
    found = await bodies.join({one: received for one, received in requests.items() if received is not None})
    return [replace(one, stream=replace(one.stream, body=found.get(one.stream.request_id))) for one in page]


async def _while(ahead: "_Ahead[Row]", one: UUID) -> AsyncIterator[Row]:
    while ahead.next is not None and ahead.next["id"] == one:
        row = await ahead.step()
        assert row is not None
        yield row


def _event(row: Row) -> Event:
    try:
        content = content_of(row["topic"], row["state"])
    except BrokenError as error:
        return Event(row["originator_version"], row["notification_id"], str(error))
    return Event(row["originator_version"], row["notification_id"], content)
