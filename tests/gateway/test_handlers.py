"""A request is answered here, turned away, or becomes an exchange; each has its id, its record or its counter."""

import gc
import json
from pathlib import Path
from uuid import UUID

import pytest

from domain.redaction import fingerprint
from gateway.conductor import Conductor
from gateway.exchange import Exchange
from gateway.frames import Kind
from gateway.records import EndRecord, HeaderLine
from gateway.upstream_connection import WireAnswer
from tests.fake_upstream import EVENTS, Received, Script, Wire, endless, fixed, stalled, streamed
from tests.running_gateway import FINGERPRINT_KEY, gateway_before, running_gateway
from tests.waiting import until, until_true
from tests.wire_client import WireClient, chunked, request_bytes

UNREACHABLE = "http://127.0.0.1:1"
MALFORMED = 'nexus_rejected_requests_total{reason="malformed"}'


async def test_an_exchange_is_recorded_whole_and_its_id_given_to_the_client(tmp_path: Path) -> None:
    lines = ((b"X-Api-Key", b"sk-secret"), (b"User-Agent", b"claude-cli"), (b"X-Nexus-Domain", b"Demo"))
    script = streamed(b"data: 1\n\n", lines=(EVENTS, (b"request-id", b"req_7")))
    async with gateway_before(script, tmp_path) as (fake, gateway), gateway.client() as client:
        answer = await client.request("POST", b"/v1/messages?beta=true", *lines, body=b'{"broken')
        recorded = await gateway.last()
    assert answer.one(b"x-nexus-request-id") == recorded.request_id.encode()
    assert UUID(recorded.request_id).version == 7
    assert recorded.kinds == [
        Kind.REQUEST, Kind.REQUEST_BODY, Kind.FORWARDED, Kind.RESPONSE, Kind.CHUNK, Kind.END,
    ]  # fmt: skip
    request, response = recorded.request, recorded.response
    assert request is not None
    assert response is not None
    assert (request.mode, request.method, request.target) == ("pass_through", "POST", "/v1/messages?beta=true")
    assert request.headers == (
        HeaderLine("Host", "localhost:3000"),
        HeaderLine("X-Api-Key", None, None, fingerprint("sk-secret", FINGERPRINT_KEY)),
        HeaderLine("User-Agent", "claude-cli"),
        HeaderLine("X-Nexus-Domain", "Demo"),
        HeaderLine("Content-Length", "8"),
    )
    assert (request.client_domain, request.byte_count) == ("demo", 8)
    assert recorded.body == b'{"broken', "what does not parse is passed on untouched"
    assert fake.requests[0].body == b'{"broken'
    assert (response.origin, response.status, response.upstream_request_id) == ("upstream", 200, "req_7")
    assert recorded.answer == answer.body == b"data: 1\n\n"
    assert recorded.end == EndRecord("completed", 9, 9)


async def _broken_off(_: Received, wire: Wire) -> None:
    await wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    wire.reset()


@pytest.mark.parametrize(
    "script",
    [fixed(b"whole"), fixed(b""), streamed(b"one", b"two"), _broken_off, stalled],
    ids=["length", "no-body", "stream", "broken", "left"],
)
async def test_what_an_exchange_was_made_of_goes_with_its_end(script: Script, tmp_path: Path) -> None:
    """Without a collector of cycles, whose work would hold up all other streams."""
    gc.collect()
    gc.disable()
    others = _alive()
    try:
        async with gateway_before(script, tmp_path) as (_, gateway):
            async with gateway.client() as client:
                await client.send(request_bytes("POST", b"/", body=b"x"))
                await client.head()
                if script is not stalled:
                    await gateway.last()
            await gateway.last()
            await until(lambda: all(any(it is other for other in others) for it in _alive()), "the exchange is let go")
    finally:
        gc.enable()


def _alive() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, Conductor | Exchange | WireAnswer)]


