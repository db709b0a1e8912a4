"""How does a client send a request and hear the answer? HTTP, as it comes, without trying again."""

import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from aiohttp import ClientConnectorError, ClientError, ClientResponse, ClientSession, ClientTimeout

from ops.demo.blocks import Answered
from ops.demo.reading import Reading

_CONNECT_S, _SILENCE_S = 5.0, 90.0
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the library would add by itself."""

Ending = Literal["whole", "error", "broken", "lost", "unreached", "left"]
"""The answer came whole; an HTTP error came; an error event; the connection broke; there was none; we hung up."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"
    leaves_after: int | None = None
    """Hang up after so many deltas."""


@dataclass(slots=True)
class Heard:
    """What came back."""

    ending: Ending = "lost"
    status: int = 0
    """0: no head came."""
    headers: Mapping[str, str] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    received: bytearray = field(default_factory=bytearray)
    """The body, content-encoding and all."""

    @property
    def request_id(self) -> str | None:
        """Nexus's own; without Nexus in between, the upstream's."""
        return self.headers.get("x-nexus-request-id") or self.headers.get("request-id")

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")


class Client:
    """One program that talks to one base URL; it keeps its connections."""

    def __init__(self, session: ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def send(self, request: Request) -> Heard:
        heard = Heard()
        try:
            async with self._session.request(
                request.method,
                self._base_url + request.path,
                data=request.body or None,
                headers=dict(request.headers),
                skip_auto_headers=_AUTOMATIC,
                allow_redirects=False,
            ) as response:
                heard.status, heard.headers = response.status, response.headers
                heard.ending = await self._hear(response, heard, request.leaves_after)
        except ClientConnectorError:
            heard.ending = "unreached"
        except (ClientError, TimeoutError, ConnectionError):
            heard.ending = "lost"
        return heard

    async def _hear(self, response: ClientResponse, heard: Heard, leaves_after: int | None) -> Ending:
        async for data in response.content.iter_any():
            heard.received += data
            if heard.streamed:
                heard.reading.feed(data)
            if leaves_after is not None and heard.reading.deltas >= leaves_after:
                response.close()
                return "left"
        if heard.status >= 400:
            return "error"
        if heard.streamed:
            return _ending_of(heard.reading)
        _take_whole(heard)
        return "whole"


@asynccontextmanager
async def connected(base_url: str) -> AsyncIterator[Client]:
    timeout = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
    async with ClientSession(timeout=timeout, auto_decompress=False) as session:
        yield Client(session, base_url)


def _ending_of(reading: Reading) -> Ending:
    if reading.failed:
        return "broken"
    return "whole" if reading.whole or reading.stop_reason else "lost"


def _take_whole(heard: Heard) -> None:
    """An answer that was not streamed, if it is a message."""
    body = bytes(heard.received)
    if heard.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    if not body.startswith(b'{"type":"message"'):
        return
    answered = msgspec.json.decode(body, type=Answered)
    heard.reading.content = list(answered.content)
    heard.reading.usage, heard.reading.stop_reason, heard.reading.whole = answered.usage, answered.stop_reason, True
