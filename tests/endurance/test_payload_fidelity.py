"""Whatever bytes a client or upstream sends: stored and given back the same, and no projection fails over them.

Seeded bodies of every hostile kind, each both as a request body and as an answer.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from domain.parts import cut
from domain.ports import ChunkRun
from ops.db.event_store import PostgresShipStore
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.stored.events import ExchangeEvent, HeaderFact, RequestReceived, ResponseStarted
from tests.bar import Figure
from tests.projected import Store
from tests.requirements import scaled
from tests.shipping import AT, TestJournal, completed, new_request_id, received, streamed

SCOPE = "tenant"
SEED = 20_261_127
A_BATCH = 50
RUN_BYTES = 64 * 1024
MIB = 1024 * 1024
TALK = b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"%s"}]}],"tools":[{"name":"t"}]}'
Made = Callable[[Random], bytes]


def _bytes(random: Random) -> bytes:
    return random.randbytes(random.choice((0, 1, 2, 63, 64, 65, 1000, 70_000)))


def _said(*pieces: bytes) -> Made:
    """A talk with one of these, more than once, somewhere in its text."""

    def make(random: Random) -> bytes:
        words = [b"words", *[random.choice(pieces) for _ in range(random.randint(1, 40))]]
        return TALK % b" ".join(random.sample(words, len(words)))

    return make


def _twice(random: Random) -> bytes:
    names = [b'"messages"', b'"model"', b'"tools"', b'"content"', b'""']
    members = [b"%s:%s" % (random.choice(names), random.choice((b"[]", b"1", b'"x"', b"null"))) for _ in range(9)]
    return b"{" + b", ".join(members) + TALK[1:] % b"x"


def _numbers(random: Random) -> bytes:
    wild = [b"1e400", b"-1e-400", b"-0", b"0.1e+0", b"9" * random.randint(1, 6000), b"NaN", b"1E999999999", b"01"]
    return b'{"max_tokens":%s,%s' % (random.choice(wild), TALK[1:] % b"n" * 1)


def _deep(random: Random) -> bytes:
    depth = random.choice((10, 511, 1000, 1500, 20_000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return b'{"messages":' + opening * depth + b"1" * (opening != b"[") + closing * depth + b"}"


def _damaged(random: Random) -> bytes:
    body = bytearray(TALK % b"some words that are long enough to become a part of their own, as they say in books")
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(body))
        body[at : at + random.randint(0, 3)] = random.randbytes(random.randint(0, 3))
    return bytes(body)


KINDS: Sequence[Made] = (
    _bytes,
    _said(b"\x00", b"\\u0000", b"\x1b[31m", b"\x7f", b"\r\n", b"\\r\\n"),
    _said(b"\\ud800", b"\\udfff", b"\\ud83d\\ude00", b"\\ude00\\ud83d", b"\xed\xa0\x80"),
    _said(b"\xff\xfe", b"\xc0\x80", b"\xf0\x9f\x98", b"\xf8\x88\x80\x80\x80", "\u202e\ufeff\u0301".encode()),
    _said(b"\\x", b'\\"', b"\\\\", b"\\/", b"\\u12", b'"', b"\\N"),
    _twice,
    _numbers,
    _deep,
    _damaged,
    lambda random: (TALK % b"x")[: random.randint(0, 100)],
    lambda random: random.choice((b"\xef\xbb\xbf", b" \t\r\n", b"\x00")) + TALK % b"y" + random.choice((b"", b"\n{}")),
    lambda random: json.dumps([1, None, "text", {}, [], random.random()][random.randrange(6)]).encode(),
)


def bodies(count: int) -> Iterator[bytes]:
    random = Random(SEED)
    for number in range(count):
        yield KINDS[number % len(KINDS)](random)


class Shipped:
    """Bodies on their way through a store."""

    def __init__(self, pool: Pool) -> None:
        self._payloads = PostgresPayloads(pool)
        self._store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)

    async def ship(self, listed: Sequence[bytes]) -> list[RequestReceived]:
        journal = await TestJournal.opened(self._store)
        key = await self._store.scope_key(SCOPE)
        events, cuts, runs, requests = list[ExchangeEvent](), [], list[ChunkRun](), list[RequestReceived]()
        for data in listed:
            request_id, body = new_request_id(), cut(data, key)
            request = received(request_id, scope=SCOPE, body=body.reference)
            request = request.model_copy(update={"byte_count": len(data)})
            mine = [request, started(request), *answered(request, data, runs)]
            events += [*mine, completed(request_id, len(mine) + 1)]
            cuts.append((SCOPE, body))
            requests.append(request)
        await journal.ship(self._store, events, cuts, runs)
        return requests

    async def check(self, requests: Sequence[RequestReceived], listed: Sequence[bytes]) -> None:
        answers = await self._payloads.answers([request.originator_id for request in requests])
        found = await asyncio.gather(*(self._body(request) for request in requests))
        for request, body, data in zip(requests, found, listed, strict=True):
            assert body == data
            assert answers.get(request.originator_id, b"") == data

    async def _body(self, request: RequestReceived) -> bytes:
        assert request.body is not None
        return await self._payloads.body(SCOPE, request.body)


def started(request: RequestReceived) -> ResponseStarted:
    return ResponseStarted(
        originator_id=request.originator_id,
        originator_version=2,
        timestamp=AT,
        origin="upstream",
        status=200,
        headers=(HeaderFact(name="content-type", value="application/json"),),
        elapsed_us=1,
    )


def answered(request: RequestReceived, data: bytes, runs: list[ChunkRun]) -> Iterator[ExchangeEvent]:
    for version, at in enumerate(range(0, len(data), RUN_BYTES), 3):
        event, run = streamed(request.originator_id, version, at, data[at : at + RUN_BYTES])
        runs.append(run)
        yield event


@pytest.mark.bar(30)
async def test_hostile_bodies_come_back_byte_for_byte_and_stop_no_projection(pool: Pool, figure: Figure) -> None:
    listed, shipped, requests = list(bodies(scaled(150, 10_000))), Shipped(pool), list[RequestReceived]()
    for at in range(0, len(listed), A_BATCH):
        batch = listed[at : at + A_BATCH]
        found = await shipped.ship(batch)
        await shipped.check(found, batch)
        requests += found
    store = Store.over(pool)
    await store.follow()
    assert await store.rows("SELECT * FROM projection_failures") == []
    links = await store.links()
    assert len(links) == len(listed)
    unreadable = 0
    for request, data in zip(requests, listed, strict=True):
        if not is_readable(data):
            unreadable += 1
            link = links[request.originator_id]
            assert (link["request_class"], link["edge"]) == ("auxiliary", "none"), data[:80]
    assert len(await store.rows("SELECT request_id FROM read.requests")) == len(listed)
    assert unreadable > len(listed) // 10
    figure(
        f"{len(listed)} hostile bodies, each as request and as answer, byte-identical; {unreadable} unparsable, marked"
    )


def is_readable(data: bytes) -> bool:
    """Could anybody make an object of it? Lenient: with any bytes in its texts, nested however deeply."""
    try:
        return isinstance(json.loads(data.decode(errors="replace"), strict=False), dict)
    except RecursionError:
        return True
    except ValueError as error:
        return "Exceeds the limit" in str(error)  # of digits: valid JSON all the same


@pytest.mark.bar(30)
@pytest.mark.parametrize("kind", ["noise", "talk"])
async def test_a_huge_body_comes_back_byte_for_byte(pool: Pool, kind: str, figure: Figure) -> None:
    size = scaled(8, 100) * MIB
    random = Random(SEED)
    data = random.randbytes(size) if kind == "noise" else TALK % (random.randbytes(size // 4).hex().encode() * 2)
    shipped = Shipped(pool)
    await shipped.check(await shipped.ship([data]), [data])
    store = Store.over(pool)
    await store.follow()
    assert await store.rows("SELECT * FROM projection_failures") == []
    assert len(await store.links()) == 1
    figure(f"a body of {len(data) / MIB:.0f} MiB ({kind}) byte-identical")
