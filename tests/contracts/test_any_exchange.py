"""Any request and any answer that HTTP allows arrive as they were sent; many at once never swap a byte."""

import asyncio
import random
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.any_exchange import exchanges
from tests.contracts.exceptions import Situation, predicted
from tests.contracts.seen import Case, Seen, authority, directly, heard, talk, with_known_id
from tests.contracts.test_transparency import sent
from tests.fake_upstream import CHUNKED, EVENTS, Received, Wire, head
from tests.running_gateway import gateway_before
from tests.wire_client import WireClient, chunked, request_bytes, wire_client

EXCHANGES, CLIENTS = 2000, 25


async def compare(cases: list[Case]) -> None:
    """One after the other through one gateway, so that upstream's connections are used again."""
    with TemporaryDirectory() as root:
        async with gateway_before(cases[0].script, Path(root)) as (fake, gateway):
            for number, case in enumerate(cases):
                direct = await directly(case)
                fake.script = case.script
                answer = with_known_id(await talk(gateway.port, case), gateway.recorded()[number:])
                expected, _ = predicted(direct, Situation(sent(case), authority(fake)))
                assert Seen(tuple(heard(one) for one in fake.requests[number:]), answer) == expected
                recorded = gateway.recorded()[number]
                assert (recorded.body, recorded.answer) == (direct.heard[0].body, direct.shown.body)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(exchanges(), min_size=1, max_size=3))
def test_what_http_allows_arrives_as_it_was_sent(cases: list[Case]) -> None:
    asyncio.run(compare(cases))


# ------------------------------------------------------------------------------------------------ many at the same time


def answer_to(question: bytes) -> list[bytes]:
    """The chunks of the answer that belongs to a question: what nobody else is told."""
    chance = random.Random(question)
    whole = chance.randbytes(chance.choice([0, 1, 20, 3000, 40_000])) + question
    return cut_by_chance(chance, whole)


def cut_by_chance(chance: random.Random, data: bytes) -> list[bytes]:
    places = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(chance.randrange(6)))})
    return [data[a:b] for a, b in pairwise(places)]


async def answer(received: Received, wire: Wire) -> None:
    """Chunked or with a length, in pieces, other exchanges between them."""
    chunks, chance = answer_to(received.body), random.Random(received.body)
    mark = (b"x-question", received.target[1:])
    if chance.random() < 0.5:
        await wire.say(head(b"200 OK", CHUNKED, EVENTS, mark))
        for chunk in chunks:
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
            await wire.chunk(chunk)
        await wire.end()
    else:
        await wire.say(head(b"200 OK", (b"content-length", b"%d" % sum(map(len, chunks))), mark))
        for chunk in chunks:
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
            await wire.say(chunk)


async def ask_many(client: WireClient, name: int) -> dict[bytes, tuple[str, bytes]]:
    """By request id: question and answer of each exchange."""
    seen, chance = dict[bytes, tuple[str, bytes]](), random.Random(name)
    for number in range(EXCHANGES // CLIENTS):
        question = b"%d-%d-" % (name, number) + chance.randbytes(chance.choice([1, 300, 20_000]))
        target = b"/%d-%d" % (name, number)
        if chance.random() < 0.5:
            await client.send(request_bytes("POST", target, body=question))
        else:
            await client.send(request_bytes("POST", target, CHUNKED, body=chunked(cut_by_chance(chance, question))))
        got = await client.answer()
        assert got.complete
        assert got.one(b"x-question") == target[1:]
        assert got.body == b"".join(answer_to(question))
        seen[got.one(b"x-nexus-request-id")] = (target.decode(), got.body)
    return seen


async def one_client(port: int, name: int) -> dict[bytes, tuple[str, bytes]]:
    async with wire_client(port) as client:
        return await ask_many(client, name)


async def test_many_exchanges_at_once_never_swap_a_byte(tmp_path: Path) -> None:
    async with gateway_before(answer, tmp_path) as (fake, gateway):
        async with asyncio.TaskGroup() as tasks:
            clients = [tasks.create_task(one_client(gateway.port, name)) for name in range(CLIENTS)]
        seen = {key: value for client in clients for key, value in client.result().items()}
        assert len(seen) == EXCHANGES
        assert fake.connections <= CLIENTS, "upstream's connections are used again"
        recorded = {one.request_id.encode(): one for one in gateway.recorded()}
        assert recorded.keys() == seen.keys()
        for key, (target, body) in seen.items():
            request = recorded[key].request
            assert request is not None
            assert (request.target, recorded[key].answer) == (target, body)
            assert b"".join(answer_to(recorded[key].body)) == body
