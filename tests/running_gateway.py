"""A gateway worker in this process, on free ports, with its journal at hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.admission import Access
from gateway.app import serve
from gateway.config import GatewayConfig
from gateway.frames import SEGMENT_HEADER_BYTES, Frame, Kind, decode_piece, read_frames
from gateway.records import EndRecord, ForwardedRecord, RequestRecord, ResponseRecord
from tests.fake_upstream import FakeUpstream, Script, fake_upstream
from tests.managed import no_access
from tests.waiting import until
from tests.wire_client import WireClient, wire_client

FINGERPRINT_KEY = b"f" * 32


@dataclass
class Recorded:
    """What the journal says of one exchange."""

    request_id: str
    request: RequestRecord | None = None
    body: bytes = b""
    forwarded: ForwardedRecord | None = None
    response: ResponseRecord | None = None
    chunks: list[bytes] = field(default_factory=list)
    end: EndRecord | None = None
    kinds: list[Kind] = field(default_factory=list)

    @property
    def answer(self) -> bytes:
        return b"".join(self.chunks)

    def take(self, frame: Frame) -> None:
        self.kinds.append(frame.kind)
        match frame.kind:
            case Kind.REQUEST:
                self.request = msgspec.json.decode(frame.payload, type=RequestRecord)
            case Kind.REQUEST_BODY:
                offset, data = decode_piece(frame.payload)
                assert offset == len(self.body)
                self.body += data
            case Kind.FORWARDED:
                self.forwarded = msgspec.json.decode(frame.payload, type=ForwardedRecord)
            case Kind.RESPONSE:
                self.response = msgspec.json.decode(frame.payload, type=ResponseRecord)
            case Kind.CHUNK:
                offset, data = decode_piece(frame.payload)
                assert offset == len(self.answer)
                self.chunks.append(data)
            case Kind.END:
                assert self.end is None, "one end"
                self.end = msgspec.json.decode(frame.payload, type=EndRecord)
            case _:
                pass


def frames_in(root: Path) -> list[Frame]:
    """Good frames of all journals under ``root``."""
    frames = []
    for path in sorted(root.glob("*/*.seg")):
        found = read_frames(path.read_bytes(), SEGMENT_HEADER_BYTES, complete=True)
        frames += [one for _, one in found if isinstance(one, Frame)]
    return frames


def recorded_in(root: Path) -> dict[str, Recorded]:
    """By request id, oldest first."""
    exchanges: dict[str, Recorded] = {}
    for frame in frames_in(root):
        if frame.kind is not Kind.TICK:
            request_id = str(frame.exchange)
            exchanges.setdefault(request_id, Recorded(request_id)).take(frame)
    return exchanges


@dataclass
class RunningGateway:
    """The worker, and what belongs to it."""

    root: Path
    stop: asyncio.Event
    abort: asyncio.Event
    addresses: Sequence[tuple[str, int]]
    retire: asyncio.Event
    ended: Callable[[], bool]

    @property
    def port(self) -> int:
        return self.addresses[0][1]

    def recorded(self) -> list[Recorded]:
        return list(recorded_in(self.root).values())

    async def last(self) -> Recorded:
        """The newest exchange, once it has ended."""
        await until(lambda: self.recorded() and self.recorded()[-1].end is not None, "the end of the exchange")
        return self.recorded()[-1]

    async def metric(self, name: str) -> float:
        """A sample of ``/metrics`` of this worker, labels and all but ``part``."""
        async with wire_client(self.port) as client:
            page = (await client.request("GET", b"/metrics")).body.decode()
        page = page.replace('{part="gateway"}', "").replace('part="gateway",', "").replace(',part="gateway"', "")
        (line,) = [line for line in page.splitlines() if line.startswith(name + " ")]
        return float(line.split()[-1])

    @asynccontextmanager
    async def client(self) -> AsyncIterator[WireClient]:
        async with wire_client(self.port) as client:
            yield client


@asynccontextmanager
async def running_gateway(
    root: Path, upstream_url: str, access: Access | None = None, **settings: Any
) -> AsyncIterator[RunningGateway]:
    """``access``: None: it has no keys and no credentials, and passes everybody through."""
    config = GatewayConfig(
        journal_root=root,
        fingerprint_key=FINGERPRINT_KEY,
        upstream_url=upstream_url,
        **{"port": 0, "drain_s": 5.0, **settings},
    )
    stop, abort, retire = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ready: asyncio.Future[Sequence[tuple[str, int]]] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(
            serve(config, access or no_access(), stop=stop, abort=abort, retire=retire, ready=ready.set_result)
        )
        either: set[asyncio.Future[Any]] = {serving, ready}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            ready.cancel()
            await serving
        try:
            yield RunningGateway(root, stop, abort, ready.result(), retire, serving.done)
        finally:
            stop.set()
            abort.set()


@asynccontextmanager
async def gateway_before(
    script: Script, root: Path, access: Access | None = None, **settings: Any
) -> AsyncIterator[tuple[FakeUpstream, RunningGateway]]:
    """A fake upstream with a gateway before it."""
    async with fake_upstream(script) as fake, running_gateway(root, fake.url, access, **settings) as gateway:
        yield fake, gateway
