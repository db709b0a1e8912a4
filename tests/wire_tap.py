"""A tap in the wire: passes TCP through, byte for byte, and reads the HTTP/1.1 that went by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h11

_READ_BYTES = 65536


@dataclass(frozen=True)
class TappedExchange:
    """One request as the client sent it, and its answer as the client got it (transfer-decoded)."""

    method: str
    target: str
    request_headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    response_headers: tuple[tuple[str, str], ...]
    answer: bytes


@dataclass
class WireTap:
    """Between a client and ``port``."""

    forward_to: int
    port: int = 0
    connections: list[tuple[bytearray, bytearray]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def exchanges(self) -> list[TappedExchange]:
        """All that went by, connection by connection."""
        return [one for up, down in self.connections for one in _exchanges(bytes(up), bytes(down))]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = bytearray(), bytearray()
        self.connections.append((up, down))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.forward_to)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, far_writer, up))
            tasks.create_task(_pump(far_reader, writer, down))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_READ_BYTES):
            seen += data
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError):
        writer.close()


@asynccontextmanager
async def wire_tap(forward_to: int) -> AsyncIterator[WireTap]:
    tap = WireTap(forward_to)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    async with server:
        yield tap


def _exchanges(up: bytes, down: bytes) -> list[TappedExchange]:
    requests, answers = _messages(h11.Connection(h11.SERVER), up), list[tuple[h11.Response, bytes]]()
    client = h11.Connection(h11.CLIENT)
    client.receive_data(down)
    for request, _ in requests:
        assert isinstance(request, h11.Request)
        client.send(h11.Request(method=request.method, target=request.target, headers=[("host", "x")]))
        client.send(h11.EndOfMessage())
        answers.append(_answer(client))
        if client.our_state is h11.DONE and client.their_state is h11.DONE:
            client.start_next_cycle()
    return [_exchange(request, body, *answer) for (request, body), answer in zip(requests, answers, strict=True)]


def _messages(connection: h11.Connection, data: bytes) -> list[tuple[h11.Request, bytes]]:
    connection.receive_data(data)
    out, request, body = list[tuple[h11.Request, bytes]](), None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return out
        match event:
            case h11.Request():
                request, body = event, b""
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage():
                assert request is not None
                out.append((request, body))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
            case _:
                return out


def _answer(connection: h11.Connection) -> tuple[h11.Response, bytes]:
    response, body = None, b""
    while True:
        event = connection.next_event()
        match event:
            case h11.Response():
                response = event
            case h11.Data():
                body += bytes(event.data)
            case h11.InformationalResponse():
                continue
            case _:
                assert response is not None, "an answer went by"
                return response, body


def _exchange(request: h11.Request, body: bytes, response: h11.Response, answer: bytes) -> TappedExchange:
    return TappedExchange(
        request.method.decode(),
        request.target.decode("latin-1"),
        _pairs(request.headers),
        body,
        response.status_code,
        _pairs(response.headers),
        answer,
    )


def _pairs(headers: h11._headers.Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw_items())
