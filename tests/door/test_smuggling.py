"""What two servers could read in two ways is refused whole; what passes arrives once, framed as one request."""

import json
from pathlib import Path

import pytest

from tests.door.corpus import CASES, TAIL, Case
from tests.fake_upstream import FakeUpstream, Received, fixed
from tests.running_gateway import RunningGateway, gateway_before
from tests.wire_client import WireClient, request_bytes

VICTIM = request_bytes("POST", b"/v1/victim", (b"x-api-key", b"sk-victim"), body=b"victim")


def test_there_are_enough_and_no_two_are_the_same() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len({case.sent for case in CASES}) == len(CASES)


@pytest.mark.bar(33)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_alone(case: Case, tmp_path: Path) -> None:
    async with gateway_before(fixed(b"up"), tmp_path, head_s=2, body_idle_s=2) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(case.sent)
            await judge(case, client)
        await everything_is_accounted_for(case, fake, gateway, before=0)


@pytest.mark.bar(33)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_behind_a_victims_request(case: Case, tmp_path: Path) -> None:
    async with gateway_before(fixed(b"up"), tmp_path, head_s=2, body_idle_s=2) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(VICTIM + case.sent)
            answer = await client.answer()
            assert (answer.status, answer.body) == (200, b"up"), "the victim has its own answer"
            await judge(case, client)
        assert (fake.requests[0].target, fake.requests[0].body) == (b"/v1/victim", b"victim")
        await everything_is_accounted_for(case, fake, gateway, before=1)


async def judge(case: Case, client: WireClient) -> None:
    """One answer; behind a refusal the end of the connection."""
    answer = await client.answer()
    assert answer.complete
    if case.fate == "refused":
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"
        assert answer.one(b"connection") == b"close"
        assert await client.is_closed()
    else:
        assert (answer.status, answer.body) == (200, b"up")


async def everything_is_accounted_for(case: Case, fake: FakeUpstream, gateway: RunningGateway, *, before: int) -> None:
    rejected = await gateway.metric('nexus_rejected_requests_total{reason="malformed"}')
    assert await gateway.metric("nexus_swallowed_errors_total") == 0
    arrived = fake.requests[before:]
    if case.fate == "refused":
        assert arrived == []
        assert rejected == 1
    else:
        (received,) = arrived
        assert received.body == case.body
        assert rejected == 0
    assert len(gateway.recorded()) == len(fake.requests)
    for received in fake.requests:
        is_framed_once(received)
        assert b"/smuggled" not in received.target


def is_framed_once(received: Received) -> None:
    """By its length, and nothing speaks of another frame."""
    assert not received.all(b"transfer-encoding")
    assert not received.all(b"upgrade")
    assert not received.all(b"connection")
    assert received.all(b"content-length") in ([], [b"%d" % len(received.body)])
    assert received.all(b"host")[0].startswith(b"127.0.0.1:")
    assert len(received.all(b"host")) == 1


async def test_what_follows_a_refusal_is_never_read(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"up"), tmp_path) as (fake, gateway):
        async with gateway.client() as client:
            await client.send(b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n" + TAIL * 20)
            assert (await client.answer()).status == 400
            assert await client.is_closed()
        assert fake.connections == 0
