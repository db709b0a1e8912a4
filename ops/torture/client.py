"""What does a client meet that asks one question? A bare HTTP/1.1 client that keeps every byte the kernel gave it.

It never asks twice: whatever fails is a failure. A connection is used again only when the one before ended well.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import time_ns
from uuid import UUID

from ops.checking.recordings import ClientSaw
from ops.torture.http_answer import AnswerReader, BrokenAnswerError
from ops.torture.script import answer_to, digest

DEADLINE_S = 90.0
"""Nobody waits longer than this, whatever is broken just now."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway listens."""

    host: str
    port: int


class _Link(asyncio.Protocol):
    """A connection: what comes is fed to the answer that is waited for."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.reader = AnswerReader()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._leaves_after: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes, leaves_after: int | None) -> asyncio.Future[str]:
        """Resolves to how it ended: "" well, else why not."""
        assert self.transport is not None
        self.reader, self._leaves_after = AnswerReader(), leaves_after
        self.ended = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.ended

    @property
    def usable(self) -> bool:
        return self.transport is not None and not self.transport.is_closing() and self.ended.done()

    def data_received(self, data: bytes) -> None:
        try:
            self.reader.feed(data)
        except BrokenAnswerError as broken:
            self._end(str(broken))
            return
        if self.reader.whole:
            self._end("more than the answer" if self.reader.excess else "")
        elif self._leaves_after is not None and len(self.reader.body) > self._leaves_after:
            self._end("left")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(type(exc).__name__ if exc else "closed early")
        self.transport = None

    def _end(self, how: str) -> None:
        if not self.ended.done():
            self.ended.set_result(how)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Client:
    """Asks one question after the other."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._link: _Link | None = None

    async def ask(self, body: bytes, leaves_after: int | None = None) -> tuple[ClientSaw, bytes]:
        """What was seen, and the bytes of the answer. ``leaves_after``: go away after so many bytes of it."""
        sent_ns, how = time_ns(), ""
        reader = AnswerReader()
        try:
            async with asyncio.timeout(DEADLINE_S):
                link = await self._connected()
                ended = link.ask(_request(self._place, body), leaves_after)
                reader = link.reader
                how = await ended
        except TimeoutError:
            how = f"nothing within {DEADLINE_S:g} s"
        except OSError as refused:
            how = f"not connected: {type(refused).__name__}"
        if how or reader.headers.get("connection", "").lower() == "close":
            self.close()
        return judged(body, reader, how, sent_ns), bytes(reader.body)

    async def _connected(self) -> _Link:
        if self._link is None or not self._link.usable:
            self.close()
            loop = asyncio.get_running_loop()
            _, self._link = await loop.create_connection(_Link, self._place.host, self._place.port)
        return self._link

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def judged(body: bytes, reader: AnswerReader, how: str, sent_ns: int) -> ClientSaw:
    """What came, beside what upstream's script says. ``how``: as the connection told it."""
    script, came = answer_to(body), bytes(reader.body)
    wanted = script.body
    matches = came == wanted if reader.whole else wanted.startswith(came)
    request_id = None
    with suppress(ValueError):
        request_id = UUID(reader.headers.get("x-nexus-request-id", ""))
    return ClientSaw(
        request_id=request_id,
        body_sha256=digest(body),
        body_bytes=len(body),
        status=reader.status,
        whole=reader.whole,
        gone=how == "left",
        failed="" if how == "left" else how,
        faithful=reader.status in {None, script.status} and matches,
        sent_ns=sent_ns,
        ended_ns=time_ns(),
    )


def _request(place: Place, body: bytes) -> bytes:
    head = (
        f"POST /v1/messages?beta=true HTTP/1.1\r\nhost: {place.host}:{place.port}\r\n"
        "content-type: application/json\r\nx-api-key: sk-ant-torture\r\nanthropic-version: 2023-06-01\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
