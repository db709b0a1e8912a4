"""An upstream on loopback that says exactly the bytes it is told to, and breaks off in every way a network knows."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

Lines = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    target: bytes
    lines: Lines
    body: bytes
    connection: int
    """Number of the connection it came on, from 0."""
    head: bytes = b""
    """Every byte before the body."""
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.lines if key.lower() == name.lower()]


class Wire:
    """The upstream's end of one connection, for a script."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader, self.writer, self.number = reader, writer, number
        self.keep = True

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.say(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.say(b"0\r\n\r\n")

    def close(self) -> None:
        """A clean end of the connection."""
        self.keep = False
        self.writer.close()

    def reset(self) -> None:
        """An end that the other side sees as an error."""
        self.keep = False
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_closed(self) -> None:
        """Wait until the other side is gone."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.keep = False


Script = Callable[[Received, Wire], Awaitable[None]]


def head(status: bytes = b"200 OK", *lines: tuple[bytes, bytes]) -> bytes:
    return b"HTTP/1.1 %b\r\n%b\r\n" % (status, b"".join(b"%b: %b\r\n" % line for line in lines))


CHUNKED = (b"Transfer-Encoding", b"chunked")
EVENTS = (b"content-type", b"text/event-stream")


def fixed(body: bytes, status: bytes = b"200 OK", *lines: tuple[bytes, bytes]) -> Script:
    """An answer of known length."""

    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(status, (b"content-length", b"%d" % len(body)), *lines) + body)

    return script


def streamed(*chunks: bytes, lines: tuple[tuple[bytes, bytes], ...] = (EVENTS,)) -> Script:
    """A chunked answer, one write for each chunk."""

    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED, *lines))
        for data in chunks:
            await wire.chunk(data)
            await asyncio.sleep(0)
        await wire.end()

    return script


async def stalled(_: Received, wire: Wire) -> None:
    """A stream that stops after its first four bytes."""
    await wire.say(head(b"200 OK", CHUNKED))
    await wire.chunk(b"some")
    await wire.until_closed()


async def endless(received: Received, wire: Wire) -> None:
    """A stream that goes on as long as somebody reads it."""
    await wire.say(head(b"200 OK", CHUNKED))
    while True:
        await wire.chunk(received.target * 1000)


class Paced:
    """An upstream whose streams go on when the test says so."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, _: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED))
        await wire.chunk(b"first ")
        await self.go_on.wait()
        await wire.chunk(b"last")
        await wire.end()


@dataclass
class FakeUpstream:
    """Answers with ``script``; keeps what it received."""

    script: Script
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a connection opens or closes, or a request comes."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until(self, condition: Callable[["FakeUpstream"], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer, self.connections)
        self.connections += 1
        self.open += 1
        self.changed.set()
        try:
            while wire.keep and (received := await read_request(reader, wire.number)) is not None:
                self.requests.append(received)
                self.changed.set()
                await self.script(received, wire)
        finally:
            writer.close()
            self.open -= 1
            self.changed.set()


async def read_request(reader: asyncio.StreamReader, connection: int) -> Received | None:
    """None: the client has closed the connection."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request_line, *rest = raw[:-4].split(b"\r\n")
    method, target, _ = request_line.split(b" ")
    lines = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in rest)]
    trailers: Lines = []
    body = await read_body(reader, lines, trailers)
    return Received(method.decode(), target, lines, body, connection, raw, tuple(trailers))


async def read_body(reader: asyncio.StreamReader, lines: Lines, trailers: Lines) -> bytes:
    told = {name.lower(): value for name, value in lines}
    if told.get(b"transfer-encoding", b"").lower() == b"chunked":
        return b"".join([piece async for piece in read_chunks(reader, trailers)])
    return await reader.readexactly(int(told.get(b"content-length", b"0")))


async def read_chunks(reader: asyncio.StreamReader, trailers: Lines) -> AsyncIterator[bytes]:
    """``trailers``: is given the lines behind the last chunk."""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    while line := (await reader.readuntil(b"\r\n"))[:-2]:
        name, _, value = line.partition(b":")
        trailers.append((name, value.strip()))


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp_server(serve: Serve, ssl: SSLContext | None = None) -> AsyncIterator[int]:
    """Serves on a free port, which is given; at the end every connection is torn down."""
    connections = dict[asyncio.Task[None], asyncio.StreamWriter]()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0, limit=1 << 20, ssl=ssl)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in connections.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def fake_upstream(script: Script, ssl: SSLContext | None = None) -> AsyncIterator[FakeUpstream]:
    fake = FakeUpstream(script)
    async with tcp_server(fake.serve, ssl) as port:
        fake.port = port
        yield fake