async def test_unknown_paths_and_methods_are_forwarded(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"up"), tmp_path) as (fake, gateway), gateway.client() as client:
        for method, target in [("OPTIONS", b"/v1/x"), ("DELETE", b"/nowhere"), ("POST", b"/health/live")]:
            assert (await client.request(method, target)).body == b"up"
        assert [(one.method, one.target) for one in fake.requests] == [
            ("OPTIONS", b"/v1/x"),
            ("DELETE", b"/nowhere"),
            ("POST", b"/health/live"),
        ]


async def test_local_answers_need_no_upstream_and_leave_no_record(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, UNREACHABLE) as gateway, gateway.client() as client:
        for target in (b"/", b"/api/hello", b"/health/live", b"/health/ready", b"/metrics"):
            for method in ("GET", "HEAD"):
                answer = await client.request(method, target)
                assert answer.status == 200
                assert len(answer.one(b"x-nexus-request-id")) == 36
        assert gateway.recorded() == []
        assert await gateway.metric('nexus_requests_total{status="2xx"}') == 10


@pytest.mark.parametrize("method", ["POST", "HEAD"])
async def test_an_unreachable_upstream_is_a_recorded_502(tmp_path: Path, method: str) -> None:
    async with running_gateway(tmp_path, UNREACHABLE) as gateway, gateway.client() as client:
        answer = await client.request(method, b"/v1/messages")
        recorded = await gateway.last()
        assert answer.status == 502
        assert recorded.response is not None
        assert recorded.response.origin == "gateway"
        assert recorded.answer == answer.body
        assert recorded.end == EndRecord("upstream", len(answer.body), len(answer.body), "connection refused")
        if method == "POST":
            assert json.loads(answer.body)["request_id"] == recorded.request_id
        assert (await client.request("GET", b"/health/live")).status == 200, "the connection lives on"


@pytest.mark.parametrize("framing", ["length", "chunked", "told"])
async def test_a_body_beyond_the_limit_is_413_and_no_exchange(tmp_path: Path, framing: str) -> None:
    sent = {
        "length": request_bytes("POST", b"/", body=b"x" * 101),
        "chunked": request_bytes(
            "POST", b"/", (b"Transfer-Encoding", b"chunked"), body=chunked([b"x" * 60, b"y" * 60])
        ),
        "told": request_bytes("POST", b"/", (b"Content-Length", b"999999999999")),
    }[framing]
    async with gateway_before(fixed(b""), tmp_path, body_limit=100) as (fake, gateway):
        async with gateway.client() as client:
            assert (await client.request("POST", b"/", body=b"x" * 100)).status == 200
            await client.send(sent)
            answer = await client.answer()
            assert answer.status == 413
            assert json.loads(answer.body)["error"]["type"] == "request_too_large"
            assert answer.one(b"connection") == b"close"
        assert len(fake.requests) == len(gateway.recorded()) == 1
        assert await gateway.metric('nexus_rejected_requests_total{reason="too_large"}') == 1


async def test_a_slow_body_is_408(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, UNREACHABLE, body_idle_s=0.02) as gateway, gateway.client() as client:
        await client.send(request_bytes("POST", b"/", (b"Content-Length", b"10"), body=b"x"))
        answer = await client.answer()
        assert answer.status == 408
        assert json.loads(answer.body)["error"]["type"] == "timeout_error"
        assert await gateway.metric('nexus_rejected_requests_total{reason="slow_body"}') == 1
        assert gateway.recorded() == []


