"""Tenants' requests are signed, once more if need be; nobody else's is; and no client hears a secret of theirs."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.signature import CredentialUnusableError, Signature, Why
from gateway.headers import HeaderLines
from gateway.signing import SigningUpstream, signed
from gateway.upstream import Tenant, UpstreamAnswer, UpstreamError, UpstreamRequest
from tests.gateway.test_quoting import Answer, all_of
from tests.managed import Signer, api_key_signature

ACME = Tenant("team.example", "acme")
REQUEST = UpstreamRequest("POST", b"/v1/messages", ((b"Accept", b"*/*"),), b"{}", ACME)
OLD, NEW = api_key_signature(b"the-old-secret"), api_key_signature(b"the-new-secret")


@dataclass
class Upstream:
    """Gives the answers one after the other."""

    answers: list[Answer]
    requests: list[UpstreamRequest] = field(default_factory=list)
    closed: bool = False

    async def open(self, request: UpstreamRequest) -> Answer:
        self.requests.append(request)
        return self.answers[len(self.requests) - 1]

    async def close(self) -> None:
        self.closed = True


@dataclass
class Stage:
    """The signing upstream with what is around it."""

    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    signer: Signer = field(default_factory=lambda: Signer(lambda *_: OLD))
    again: int = 0

    async def open(self, request: UpstreamRequest = REQUEST) -> UpstreamAnswer:
        self.upstream = Upstream(self.answers)
        return await SigningUpstream(self.upstream, self.signer, self._sent_again).open(request)

    def _sent_again(self) -> None:
        self.again += 1

    @property
    def sent(self) -> list[HeaderLines]:
        return [request.headers for request in self.upstream.requests]


lines = st.tuples(st.binary(max_size=12), st.binary(max_size=12))


@given(st.lists(lines, max_size=5).map(tuple), st.sampled_from([200, 401, 500]))
async def test_nothing_stored_is_ever_used_without_a_tenant(headers: HeaderLines, status: int) -> None:
    answer = Answer(status, [b"the-old-secret"])
    stage = Stage([answer])
    request = replace(REQUEST, headers=headers, tenant=None)
    assert await stage.open(request) is answer
    assert stage.upstream.requests == [request]
    assert (stage.signer.asked, stage.signer.refused) == ([], [])


async def test_a_tenants_request_carries_the_tenants_signature() -> None:
    stage = Stage()
    answer = await stage.open()
    assert answer is stage.answers[0], "what is no error is passed on as it is"
    assert stage.sent == [((b"Accept", b"*/*"), (b"x-api-key", b"the-old-secret"))]
    assert stage.signer.asked == [("team.example", "acme")]
    assert stage.again == 0


@pytest.mark.parametrize(
    ("there", "sent"),
    [
        ((), ((b"anthropic-beta", b"oauth,more"),)),
        (((b"Anthropic-Beta", b"a, more"),), ((b"Anthropic-Beta", b"a, more,oauth"),)),
        (((b"anthropic-beta", b""),), ((b"anthropic-beta", b"oauth,more"),)),
        (((b"anthropic-beta", b"more,oauth"),), ((b"anthropic-beta", b"more,oauth"),)),
        (
            ((b"anthropic-beta", b"a"), (b"x", b"y"), (b"anthropic-beta", b"oauth")),
            ((b"anthropic-beta", b"a,more"), (b"x", b"y"), (b"anthropic-beta", b"oauth")),
        ),
    ],
)
def test_beta_words_are_added_to_the_clients_own(there: HeaderLines, sent: HeaderLines) -> None:
    signature = Signature("d", ((b"authorization", b"Bearer t"),), (b"oauth", b"more", b"oauth"))
    request = signed(replace(REQUEST, headers=there), signature)
    assert request.headers == (*sent, (b"authorization", b"Bearer t"))


async def test_after_a_401_the_request_is_sent_once_more_with_a_new_signature() -> None:
    stage = Stage([Answer(401, [b"no"]), Answer(200, [b"yes"])])
    stage.signer.renewals = [NEW]
    answer = await stage.open()
    assert await all_of(answer) == b"yes"
    assert [headers[-1] for headers in stage.sent] == [OLD.lines[0], NEW.lines[0]]
    assert stage.signer.refused == [OLD]
    assert stage.answers[0].closed
    assert stage.again == 1


async def test_a_second_401_is_the_answer() -> None:
    stage = Stage([Answer(401), Answer(401, [b"no: the-old-secret, the-new-secret"]), Answer(200)])
    stage.signer.renewals = [NEW, NEW]
    answer = await stage.open()
    assert answer.head.status == 401
    assert await all_of(answer) == b"no: **************, **************"
    assert len(stage.sent) == 2
    assert not stage.answers[1].closed


@pytest.mark.parametrize("renewal", [None, CredentialUnusableError("login_needed", "Log in.")])
async def test_without_a_new_signature_the_401_is_passed_on(renewal: CredentialUnusableError | None) -> None:
    stage = Stage([Answer(401, [b"no"])])
    stage.signer.renewals = [renewal]
    answer = await stage.open()
    assert (answer.head.status, await all_of(answer)) == (401, b"no")
    assert not stage.answers[0].closed
    assert stage.again == 0


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500, 529])
async def test_nothing_but_a_401_is_sent_again(status: int) -> None:
    stage = Stage([Answer(status)])
    stage.signer.renewals = [NEW]
    assert (await stage.open()).head.status == status
    assert len(stage.sent) == 1
    assert stage.signer.refused == []


async def test_a_client_that_leaves_while_the_signature_is_renewed_closes_upstream() -> None:
    stage = Stage([Answer(401)])
    waiting = asyncio.Event()

    async def renewed(_: Signature) -> None:
        waiting.set()
        await asyncio.Event().wait()

    stage.signer.renewed = renewed  # type: ignore[method-assign, assignment]
    opening = asyncio.ensure_future(stage.open())
    await waiting.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert stage.answers[0].closed


@pytest.mark.parametrize(
    ("why", "status", "kind"), [("missing", 403, ""), ("login_needed", 403, ""), ("unavailable", 503, "api_error")]
)
async def test_without_a_credential_upstream_is_not_asked(why: Why, status: int, kind: str) -> None:
    stage = Stage(signer=Signer(lambda *_: CredentialUnusableError(why, "Add one.")))
    with pytest.raises(UpstreamError) as caught:
        await stage.open()
    assert stage.sent == []
    error = caught.value
    assert error.refusal is not None
    assert (error.outcome, error.refusal.status, error.refusal.kind) == ("upstream", status, kind)
    assert error.refusal.message == "Nexus: Add one."
    assert error.refusal.lines == (((b"retry-after", b"5"),) if status == 503 else ())
    assert error.detail
    assert "Add one" not in error.detail


async def test_closing_closes_the_way_below() -> None:
    upstream = Upstream([])
    await SigningUpstream(upstream, Signer(lambda *_: OLD), print).close()
    assert upstream.closed
