"""Our bytes go to the one upstream and its bytes come back; nothing is added, followed, kept or sent twice."""

import asyncio
import base64
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from ssl import SSLContext

import psutil
import pytest

from domain.errors import SetupError
from gateway.destination import destination
from gateway.headers import HeaderLines
from gateway.upstream import Tenant, UpstreamAnswer, UpstreamError, UpstreamRequest
from gateway.wire_upstream import Timeouts, WireUpstream
from tests.certificates import identity
from tests.fake_upstream import CHUNKED, Received, Wire, fake_upstream, fixed, head, read_request, streamed, tcp_server
from tests.pulled import Pulled
from tests.waiting import until


def asked(
    target: bytes = b"/v1/messages", *lines: tuple[bytes, bytes], method: str = "POST", body: bytes = b"{}"
) -> UpstreamRequest:
    return UpstreamRequest(method, target, ((b"Host", b"localhost"), *lines), body)


@asynccontextmanager
async def upstream_at(
    url: str, *, idle_s: float = 10, connect_s: float = 10, proxy: str | None = None, ssl: SSLContext | None = None
) -> AsyncIterator[WireUpstream]:
    upstream = WireUpstream(destination(url), Timeouts(connect_s, idle_s), proxy=proxy, ssl=ssl)
    try:
        yield upstream
    finally:
        await upstream.close()


async def whole(answer: UpstreamAnswer) -> bytes:
    return await Pulled(answer).all()


async def refusal(opening: Awaitable[UpstreamAnswer]) -> tuple[str, str]:
    with pytest.raises(UpstreamError) as failed:
        await opening
    return failed.value.outcome, failed.value.detail


async def break_off(answer: UpstreamAnswer) -> tuple[bytes, str, str]:
    """(what came before, outcome, detail)."""
    pieces, pulled = [], Pulled(answer)
    try:
        while data := await pulled.read():
            pieces.append(data)
    except UpstreamError as error:
        return b"".join(pieces), error.outcome, error.detail
    raise AssertionError("it did not break off")


# ------------------------------------------------------------------------------------------------------- transparency


async def test_the_head_goes_out_as_it_came_but_for_host_length_and_hop_by_hop() -> None:
    lines: HeaderLines = (
        (b"x-B", b"2"),
        (b"X-b", b"1"),
        (b"Connection", b"close, x-mine"),
        (b"X-MINE", b"gone"),
        (b"Cookie", b"a=\xe9\xff; b"),
        (b"TE", b"trailers"),
        (b"accept", b""),
    )
    async with fake_upstream(fixed(b"ok")) as fake, upstream_at(fake.url + "/pre/fix") as upstream:
        await whole(await upstream.open(asked(b"//evil/%2e%2e/a?b=%20&c=\xc3\xa9#", *lines, body=b"body")))
        (received,) = fake.requests
        assert received.method == "POST"
        assert received.target == b"/pre/fix//evil/%2e%2e/a?b=%20&c=\xc3\xa9#"
        assert received.lines == [
            (b"Host", fake.url.removeprefix("http://").encode()),
            (b"x-B", b"2"),
            (b"X-b", b"1"),
            (b"Cookie", b"a=\xe9\xff; b"),
            (b"accept", b""),
            (b"Content-Length", b"4"),
        ]
        assert received.body == b"body"


async def test_the_answer_comes_back_as_it_was_sent() -> None:
    packed = gzip.compress(b"hello")
    lines = ((b"Content-Encoding", b"gzip"), (b"Set-Cookie", b"a"), (b"set-cookie", b"b\xe9"), (b"X", b"1"))
    async with fake_upstream(fixed(packed, b"299 F\xefne", *lines)) as fake, upstream_at(fake.url) as upstream:
        answer = await upstream.open(asked())
        assert answer.head.status == 299
        assert answer.head.reason == b"F\xefne"
        assert answer.head.headers == answer.headers == ((b"content-length", b"%d" % len(packed)), *lines)
        assert answer.told[b"set-cookie"] == b"a"
        assert answer.head.length == len(packed)
        assert await whole(answer) == packed
        await whole(await upstream.open(asked()))
        assert fake.requests[1].all(b"cookie") == [], "cookies are not kept"


