"""However upstream ends or goes silent, a client never takes it for the whole answer; and what lives is not cut."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.certificates import identity
from tests.fake_upstream import CHUNKED, EVENTS, Received, Wire, fake_upstream, fixed, head
from tests.gateway_process import gateway_process
from tests.running_gateway import gateway_before
from tests.wire_client import request_bytes, wire_client

Script = Callable[[Received, Wire], Awaitable[None]]
SOME = b"event: message_start\ndata: {}\n\n"


def dies(end: Callable[[Wire], Awaitable[None]], *lines: tuple[bytes, bytes]) -> Script:
    """After a part of the answer."""

    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", *(lines or (CHUNKED, EVENTS))))
        if lines and lines[0] != CHUNKED:
            await wire.say(SOME)
        else:
            await wire.chunk(SOME)
        await asyncio.sleep(0.01)
        await end(wire)

    return script


async def _reset(wire: Wire) -> None:
    wire.reset()


async def _close(wire: Wire) -> None:
    wire.close()


async def _abort(wire: Wire) -> None:
    wire.keep = False
    wire.writer.transport.abort()


def _says(data: bytes) -> Callable[[Wire], Awaitable[None]]:
    async def say(wire: Wire) -> None:
        await wire.say(data)
        await wire.until_closed()

    return say


LENGTH = (b"Content-Length", b"1000")
DEATHS: dict[str, Script] = {
    "a reset": dies(_reset),
    "an end without the last chunk": dies(_close),
    "a reset within a length": dies(_reset, LENGTH),
    "an end within a length": dies(_close, LENGTH),
    "a chunk that is none": dies(_says(b"zz\r\nhello\r\n")),
    "a chunk that is too long": dies(_says(b"2\r\nhello\r\n")),
    "a negative chunk": dies(_says(b"-5\r\nhello\r\n")),
    "a size that overflows": dies(_says(b"fffffffffffffffff\r\n")),
    "an end within a chunk": dies(_says(b"50\r\nhello")),
}


@pytest.mark.bar(13)
@pytest.mark.parametrize("death", [name for name in DEATHS if name != "an end within a chunk"])
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_no_death_looks_like_an_end(death: str, version: bytes, tmp_path: Path) -> None:
    async with gateway_before(DEATHS[death], tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(request_bytes("POST", b"/v1/messages", version=version))
            answer = await client.head()
            assert answer.status == 200
            if version == b"1.0" and not answer.all(b"content-length"):
                with pytest.raises(ConnectionResetError):  # the only way to say so without a frame
                    await client.reader.read()
            else:
                await client.body(answer)
                assert not answer.complete
                assert answer.body.startswith(SOME)
        recorded = await gateway.last()
        assert recorded.end is not None
        assert recorded.end.outcome == "upstream"
        assert recorded.end.detail
        assert recorded.answer.startswith(SOME)
        await fake.until(lambda fake: fake.open == 0, seconds=1)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nx\0y: z\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
    ids=lambda said: repr(said[:60]),
)  # fmt: skip
async def test_an_answer_that_cannot_be_passed_on_is_one_error_of_ours(said: bytes, tmp_path: Path) -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(said)
        wire.close()

    async with gateway_before(script, tmp_path) as (_, gateway), gateway.client() as client:
        answer = await client.request("POST", b"/v1/messages", body=b"{}")
        recorded = await gateway.last()
        assert recorded.end is not None
        assert (answer.status, answer.complete, recorded.end.outcome) == (502, True, "upstream")


@pytest.mark.bar(13)
async def test_a_tls_connection_that_is_cut_is_no_end(tmp_path: Path) -> None:
    """With TLS's own goodbye, without it, and with a reset."""
    scripts = {b"/abort": dies(_abort), b"/reset": dies(_reset), b"/close": dies(_close)}

    async def script(received: Received, wire: Wire) -> None:
        await scripts[received.target](received, wire)

    variables = {"SSL_CERT_FILE": str(identity().write(tmp_path))}
    async with fake_upstream(script, identity().server_context(tmp_path)) as fake:
        url = fake.url.replace("http:", "https:")
        async with gateway_process(tmp_path, url, variables=variables) as gateway:
            for target in scripts:
                async with gateway.client() as client:
                    answer = await client.request("POST", target, body=b"{}")
                    assert (answer.status, answer.complete, answer.body) == (200, False, SOME)
            await gateway.rests()
            ends = [one.end for one in gateway.recorded()]
            assert [end.outcome for end in ends if end] == ["upstream"] * len(scripts)


class Pinging:
    """A stream that says something now and then, and then nothing more."""

    def __init__(self, pause_s: float, pings: int) -> None:
        self.pause_s, self.pings = pause_s, pings

    async def __call__(self, _: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED, EVENTS))
        for _ping in range(self.pings):
            await asyncio.sleep(self.pause_s)
            await wire.chunk(b"event: ping\ndata: {}\n\n")
        await wire.until_closed()


async def test_silence_is_cut_after_the_idle_limit_and_pings_are_no_silence(tmp_path: Path) -> None:
    idle_s, pings = 1.0, 5
    async with (
        gateway_before(Pinging(0.4, pings), tmp_path, upstream_idle_s=idle_s) as (fake, gateway),
        gateway.client() as client,
    ):
        await client.send(request_bytes("POST", b"/v1/messages"))
        answer = await client.head()
        began = time.monotonic()
        await client.body(answer)
        took = time.monotonic() - began
        assert not answer.complete
        assert len(answer.chunks) == pings, "two seconds of pings are longer than the limit"
        assert 0.4 * pings + idle_s - 0.5 < took < 0.4 * pings + idle_s + 1
        recorded = await gateway.last()
        assert recorded.end is not None
        assert (recorded.end.outcome, recorded.end.detail) == ("timeout", "no bytes for too long")
        await fake.until(lambda fake: fake.open == 0, seconds=1)


async def test_silence_before_the_head_is_504(tmp_path: Path) -> None:
    async def silent(_: Received, wire: Wire) -> None:
        await wire.until_closed()

    async with gateway_before(silent, tmp_path, upstream_idle_s=0.3) as (fake, gateway), gateway.client() as client:
        assert (await client.request("POST", b"/v1/messages")).status == 504
        await fake.until(lambda fake: fake.open == 0, seconds=1)


async def test_whoever_comes_next_is_served(tmp_path: Path) -> None:
    """A connection on which upstream has died is not used again."""
    scripts = [*DEATHS.values()]

    async def script(received: Received, wire: Wire) -> None:
        if received.target == b"/well":
            await fixed(b"well")(received, wire)
        else:
            await scripts[int(received.target[1:])](received, wire)

    async with gateway_before(script, tmp_path) as (_, gateway):
        for number in range(len(scripts) - 1):
            async with wire_client(gateway.port) as client:
                await client.request("POST", b"/%d" % number)
            async with wire_client(gateway.port) as client:
                assert (await client.request("POST", b"/well")).body == b"well"
