"""What Nexus answers itself is what its table says, and upstream does not hear of what was turned away."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from credentials.signature import CredentialUnusableError, Why
from domain.limits import Limits
from tests.contracts.cases import OK, asking, said
from tests.contracts.exceptions import OWN_ANSWERS
from tests.fake_upstream import CHUNKED, Received, Script, Wire
from tests.managed import Signer, access, key
from tests.running_gateway import gateway_before
from tests.wire_client import request_bytes


async def _silent(_: Received, wire: Wire) -> None:
    await wire.until_closed()


@dataclass(frozen=True)
class Turn:
    """A request, and what becomes of it."""

    sent: bytes
    status: int
    script: Script = OK
    asks_upstream: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


def head_of(*lines: bytes, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join((b"POST /v1/messages HTTP/" + version, *lines, b"", b""))


def upstream_says(script: Script, status: int, **settings: Any) -> Turn:
    return Turn(asking("POST", body=b"x"), status, script, asks_upstream=True, settings=settings)


MESSAGES = b"/v1/messages"
GOOD, SPENT = key(1), key(3, limits=Limits(requests_per_minute=0))
UNSIGNED: dict[Why, int] = {"missing": 403, "login_needed": 403, "unavailable": 503}


def without(why: Why) -> Signer:
    """There is no credential."""
    return Signer(lambda *_: CredentialUnusableError(why, "Add one."))


TURNS = {
    "Pages of Nexus": [
        Turn(asking(method, target), 200)
        for method in ("GET", "HEAD")
        for target in (b"/", b"/api/hello", b"/health/live", b"/health/ready", b"/metrics")
    ],
    "Methods": [Turn(asking("TRACE"), 400), Turn(asking("CONNECT"), 400), Turn(asking("FROBNICATE"), 400)],
    "Targets": [
        Turn(asking("GET", b"http://127.0.0.1/v1"), 400),
        Turn(asking("OPTIONS", b"*"), 400),
        Turn(asking("CONNECT", b"evil.example:443"), 400),
    ],
    "Ambiguity": [
        Turn(head_of(b"Host: a", b"Content-Length: 1", b"Content-Length: 2"), 400),
        Turn(head_of(b"Host: a", b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
        Turn(head_of(b"Host: a", b"Transfer-Encoding: gzip, chunked"), 400),
        Turn(head_of(b"x-a: 1"), 400),
        Turn(head_of(b"Host: a", b"Host: b"), 400),
        Turn(head_of(b"Host: a", b"Content-Type: a", b"content-type: b"), 400),
        Turn(head_of(b"Host: a", b"User-Agent: a", b"User-Agent: a"), 400),
        Turn(head_of(b"Host: a", b"Server: a", b"Transfer-Encoding: chunked") + b"0\r\nserver: a\r\nx: b\r\n\r\n", 400),
    ],
    "Keys": [
        Turn(asking("POST", MESSAGES, *lines), 401, settings={"access": access(*keys)})
        for keys, lines in [
            ((GOOD,), ()),
            ((GOOD,), ((b"x-api-key", b"sk-ant-api03-mine"),)),
            ((GOOD,), (key(2).bearer,)),
            ((), (GOOD.bearer,)),
        ]
    ],
    "Scopes": [Turn(asking("GET", b"/v1/files", GOOD.bearer), 403, settings={"access": access(GOOD)})],
    "Limits": [Turn(asking("POST", MESSAGES, SPENT.api_key), 429, settings={"access": access(SPENT)})],
    "Credentials": [
        Turn(asking("POST", MESSAGES, GOOD.bearer), status, settings={"access": access(GOOD, signer=without(why))})
        for why, status in UNSIGNED.items()
    ],
    "Heads": [
        Turn(asking("GET", b"/v1", (b"x-big", b"v" * 65_600)), 431),
        Turn(asking("GET", b"/v1", *((b"x", b"%d" % number) for number in range(257))), 431),
    ],
    "Bodies": [
        Turn(head_of(b"Host: a", b"Content-Length: 67108865"), 413),
        Turn(asking("POST", b"/", CHUNKED, body=b"c\r\nmore than it\r\n"), 413, settings={"body_limit": 10}),
    ],
    "Slow requests": [
        Turn(head_of(b"Host: a", b"Content-Length: 1"), 408, settings={"body_idle_s": 0.05}),
        Turn(b"GET /v1 HTTP/1.1\r\nHost: a\r\n", 408, settings={"head_s": 0.05}),
    ],
    "Strange pages": [Turn(asking("GET", b"/v1", (b"Sec-Fetch-Site", b"cross-site")), 403)],
    "No answer": [
        upstream_says(said(end=True), 502),
        upstream_says(said(b"HTTP/1.1 2", end=True), 502),
        upstream_says(said(b"220 smtp.example ESMTP\r\n\r\n", end=True), 502),
    ],
    "Other protocols": [upstream_says(said(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), 502)],
    "Silence": [upstream_says(_silent, 504, upstream_idle_s=0.05)],
}


def test_every_row_of_the_table_has_its_requests() -> None:
    assert list(TURNS) == [one.name for one in OWN_ANSWERS]
    for own in OWN_ANSWERS:
        assert {str(turn.status) for turn in TURNS[own.name]} == set(own.status.split(", "))


@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS)
async def test_nexus_answers_itself(turns: list[Turn], tmp_path: Path) -> None:
    for number, turn in enumerate(turns):
        root = tmp_path / str(number)
        async with gateway_before(turn.script, root, **turn.settings) as (fake, gateway), gateway.client() as client:
            await client.send(turn.sent)
            answer = await client.answer(head_only=turn.sent.startswith(b"HEAD"))
            assert answer.status == turn.status
            assert len(answer.one(b"x-nexus-request-id")) == 36
            if turn.status != 200:
                assert answer.body.startswith(b'{"type":"error","error":{"type":"')
            assert len(fake.requests) == turn.asks_upstream


async def test_a_client_that_closes_its_half_is_gone(tmp_path: Path) -> None:
    """As the docs say: nobody can tell it from one that has left."""
    async with gateway_before(_silent, tmp_path) as (fake, gateway), gateway.client() as client:
        await client.send(asking("POST", body=b"x"))
        await fake.until(lambda fake: len(fake.requests) == 1)
        client.writer.write_eof()
        assert await client.is_closed()
        await fake.until(lambda fake: fake.open == 0)
        recorded = await gateway.last()
    assert recorded.end is not None
    assert recorded.end.outcome == "client"


async def test_a_larger_body_than_upstream_likes_is_judged_by_upstream(tmp_path: Path) -> None:
    sent = request_bytes("POST", b"/v1", body=b"x" * 64 * 1024 * 1024)
    async with gateway_before(OK, tmp_path) as (fake, gateway), gateway.client() as client:
        await client.send(sent)
        assert (await client.answer()).status == 200
        assert len(fake.requests[0].body) == 64 * 1024 * 1024