async def test_redirects_are_passed_on_and_not_followed() -> None:
    async with fake_upstream(fixed(b"other")) as other:
        away = fixed(b"", b"307 Temporary Redirect", (b"Location", other.url.encode()))
        async with fake_upstream(away) as fake, upstream_at(fake.url) as upstream:
            answer = await upstream.open(asked(body=b"secret"))
            assert answer.head.status == 307
            assert (b"Location", other.url.encode()) in answer.head.headers
        assert other.connections == 0


async def test_chunks_come_as_they_leave_upstream_and_the_connection_is_used_again() -> None:
    step = asyncio.Event()

    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED))
        for data in (b"one", b"two"):
            await wire.chunk(data)
            await step.wait()
            step.clear()
        await wire.end()

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        for _ in range(2):
            answer = await upstream.open(asked())
            assert answer.head.length is None
            pulled = Pulled(answer)
            for data in (b"one", b"two"):
                assert await pulled.read() == data
                step.set()
            assert await pulled.read() == b""
            answer.close()
        assert fake.connections == 1


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"204 No Content"), ("GET", b"304 Not Modified")]
)
async def test_answers_without_a_body_are_over_with_their_head(method: str, status: bytes) -> None:
    async def script(_: Received, wire: Wire) -> None:
        length = () if status.startswith(b"204") else ((b"content-length", b"999"),)
        await wire.say(head(status, *length))

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        for _ in range(2):
            answer = await upstream.open(asked(method=method, body=b""))
            assert answer.head.length == 0
            assert await whole(answer) == b""
        assert fake.connections == 1


async def test_an_answer_without_length_ends_with_its_connection() -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK") + b"till the end")
        wire.close()

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        answer = await upstream.open(asked())
        assert answer.head.length is None
        assert await whole(answer) == b"till the end"


