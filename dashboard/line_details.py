"""What was recorded of the exchanges of a line of talk? As ``details`` of each, but what they share is read once.

Many exchanges are asked for together, and bodies part by part (``dashboard/shared_bodies.py``). A body's text as it was
sent is not put together again: whoever needs that asks for the one exchange.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from dashboard.details import RequestDetails, details_of, details_told
from dashboard.recordings import Recordings, Stream
from dashboard.shared_bodies import SharedBodies
from domain.errors import PayloadMissingError
from domain.ports import Payloads
from projections.exchanges import header
from schemas.anthropic.stream import JsonObject
from schemas.read_api import RequestItem
from schemas.stored.events import BodyReference, RequestReceived

_PLAIN = frozenset({"", "identity"})


class LineDetails:
    """Reads one line of talk, some exchanges at a time."""

    def __init__(self, recordings: Recordings, payloads: Payloads, salt: str) -> None:
        """``salt``: see ``SharedBodies``."""
        self._recordings, self._payloads = recordings, payloads
        self._bodies = SharedBodies(payloads, salt)

    async def read(self, request_ids: Sequence[UUID], items: Mapping[UUID, RequestItem]) -> list[RequestDetails | None]:
        """In the order of the ids; None: nothing is recorded. ``items``: their rows in the list."""
        streams = await self._recordings.streams(request_ids)
        told = await self._bodies.read({one: of for one, stream in streams.items() if (of := _reference(stream))})
        answers = await self._payloads.answers(request_ids)
        found = list[RequestDetails | None]()
        for one in request_ids:
            stream = streams.get(one)
            if stream is None:
                found.append(None)
                continue
            answer: bytes | None = answers.get(one, b"")
            if len(answer or b"") < stream.answer_bytes:
                answer = None
            found.append(await self._made(stream, items.get(one), told.get(one), answer))
        return found

    async def _made(
        self, stream: Stream, item: RequestItem | None, told: JsonObject | None, answer: bytes | None
    ) -> RequestDetails:
        if told is not None:
            return await asyncio.to_thread(details_told, stream, item, told, answer)
        try:
            body: bytes | None = await self._recordings.body_of(stream)
        except PayloadMissingError:
            body = None
        return await asyncio.to_thread(details_of, stream, item, body, answer)


def _reference(stream: Stream) -> tuple[str, BodyReference] | None:
    """None: there is no body, or its text is not what was sent."""
    received: RequestReceived | None = stream.received
    if received is None or received.body is None:
        return None
    encoding = header(received.headers, "content-encoding").strip().lower()
    return (received.scope, received.body) if encoding in _PLAIN else None