@pytest.mark.parametrize(
    "sent",
    [
        b"GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1 HTTP/2.0\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcZZ",
    ],
)
async def test_what_could_be_understood_in_two_ways_is_400_and_never_forwarded(tmp_path: Path, sent: bytes) -> None:
    async with gateway_before(fixed(b""), tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(sent)
            answer = await client.answer()
            assert answer.status == 400
            assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"
            assert await client.is_closed()
        assert await gateway.metric(MALFORMED) == 1
        assert await gateway.metric("nexus_swallowed_errors_total") == 0
        assert fake.connections == 0


@pytest.mark.parametrize("target", [b"/v1/messages", b"/metrics"])
async def test_what_a_page_of_another_site_caused_is_403_and_no_exchange(target: bytes, tmp_path: Path) -> None:
    lines = ((b"Origin", b"https://evil.example"), (b"Sec-Fetch-Site", b"cross-site"), (b"Sec-Fetch-Mode", b"no-cors"))
    async with gateway_before(fixed(b"up"), tmp_path) as (fake, gateway):
        for method in ("POST", "OPTIONS", "GET"):
            async with gateway.client() as client:
                answer = await client.request(method, target, *lines, body=b"{}")
                assert answer.status == 403
                assert json.loads(answer.body)["error"]["type"] == "permission_error"
                assert not answer.all(b"access-control-allow-origin")
                assert await client.is_closed()
        assert fake.connections == 0
        assert gateway.recorded() == []
        assert await gateway.metric('nexus_rejected_requests_total{reason="cross_site"}') == 3


async def test_a_client_that_leaves_before_its_body_is_whole_leaves_a_counter(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, UNREACHABLE) as gateway:
        async with gateway.client() as client:
            await client.send(request_bytes("POST", b"/", (b"Content-Length", b"10"), body=b"x"))

        async def counted() -> bool:
            return await gateway.metric('nexus_rejected_requests_total{reason="client_gone"}') == 1

        await until_true(counted)
        assert gateway.recorded() == []
        assert await gateway.metric("nexus_swallowed_errors_total") == 0


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"thanks"), tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(request_bytes("POST", b"/", (b"Expect", b"100-continue"), (b"Content-Length", b"4")))
            assert (await client.head()).status_line == b"HTTP/1.1 100 Continue"
            await client.send(b"body")
            assert (await client.answer()).body == b"thanks"
        assert fake.requests[0].body == b"body"
        assert not fake.requests[0].all(b"expect")


async def test_a_client_that_is_told_413_is_not_asked_for_its_body(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, UNREACHABLE, body_limit=3) as gateway, gateway.client() as client:
        await client.send(request_bytes("POST", b"/", (b"Expect", b"100-continue"), (b"Content-Length", b"4")))
        assert (await client.head()).status == 413


async def test_an_upgrade_is_passed_over_and_the_request_answered(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"plain"), tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            lines = ((b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMA"))
            assert (await client.request("GET", b"/v1", *lines)).body == b"plain"
        (received,) = fake.requests
        assert [name for name, _ in received.lines] == [b"Host"]


async def _started(client: WireClient) -> bytes:
    await client.send(request_bytes("POST", b"/v1"))
    await client.head()
    return await client.reader.readexactly(9)


async def test_a_client_that_leaves_while_upstream_is_silent_closes_upstream_at_once(tmp_path: Path) -> None:
    async with gateway_before(stalled, tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            assert await _started(client) == b"4\r\nsome\r\n"
        await fake.until(lambda fake: fake.open == 0, seconds=1)
        assert (await gateway.last()).end == EndRecord("client", 4, 4)


async def test_a_client_that_leaves_before_the_head_closes_upstream_too(tmp_path: Path) -> None:
    async def silent(_: Received, wire: Wire) -> None:
        await wire.until_closed()

    async with gateway_before(silent, tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(request_bytes("POST", b"/v1"))
            await fake.until(lambda fake: len(fake.requests) == 1)
        await fake.until(lambda fake: fake.open == 0, seconds=1)
        assert (await gateway.last()).end == EndRecord("client", 0, 0)


async def test_a_reader_that_stalls_is_cut_and_said_to_have_stalled(tmp_path: Path) -> None:
    async with gateway_before(endless, tmp_path, stall_s=0.1) as (fake, gateway), gateway.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports can
        await client.send(request_bytes("POST", b"/v1"))
        recorded = await gateway.last()
        assert recorded.end is not None
        assert (recorded.end.outcome, recorded.end.detail) == ("client", "the client does not read")
        assert len(recorded.answer) == recorded.end.received >= recorded.end.delivered > 0
        await fake.until(lambda fake: fake.open == 0)