async def test_interim_heads_are_passed_over() -> None:
    async def script(received: Received, wire: Wire) -> None:
        await wire.say(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        await fixed(b"ok")(received, wire)

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        answer = await upstream.open(asked())
        assert answer.head.status == 200
        assert (b"link", b"x") not in answer.headers


async def test_large_heads_and_large_bodies_pass() -> None:
    lines = tuple((b"x-%d" % number, b"v" * 100) for number in range(300))
    big = (b"x-big", b"v" * 60_000)
    body = bytes(range(256)) * 20_000
    async with fake_upstream(fixed(body, b"200 OK", big, *lines)) as fake, upstream_at(fake.url) as upstream:
        answer = await upstream.open(asked(body=body))
        assert answer.headers[1:] == (big, *lines)
        assert await whole(answer) == body
        assert fake.requests[0].body == body


async def test_an_answer_that_comes_before_the_body_is_sent_is_heard_and_its_connection_not_used_again() -> None:
    connections = list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports can
        writer.write(head(b"413 Too Large", (b"content-length", b"2")) + b"no")
        connections.append(writer)

    async with tcp_server(serve) as port, upstream_at(f"http://127.0.0.1:{port}") as upstream:
        for _ in range(2):
            answer = await upstream.open(asked(body=b"x" * 20_000_000))
            assert answer.head.status == 413
            assert await whole(answer) == b"no"
            await until(lambda: not _connections_to(port), "a connection to close whose peer does not read")
        assert len(connections) == 2


def _connections_to(port: int) -> int:
    open_ones = psutil.Process().net_connections("tcp4")
    return sum(bool(one.raddr) and one.raddr.port == port for one in open_ones)


# ------------------------------------------------------------------------------------------------- stale connections


def _close(wire: Wire) -> None:
    wire.close()


def _reset(wire: Wire) -> None:
    wire.reset()


@pytest.mark.parametrize("end", [_close, _reset])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stale_connection_costs_one_more_try_on_a_fresh_one(end: Callable[[Wire], None], method: str) -> None:
    async def script(received: Received, wire: Wire) -> None:
        if received.target == b"/dies" and len([one for one in fake.requests if one.target == b"/dies"]) < 2:
            end(wire)
            return
        await fixed(b"ok")(received, wire)

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        answers = [await upstream.open(asked(b"/%d" % number)) for number in range(3)]
        for answer in answers:
            await whole(answer)
        async with asyncio.TaskGroup() as tasks:  # three pooled connections: none of them is tried after the first
            for _ in range(3):
                tasks.create_task(upstream.open(asked(b"/warm")))
        assert await whole(await upstream.open(asked(b"/dies", method=method, body=b"pay"))) == b"ok"
        dying = [one for one in fake.requests if one.target == b"/dies"]
        assert [one.body for one in dying] == [b"pay", b"pay"]
        assert dying[1].connection == fake.connections - 1, "a fresh one"


@pytest.mark.parametrize("end", [_close, _reset])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_fresh_connection_that_dies_is_not_tried_again(end: Callable[[Wire], None], method: str) -> None:
    async def script(_: Received, wire: Wire) -> None:
        end(wire)

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        assert await refusal(upstream.open(asked(method=method))) == ("upstream", "connection lost")
        assert len(fake.requests) == 1


@pytest.mark.parametrize("end", [_close, _reset])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_reused_connection_that_has_begun_to_answer_is_not_tried_again(
    end: Callable[[Wire], None], method: str
) -> None:
    async def script(received: Received, wire: Wire) -> None:
        if received.target == b"/dies":
            await wire.say(b"HTTP/1.1 2")
            await asyncio.sleep(0.01)
            end(wire)
            return
        await fixed(b"ok")(received, wire)

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        await whole(await upstream.open(asked()))
        outcome, _ = await refusal(upstream.open(asked(b"/dies", method=method)))
        assert outcome == "upstream"
        assert len(fake.requests) == 2
        assert fake.connections == 1


async def test_a_connection_that_speaks_unasked_is_not_used_again() -> None:
    may_speak = asyncio.Event()

    async def script(received: Received, wire: Wire) -> None:
        await fixed(b"ok")(received, wire)
        if wire.number == 0:
            await may_speak.wait()
            await wire.say(head(b"200 OK", (b"content-length", b"6")) + b"POISON")

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        await whole(await upstream.open(asked()))
        may_speak.set()
        await until(lambda: not len(upstream._pool), "a connection that speaks unasked to be dropped")
        assert await whole(await upstream.open(asked())) == b"ok"
        assert fake.connections == 2


# ------------------------------------------------------------------------------------------------------------ failures


async def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with upstream_at(url) as upstream:
            assert await refusal(upstream.open(asked())) == ("upstream", "connection refused")


async def test_a_name_that_nobody_knows_is_said_to_be_unknown() -> None:
    async with upstream_at("https://name.invalid.example") as upstream:
        assert await refusal(upstream.open(asked())) == ("upstream", "name not resolved")


@pytest.mark.parametrize(
    "said",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        head(b"200 OK", (b"x", b"a" * 70_000)),
        head(b"200 OK", (b"content-length", b"1"), (b"content-length", b"2")),
    ],
)
async def test_what_is_no_answer_is_malformed(said: bytes) -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(said)
        await wire.until_closed()

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        assert await refusal(upstream.open(asked())) == ("upstream", "malformed answer")
        await fake.until(lambda fake: fake.open == 0)


