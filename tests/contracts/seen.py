"""What do the two ends of a wire see of one exchange? Every byte that means something, without a wire between or with.

Header lines are kept as they stand on the wire: order, case, duplicates, and white space around a value.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from gateway.admission import Access
from tests.fake_upstream import FakeUpstream, Received, Script, fake_upstream
from tests.running_gateway import Recorded, gateway_before
from tests.wire_client import Answer, WireClient, wire_client

RawLines = tuple[tuple[bytes, bytes], ...]
"""(name, everything behind the colon)."""
AN_ID = b" 00000000-0000-7000-8000-000000000000"
"""In the place of any request id of Nexus, once it has been compared with the recorded one."""


@dataclass(frozen=True)
class Asked:
    """A request, as it was sent or as upstream heard it."""

    method: bytes
    target: bytes
    version: bytes
    lines: RawLines
    body: bytes
    trailers: RawLines = ()


@dataclass(frozen=True)
class Shown:
    """An answer, as the client saw it."""

    status_line: bytes
    lines: RawLines
    body: bytes
    end: str
    """How it ended: complete, closed too early, or reset."""
    chunks: tuple[bytes, ...] = ()
    """Where one write upstream holds the whole answer: the chunks of its body."""
    trailers: RawLines = ()
    interim: tuple[tuple[bytes, RawLines], ...] = ()
    """Heads before the last: status line and lines."""


@dataclass(frozen=True)
class Seen:
    """What the two ends saw of one exchange."""

    heard: tuple[Asked, ...]
    """By upstream."""
    shown: Shown


@dataclass(frozen=True)
class Case:
    """An exchange: what upstream says, and what the client sends."""

    script: Script
    sent: bytes
    head_only: bool = False
    in_one_write: bool = False
    """Upstream's whole answer leaves at once, so that the borders of its chunks are no accident."""


def start_and_lines(head: bytes) -> tuple[bytes, RawLines]:
    start, *rest = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return start, tuple((name, value) for name, _, value in (line.partition(b":") for line in rest))


def heard(received: Received) -> Asked:
    start, lines = start_and_lines(received.head)
    method, target, version = start.split(b" ")
    return Asked(method, target, version, lines, received.body, received.trailers)


async def talk(port: int, case: Case) -> Shown:
    """Send the case's request, read all of the answer."""
    async with wire_client(port) as client:
        await client.send(case.sent)
        return await listen(client, case)


async def listen(client: WireClient, case: Case) -> Shown:
    interim = []
    while (answer := await client.head()).status < 200 and answer.status != 101:
        interim.append(start_and_lines(answer.raw_head))
    await client.body(answer, head_only=case.head_only)
    return shown(answer, tuple(interim), in_one_write=case.in_one_write)


def shown(answer: Answer, interim: Iterable[tuple[bytes, RawLines]] = (), *, in_one_write: bool = False) -> Shown:
    end = "complete" if answer.complete else "reset" if answer.is_reset else "closed"
    status_line, lines = start_and_lines(answer.raw_head)
    chunks = tuple(answer.chunks) if in_one_write else ()
    return Shown(status_line, lines, answer.body, end, chunks, tuple(answer.trailers), tuple(interim))


@dataclass
class Through:
    """An exchange through the gateway, and what was recorded of it."""

    seen: Seen
    authority: bytes
    """Of the upstream behind the gateway."""
    recorded: list[Recorded] = field(default_factory=list)


Talk = Callable[[int], Awaitable[Shown]]


async def directly(case: Case) -> Seen:
    async with fake_upstream(case.script) as fake:
        return Seen(shown=await talk(fake.port, case), heard=all_heard(fake))


async def through_the_gateway(case: Case, root: Path, access: Access | None = None) -> Through:
    """``access``: None: in pass-through."""
    async with gateway_before(case.script, root, access) as (fake, gateway):
        answer = await talk(gateway.port, case)
        recorded = gateway.recorded()
        return Through(Seen(all_heard(fake), with_known_id(answer, recorded)), authority(fake), recorded)


def all_heard(fake: FakeUpstream) -> tuple[Asked, ...]:
    return tuple(heard(one) for one in fake.requests)


def authority(fake: FakeUpstream) -> bytes:
    return fake.url.removeprefix("http://").encode()


def with_known_id(answer: Shown, recorded: list[Recorded]) -> Shown:
    """The last line must be the id of what was recorded, or of nothing if nothing was; then any id is like another."""
    *lines, (name, value) = answer.lines
    assert name == b"x-nexus-request-id"
    known = {one.request_id for one in recorded} or {str(UUID(value.decode().strip()))}
    assert value.decode().strip() in known
    return Shown(**{**vars(answer), "lines": (*lines, (name, AN_ID))})
