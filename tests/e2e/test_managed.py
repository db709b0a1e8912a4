"""A team's gateway, end to end: a key at the door, the tenant's credential upstream, its name in the record."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from credentials.signature import CredentialUnusableError, Signature, Why
from domain.limits import Limits
from gateway.frames import Kind
from gateway.records import EndRecord
from schemas.stored.events import TERMINAL, RequestReceived
from tests.fake_store import FakeStore
from tests.fake_upstream import EVENTS, Received, Script, Wire, fixed, head, streamed
from tests.gateway.test_shipper import shipping
from tests.managed import TENANT_KEY, Signer, access, api_key_signature, key
from tests.running_gateway import RunningGateway, frames_in, gateway_before
from tests.waiting import until
from tests.wire_client import Answer, WireClient, chunked, request_bytes

ONE = key(1)
OTHER = key(2, account="other", client_domain="other.example")
MESSAGES = b"/v1/messages?beta=true"
OAUTH = Signature("d", ((b"authorization", b"Bearer oauth-1"),), (b"oauth-2025-04-20",), (b"oauth-1",))
CLIENT_SECRETS = (
    ONE.bearer,
    ONE.api_key,
    (b"Cookie", b"session=client-secret"),
    (b"Proxy-Authorization", b"Basic client-secret"),
    (b"X-Nexus-Key", b"client-secret"),
    (b"anthropic-api-key", b"client-secret"),
    (b"X-Leaked", ONE.text),
    (b"User-Agent", b"client with key " + ONE.text),
)


async def test_upstream_sees_the_tenants_credential_and_never_the_clients(tmp_path: Path) -> None:
    script = streamed(b"data: 1\n\n", lines=(EVENTS, (b"request-id", b"req_7")))
    async with gateway_before(script, tmp_path, access(ONE)) as (fake, gateway), gateway.client() as client:
        lines = ((b"anthropic-version", b"2023-06-01"), *CLIENT_SECRETS, (b"X-Nexus-Domain", b"elsewhere.example"))
        answer = await client.request("POST", MESSAGES, *lines, body=b"{}")
        recorded = await gateway.last()
        (received,) = fake.requests
    raw = b"".join(frame.payload for frame in frames_in(tmp_path))
    assert (answer.status, answer.body) == (200, b"data: 1\n\n")
    sent = b"\n".join(b"%b: %b" % line for line in received.lines)
    assert received.all(b"x-api-key") == [TENANT_KEY]
    assert ONE.text not in sent
    assert b"client-secret" not in sent
    assert received.all(b"anthropic-version") == [b"2023-06-01"]
    assert received.body == b"{}"
    request = recorded.request
    assert request is not None
    assert (request.mode, request.key_id, request.account) == ("managed", ONE.facts.key_id, "acme")
    assert request.client_domain == "team.example", "the key's, whatever the client says"
    assert ONE.text not in raw
    assert b"client-secret" not in raw
    assert TENANT_KEY not in raw


async def test_every_tenant_has_its_own_credential(tmp_path: Path) -> None:
    signer = Signer(lambda domain, account: api_key_signature(f"of-{domain}-{account}".encode()))
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE, OTHER, signer=signer)) as (fake, gateway):
        async with gateway.client() as client:
            for one in (ONE, OTHER, ONE):
                assert (await client.request("POST", MESSAGES, one.bearer, body=b"{}")).status == 200
        assert [one.all(b"x-api-key") for one in fake.requests] == [
            [b"of-team.example-acme"],
            [b"of-other.example-other"],
            [b"of-team.example-acme"],
        ]


BAD = {
    "no key": (),
    "somebody's own credential": ((b"x-api-key", b"sk-ant-api03-mine"),),
    "unknown": (key(9).bearer,),
    "wrong secret": ((b"x-api-key", ONE.text[:-20] + key(9).text[-20:]),),
    "two": (ONE.bearer, OTHER.api_key),
}


@pytest.mark.parametrize("target", [MESSAGES, b"/v1/files", b"/anything"])
async def test_without_a_good_key_all_hear_the_same_and_upstream_nothing(tmp_path: Path, target: bytes) -> None:
    signer = Signer(lambda *_: api_key_signature())
    heard = set()
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE, OTHER, signer=signer)) as (fake, gateway):
        for lines in BAD.values():
            async with gateway.client() as client:
                answer = await client.request("POST", target, *lines)
            body = json.loads(answer.body)
            assert body.pop("request_id").encode() == answer.one(b"x-nexus-request-id")
            kept = [line for line in answer.lines if line[0] != b"x-nexus-request-id"]
            heard.add((answer.status_line, tuple(kept), json.dumps(body)))
        assert await gateway.metric('nexus_rejected_requests_total{reason="unauthenticated"}') == len(BAD)
        assert gateway.recorded() == []
        assert fake.connections == 0
    ((status_line, lines, text),) = heard
    assert status_line == b"HTTP/1.1 401 Unauthorized"
    assert (b"www-authenticate", b'Bearer realm="Nexus"') in lines
    assert json.loads(text)["error"]["type"] == "authentication_error"
    assert signer.asked == []


async def test_a_key_of_another_scope_is_403_in_anthropics_envelope(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE)) as (fake, gateway), gateway.client() as client:
        answer = await client.request("GET", b"/v1/files", ONE.bearer)
        assert (answer.status, json.loads(answer.body)["error"]["type"]) == (403, "permission_error")
        assert await gateway.metric('nexus_rejected_requests_total{reason="forbidden"}') == 1
        assert fake.connections == 0


async def test_a_connection_line_does_not_take_the_signature_off(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE)) as (fake, gateway), gateway.client() as client:
        lines = ((b"Connection", b"keep-alive, x-api-key, content-length"), ONE.bearer)
        assert (await client.request("POST", MESSAGES, *lines, body=b"{}")).status == 200
        assert (await client.request("POST", MESSAGES, *lines, body=b"{}")).status == 200
        assert [one.all(b"x-api-key") for one in fake.requests] == [[TENANT_KEY]] * 2
        assert [one.body for one in fake.requests] == [b"{}"] * 2


def _spent(signature: bytes) -> Script:
    """Refuses one credential, and says so."""

    async def script(received: Received, wire: Wire) -> None:
        shown = b"".join(received.all(b"authorization"))
        if shown == b"Bearer " + signature:
            await fixed(b'{"error":"%b has expired"}' % shown, b"401 Unauthorized", (b"X-Echo", shown))(received, wire)
        else:
            await fixed(shown)(received, wire)

    return script


async def test_an_expired_token_is_renewed_and_the_client_notices_nothing(tmp_path: Path) -> None:
    renewed = replace(OAUTH, lines=((b"authorization", b"Bearer oauth-2"),), secrets=(b"oauth-2",))
    signer = Signer(lambda *_: OAUTH, [renewed])
    async with gateway_before(_spent(b"oauth-1"), tmp_path, access(ONE, signer=signer)) as (fake, gateway):
        async with gateway.client() as client:
            lines = ((b"anthropic-beta", b"claude-code-20250219"), ONE.bearer)
            answer = await client.request("POST", MESSAGES, *lines, body=b'{"large":1}')
        recorded = await gateway.last()
        assert (answer.status, answer.body) == (200, b"Bearer oauth-2")
        assert [one.body for one in fake.requests] == [b'{"large":1}'] * 2
        assert fake.requests[0].all(b"anthropic-beta") == [b"claude-code-20250219,oauth-2025-04-20"]
        assert recorded.kinds.count(Kind.RESPONSE) == 1
        assert recorded.end == EndRecord("completed", 14, 14)
        assert await gateway.metric("nexus_signed_again_total") == 1


async def test_a_401_that_stays_goes_to_the_client_without_the_token(tmp_path: Path) -> None:
    signer = Signer(lambda *_: OAUTH)
    async with gateway_before(_spent(b"oauth-1"), tmp_path, access(ONE, signer=signer)) as (fake, gateway):
        async with gateway.client() as client:
            answer = await client.request("POST", MESSAGES, ONE.bearer, body=b"{}")
        recorded = await gateway.last()
        assert answer.status == 401
        assert answer.body == recorded.answer == b'{"error":"Bearer ******* has expired"}'
        assert answer.one(b"x-echo") == b"Bearer *******"
        assert answer.complete
        assert len(fake.requests) == 1


async def test_a_chunked_error_that_breaks_off_in_a_secret_is_cut_like_any_other(tmp_path: Path) -> None:
    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"500 No", (b"Transfer-Encoding", b"chunked")))
        await wire.chunk(b"sent: " + TENANT_KEY[:9])
        wire.reset()

    async with gateway_before(script, tmp_path, access(ONE)) as (_, gateway), gateway.client() as client:
        answer = await client.request("POST", MESSAGES, ONE.bearer, body=b"{}")
        recorded = await gateway.last()
    assert not answer.complete
    assert recorded.end is not None
    assert recorded.end.outcome == "upstream"


@pytest.mark.parametrize(
    ("why", "status", "kind"),
    [
        ("missing", 403, "permission_error"),
        ("login_needed", 403, "permission_error"),
        ("unavailable", 503, "api_error"),
    ],
)
async def test_without_a_credential_the_exchange_is_answered_and_recorded(
    tmp_path: Path, why: Why, status: int, kind: str
) -> None:
    signer = Signer(lambda *_: CredentialUnusableError(why, "There is none; add one."))
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE, signer=signer)) as (fake, gateway):
        async with gateway.client() as client:
            answer = await client.request("POST", MESSAGES, ONE.bearer, body=b"{}")
        recorded = await gateway.last()
        assert answer.status == status
        assert json.loads(answer.body)["error"] == {"type": kind, "message": "Nexus: There is none; add one."}
        assert answer.all(b"retry-after") == ([b"5"] if status == 503 else [])
        assert recorded.answer == answer.body
        assert recorded.response is not None
        assert (recorded.response.origin, recorded.response.status) == ("gateway", status)
        assert fake.connections == 0


async def _streaming(client: WireClient, *lines: tuple[bytes, bytes]) -> Answer:
    await client.send(request_bytes("POST", MESSAGES, *lines, body=b"{}"))
    answer = await client.head()
    assert answer.status == 200
    return answer


async def test_limits_answer_before_the_body_is_read(tmp_path: Path) -> None:
    busy = key(3, limits=Limits(concurrent_streams=1))
    release = asyncio.Event()

    async def script(received: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", (b"content-length", b"2")))
        if b"count_tokens" not in received.target:
            await release.wait()
        await wire.say(b"{}")

    async with gateway_before(script, tmp_path, access(busy, ONE)) as (fake, gateway):
        async with gateway.client() as first, gateway.client() as second, gateway.client() as third:
            streaming = await _streaming(first, busy.bearer)
            announced = ((b"Content-Length", b"1000000"), (b"Expect", b"100-continue"))
            await second.send(request_bytes("POST", MESSAGES, *announced, busy.bearer))
            answer = await second.answer()
            assert (answer.status, answer.one(b"retry-after")) == (429, b"1")
            assert json.loads(answer.body)["error"]["type"] == "rate_limit_error"
            assert answer.one(b"connection") == b"close"
            counting = b"/v1/messages/count_tokens"
            assert (await third.request("POST", counting, busy.bearer, body=b"{}")).status == 200
            await _streaming(third, ONE.bearer)
            release.set()
            await first.body(streaming)
            assert (await first.request("POST", MESSAGES, busy.bearer, body=b"{}")).status == 200
        assert await gateway.metric('nexus_limited_requests_total{limit="streams"}') == 1
        assert await gateway.metric('nexus_rejected_requests_total{reason="limited"}') == 1
        assert len(fake.requests) == 4


async def test_two_workers_of_a_host_count_together(tmp_path: Path) -> None:
    busy = key(3, limits=Limits(requests_per_minute=100, concurrent_streams=2))

    async def status(gateway: RunningGateway) -> int:
        async with gateway.client() as client:
            return (await client.request("POST", MESSAGES, busy.bearer, body=b"{}")).status

    async def hanging(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", (b"Transfer-Encoding", b"chunked")))
        await wire.until_closed()

    limits = tmp_path / "limits"
    first = gateway_before(hanging, tmp_path / "a", access(busy), limits_dir=limits)
    second = gateway_before(fixed(b"{}"), tmp_path / "b", access(busy), limits_dir=limits)
    async with first as (_, one), second as (_, other), one.client() as a, one.client() as b:
        await _streaming(a, busy.bearer)
        assert await status(other) == 200
        await _streaming(b, busy.bearer)
        assert await status(other) == 429


async def test_a_body_that_never_ends_is_not_waited_for_from_a_stranger(tmp_path: Path) -> None:
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE)) as (_, gateway), gateway.client() as client:
        lines = ((b"Transfer-Encoding", b"chunked"),)
        await client.send(request_bytes("POST", MESSAGES, *lines, body=chunked([b"x" * 10])[:-5]))
        assert (await client.answer()).status == 401


async def test_the_events_say_whose_request_it_was_and_tenants_share_nothing(tmp_path: Path) -> None:
    store = FakeStore()
    body = json.dumps({"metadata": {"user_id": "user_1_account_somebody-elses_session_2"}, "model": "m"}).encode()
    async with gateway_before(fixed(b"{}"), tmp_path, access(ONE, OTHER)) as (_, gateway), shipping(tmp_path, store):
        async with gateway.client() as client:
            for one in (ONE, OTHER):
                assert (await client.request("POST", MESSAGES, one.bearer, body=body)).status == 200
        await until(lambda: sum(isinstance(event, TERMINAL) for event in store.events) == 2, "both exchanges")
    requests = [event for event in store.events if isinstance(event, RequestReceived)]
    assert [(one.mode, one.key_id, one.account, one.client_domain, one.scope) for one in requests] == [
        ("managed", ONE.facts.key_id, "acme", "team.example", "key-account:acme"),
        ("managed", OTHER.facts.key_id, "other", "other.example", "key-account:other"),
    ]