async def test_a_silent_upstream_is_a_timeout_before_and_after_the_head() -> None:
    async def script(received: Received, wire: Wire) -> None:
        if received.target == b"/later":
            await wire.say(head(b"200 OK", CHUNKED))
            await wire.chunk(b"some")
        await wire.until_closed()

    async with fake_upstream(script) as fake, upstream_at(fake.url, idle_s=0.05) as upstream:
        assert await refusal(upstream.open(asked())) == ("timeout", "no bytes for too long")
        answer = await upstream.open(asked(b"/later"))
        assert await break_off(answer) == (b"some", "timeout", "no bytes for too long")
        answer.close()
        await fake.until(lambda fake: fake.open == 0)


async def test_a_connection_that_takes_too_long_is_a_timeout() -> None:
    async def mute(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with tcp_server(mute) as port, upstream_at(f"https://127.0.0.1:{port}", connect_s=0.05) as upstream:
        assert await refusal(upstream.open(asked())) == ("timeout", "connecting took too long")


@pytest.mark.parametrize(
    ("said", "more"),
    [
        (head(b"200 OK", (b"content-length", b"9")) + b"some", b""),
        (head(b"200 OK", CHUNKED) + b"4\r\nsome\r\n", b""),
        (head(b"200 OK", CHUNKED) + b"4\r\nsome\r\n", b"nonsense"),
    ],
)
@pytest.mark.parametrize("end", [_close, _reset])
async def test_an_answer_that_breaks_off_fails_after_all_that_came(
    said: bytes, more: bytes, end: Callable[[Wire], None]
) -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(said)
        await asyncio.sleep(0.01)
        await wire.say(more)
        end(wire)

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        answer = await upstream.open(asked())
        came, outcome, detail = await break_off(answer)
        assert (came, outcome) == (b"some", "upstream")
        assert detail in {"broke off in the middle of the answer", "connection lost", "malformed answer"}
        answer.close()


async def test_what_came_before_a_failure_is_there_although_nobody_was_reading() -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED) + b"4\r\nsome\r\n")
        await asyncio.sleep(0.005)
        wire.close()

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        answer = await upstream.open(asked())
        await fake.until(lambda fake: fake.open == 0)
        await until(lambda: not len(upstream._pool), "the connection to be lost")
        assert (await break_off(answer))[0] == b"some"
        answer.close()


async def test_giving_up_an_answer_closes_its_connection() -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED))
        await wire.until_closed()

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream:
        (await upstream.open(asked())).close()
        await fake.until(lambda fake: fake.open == 0)


async def test_cancelling_an_open_closes_its_connection() -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.until_closed()

    async with fake_upstream(script) as fake, upstream_at(fake.url) as upstream, asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(upstream.open(asked()))
        await fake.until(lambda fake: len(fake.requests) == 1)
        opening.cancel()
        await fake.until(lambda fake: fake.open == 0)


# ------------------------------------------------------------------------------------------------------ TLS and proxies


async def test_tls_with_a_company_authority_works_and_without_it_is_refused(tmp_path: Path) -> None:
    secure = identity().server_context(tmp_path)
    async with fake_upstream(streamed(b"safe"), ssl=secure) as fake:
        url = fake.url.replace("http", "https")
        async with upstream_at(url, ssl=identity().client_context()) as upstream:
            for _ in range(2):
                assert await whole(await upstream.open(asked())) == b"safe"
            assert fake.connections == 1
        async with upstream_at(url) as upstream:
            assert await refusal(upstream.open(asked())) == ("upstream", "certificate not trusted")


async def test_a_server_that_speaks_no_tls_is_a_tls_failure() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with tcp_server(serve) as port, upstream_at(f"https://127.0.0.1:{port}") as upstream:
        assert await refusal(upstream.open(asked())) == ("upstream", "TLS failed")


