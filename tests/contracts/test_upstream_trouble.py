"""Redirects, refusals and dying connections of the upstream: nothing followed, nothing repeated, nothing lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contracts.cases import ERRORS, LIMITS, MESSAGE, error
from tests.fake_upstream import CHUNKED, Received, Wire, fixed, head
from tests.running_gateway import gateway_before
from tests.wire_client import wire_client

POSTS, CLIENTS = 2000, 40
REDIRECTS = {
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
}


# ------------------------------------------------------------------------------------------------ redirects: test 40


@dataclass
class Elsewhere:
    """Other hosts to which a redirect could lead: it counts who knocks."""

    port: int = 0
    knocks: int = 0

    async def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        writer.close()


@asynccontextmanager
async def elsewhere() -> AsyncIterator[Elsewhere]:
    place = Elsewhere()
    server = await asyncio.start_server(place.serve, ["127.0.0.1", "127.0.0.2"])
    place.port = server.sockets[0].getsockname()[1]
    async with server:
        yield place


def leads(port: int) -> list[bytes]:
    """Where to: other ports, hosts and schemes, this host, and what is no URL."""
    return [
        b"http://127.0.0.1:%d/v1" % port,
        b"http://127.0.0.2:%d/v1" % port,
        b"https://127.0.0.1:%d/" % port,
        b"//localhost:%d/x" % port,
        b"/v1/elsewhere",
        b"ftp://[::1",
        b"",
    ]


@pytest.mark.bar(40)
@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_redirect_is_the_clients_to_follow(status: int, method: str, tmp_path: Path) -> None:
    async with elsewhere() as other:
        for number, target in enumerate(leads(other.port)):
            says = fixed(b"", b"%d %b" % (status, REDIRECTS[status]), (b"LOCATION", target), (b"x", b"1"))
            async with gateway_before(says, tmp_path / str(number)) as (fake, gateway), gateway.client() as client:
                secret = (b"x-api-key", b"sk-secret")
                answer = await client.request(method, b"/v1", secret, body=b"secret" if method == "POST" else b"")
                assert answer.status_line == b"HTTP/1.1 %d %b" % (status, REDIRECTS[status])
                assert answer.lines[:-1] == [(b"content-length", b"0"), (b"LOCATION", target), (b"x", b"1")]
                assert len(fake.requests) == 1
        assert other.knocks == 0


# ---------------------------------------------------------------------------------------- dying connections: test 41


@dataclass
class Fickle:
    """Answers each request that it reads, and closes its connection when it pleases: at once, a little later, never."""

    chance: random.Random
    executed: Counter[bytes] = field(default_factory=Counter)
    """By the id that the client gave each of its attempts."""
    ends: dict[int, asyncio.TimerHandle] = field(default_factory=dict)
    """Of connections, by number: a request that is read before its time comes is answered."""

    async def __call__(self, received: Received, wire: Wire) -> None:
        if wire.writer.is_closing():
            return  # it came too late
        if wire.number in self.ends:
            self.ends.pop(wire.number).cancel()
        (attempt,) = received.all(b"x-attempt")
        self.executed[attempt] += 1
        if self.chance.random() < 0.5:
            await wire.say(head(b"200 OK", (b"content-length", b"%d" % len(attempt))) + attempt)
        else:
            await wire.say(head(b"200 OK", CHUNKED))
            await wire.chunk(attempt)
            await wire.end()
        mood, later = self.chance.random(), 0.001 + self.chance.random() * 0.003
        if mood < 0.3:
            wire.close()
        elif mood < 0.9:
            end = wire.close if mood < 0.6 else wire.reset
            self.ends[wire.number] = asyncio.get_running_loop().call_later(later, self.finish, wire, end)

    def finish(self, wire: Wire, end: Callable[[], None]) -> None:
        if not wire.writer.is_closing():
            end()


async def post_many(port: int, name: int, failures: list[bytes]) -> None:
    """One client on one connection, at its own pace."""
    chance = random.Random(name)
    async with wire_client(port) as client:
        for number in range(POSTS // CLIENTS):
            attempt = b"%d-%d" % (name, number)
            answer = await client.request("POST", b"/v1/messages", (b"x-attempt", attempt), body=b"{}" * 50)
            if (answer.status, answer.body, answer.complete) != (200, attempt, True):
                failures.append(answer.status_line + b" " + answer.body)
            await asyncio.sleep(chance.random() * 0.004)


@pytest.mark.bar(41)
async def test_connections_that_die_behind_an_answer_are_never_seen_and_nothing_is_done_twice(tmp_path: Path) -> None:
    upstream, failures = Fickle(random.Random(41)), list[bytes]()
    async with gateway_before(upstream, tmp_path) as (fake, gateway):
        async with asyncio.TaskGroup() as clients:
            for name in range(CLIENTS):
                clients.create_task(post_many(gateway.port, name, failures))
        assert failures == []
        assert set(upstream.executed.values()) == {1}
        assert len(upstream.executed) == POSTS
        assert POSTS // 4 < fake.connections < POSTS * 19 // 20, "connections did die, and were used again"


# --------------------------------------------------------------------------------------------- no retries: test 42


@pytest.mark.bar(42)
@pytest.mark.parametrize("status", [status for status in ERRORS if status in {408, 409, 429} or status >= 500])
async def test_an_error_that_could_be_tried_again_is_the_clients_to_try(status: int, tmp_path: Path) -> None:
    async with gateway_before(error(status), tmp_path) as (fake, gateway), gateway.client() as client:
        for attempt in range(1, 4):
            await client.send(MESSAGE)
            answer = await client.answer()
            assert answer.status == status
            assert [line for line in answer.lines if line in LIMITS] == list(LIMITS)
            assert len(fake.requests) == attempt
        assert fake.connections == 1


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 500 Internal", head(b"529 Overloaded", (b"content-length", b"9"))])
async def test_a_connection_that_dies_over_its_first_request_is_the_clients_to_try(said: bytes, tmp_path: Path) -> None:
    async def dies(_: Received, wire: Wire) -> None:
        await wire.say(said)
        wire.close()

    async with gateway_before(dies, tmp_path) as (fake, gateway):
        for attempt in range(1, 4):
            async with gateway.client() as client:
                await client.send(MESSAGE)
                answer = await client.answer()
                assert (answer.status, answer.complete) == ((502, True) if b"529" not in said else (529, False))
                assert len(fake.requests) == attempt


async def test_an_answer_that_breaks_off_in_its_head_is_not_asked_for_again(tmp_path: Path) -> None:
    """Also on a connection that has served before: upstream may have done what it was asked."""

    async def breaks_at_the_second(received: Received, wire: Wire) -> None:
        if received.target == b"/second":
            await wire.say(b"HTTP/1.1 2")
            wire.close()
        else:
            await fixed(b"ok")(received, wire)

    async with gateway_before(breaks_at_the_second, tmp_path) as (fake, gateway), gateway.client() as client:
        assert (await client.request("POST", b"/first", body=b"pay")).status == 200
        assert (await client.request("POST", b"/second", body=b"pay")).status == 502
        assert [(one.target, one.connection) for one in fake.requests] == [(b"/first", 0), (b"/second", 0)]