class Proxy:
    """A forward proxy that tunnels CONNECT and answers the rest itself."""

    def __init__(self, verdict: bytes = b"200 OK") -> None:
        self.verdict = verdict
        self.requests: list[Received] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await read_request(reader, 0)
        if received is None:
            return
        self.requests.append(received)
        if received.method != "CONNECT" or not self.verdict.startswith(b"200"):
            writer.write(head(self.verdict, (b"content-length", b"5")) + b"proxy")
            return
        host, _, port = received.target.decode().rpartition(":")
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, there[1]))
            tasks.create_task(_pump(there[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxy_at(proxy: Proxy) -> AsyncIterator[str]:
    async with tcp_server(proxy.serve) as port:
        yield f"http://user:pa%20ss@127.0.0.1:{port}"


CREDENTIALS = b"Basic " + base64.b64encode(b"user:pa ss")


async def test_a_proxy_gets_absolute_targets_and_its_own_credentials() -> None:
    proxy = Proxy()
    async with proxy_at(proxy) as url, upstream_at("http://localhost:9", proxy=url) as upstream:
        answer = await upstream.open(asked(b"/v1?x", (b"Proxy-Authorization", b"the client's"), (b"a", b"1")))
        assert await whole(answer) == b"proxy"
    (received,) = proxy.requests
    assert received.target == b"http://localhost:9/v1?x"
    assert received.all(b"host") == [b"localhost:9"]
    assert received.all(b"proxy-authorization") == [CREDENTIALS]


async def test_tls_goes_through_a_tunnel_and_the_credentials_stay_with_the_proxy(tmp_path: Path) -> None:
    proxy, secure = Proxy(), identity().server_context(tmp_path)
    async with fake_upstream(streamed(b"safe"), ssl=secure) as fake, proxy_at(proxy) as url:
        trust = identity().client_context()
        async with upstream_at(fake.url.replace("http", "https"), proxy=url, ssl=trust) as upstream:
            for _ in range(2):
                assert await whole(await upstream.open(asked(b"/v1"))) == b"safe"
        (tunnel,) = proxy.requests
        assert tunnel.method == "CONNECT"
        assert tunnel.all(b"proxy-authorization") == [CREDENTIALS]
        assert [one.target for one in fake.requests] == [b"/v1", b"/v1"]
        assert not fake.requests[0].all(b"proxy-authorization")


async def test_a_proxy_that_refuses_or_is_away_is_named() -> None:
    async with proxy_at(Proxy(b"403 Forbidden")) as url, upstream_at("https://a.example", proxy=url) as upstream:
        assert await refusal(upstream.open(asked())) == ("upstream", "proxy refused")
    async with upstream_at("https://a.example", proxy=url) as upstream:
        assert await refusal(upstream.open(asked())) == ("upstream", "proxy not reachable")


@pytest.mark.parametrize(
    "proxy", ["proxy.example:3128", "https://proxy.example", "socks5://p.example", "http://", "http://[x"]
)
async def test_a_proxy_that_is_no_http_url_stops_the_start(proxy: str) -> None:
    with pytest.raises(SetupError, match=r"NEXUS_UPSTREAM_PROXY must look like http://"):
        WireUpstream(destination("https://a.example"), Timeouts(), proxy=proxy)


async def test_a_public_name_that_leads_inside_gets_no_signed_request() -> None:
    """Somebody has a hand in name resolution. Nothing is sent, the credential least of all."""
    async with fake_upstream(fixed(b"{}")) as fake:
        astray = WireUpstream(replace(destination(fake.url), may_be_private=False), Timeouts())
        signed = replace(asked(), tenant=Tenant("a.example", "acme"))
        assert await refusal(astray.open(signed)) == ("upstream", "its name leads to a private address")
        assert fake.requests == []
        assert await whole(await astray.open(asked())) == b"{}", "what the client signs itself is the client's affair"
        assert await refusal(astray.open(signed)) == ("upstream", "its name leads to a private address")
        await astray.close()
        async with upstream_at(fake.url) as allowed:
            assert await whole(await allowed.open(signed)) == b"{}"
        assert len(fake.requests) == 2
