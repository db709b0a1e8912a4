"""Tenants' requests are signed, once more if need be; nobody else's is; and no client hears a secret."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.signature import CredentialUnusableError, Signature, Why
from gateway.answers import AnswerHead
from gateway.headers import HeaderLines, HeaderMap, by_name
from gateway.signing import SigningUpstream, signed
from gateway.upstream import Tenant, UpstreamAnswer, UpstreamError, UpstreamRequest
from tests.managed import Signer, api_key_signature

ACME = Tenant("team.example", "acme")
REQUEST = UpstreamRequest("POST", b"/v1/messages", ((b"Accept", b"*/*"),), b"{}", ACME)
OLD, NEW = api_key_signature(b"the-old-secret"), api_key_signature(b"the-new-secret")


@dataclass
class Answer:
    """An answer of a script."""

    status: int = 200
    reads: Sequence[bytes | UpstreamError] = ()
    headers: HeaderLines = ()
    reason: bytes = b"OK"
    ready: bool = True
    closed: bool = False
    at: int = 0

    @property
    def head(self) -> AnswerHead:
        return AnswerHead(self.status, self.reason, self.headers, None)

    @property
    def told(self) -> HeaderMap:
        return by_name(self.headers)

    async def read(self) -> bytes:
        if self.at >= len(self.reads):
            return b""
        self.at += 1
        said = self.reads[self.at - 1]
        if isinstance(said, UpstreamError):
            raise said
        return said

    def close(self) -> None:
        self.closed = True


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


async def all_of(answer: UpstreamAnswer) -> bytes:
    said = b""
    while data := await answer.read():
        said += data
    return said


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


async def test_an_error_says_no_secret_in_its_head_and_so_none_is_recorded() -> None:
    headers = ((b"X-Echo", b"you sent the-old-secret"), (b"Date", b"now"))
    stage = Stage([Answer(400, [], headers, b"bad the-old-secret")])
    answer = await stage.open()
    assert answer.headers == answer.head.headers == ((b"X-Echo", b"you sent **************"), (b"Date", b"now"))
    assert answer.told == {b"x-echo": b"you sent **************", b"date": b"now"}
    assert answer.head.reason == b"bad **************"


async def test_what_is_no_error_is_not_searched() -> None:
    stage = Stage([Answer(200, [b"the-old-secret"])])
    assert await all_of(await stage.open()) == b"the-old-secret"


@given(
    pieces=st.lists(
        st.sampled_from([b"the-old-secret", b"the-old-", b"secret", b"the-the-old-secret", b"t", b"other", b"x" * 30]),
        max_size=8,
    ),
    cuts=st.lists(st.integers(1, 200), max_size=12),
)
async def test_however_it_is_cut_the_secret_is_replaced_and_nothing_else(pieces: list[bytes], cuts: list[int]) -> None:
    said = b"".join(pieces)
    edges = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    reads = [said[start:end] for start, end in pairwise(edges)]
    stage = Stage([Answer(400, reads)])
    stage.signer = Signer(lambda *_: replace(OLD, secrets=(b"the-old-secret", b"other", b"")))
    heard = await all_of(await stage.open())
    assert heard == said.replace(b"the-old-secret", b"*" * 14).replace(b"other", b"*****")


async def test_at_every_position_a_split_secret_is_found_and_the_rest_comes_at_once() -> None:
    said = b'{"error":"invalid the-old-secret"} and so on'
    for at in range(1, len(said)):
        answer = await Stage([Answer(401, [said[:at], said[at:]])]).open()
        assert await all_of(answer) == said.replace(b"the-old-secret", b"*" * 14)
    answer = await Stage([Answer(401, [b"nothing held: ", b"x"])]).open()
    assert await answer.read() == b"nothing held: "


async def test_what_was_held_back_is_said_before_upstream_breaks_off() -> None:
    broke = UpstreamError("upstream", "lost")
    answer = await Stage([Answer(500, [b"it is the-old", broke])]).open()
    assert await answer.read() == b"it is "
    assert await answer.read() == b"the-old"
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await answer.read()


async def test_a_guarded_answer_is_as_ready_as_the_real_one_and_closes_it() -> None:
    stage = Stage([Answer(500, ready=False)])
    answer = await stage.open()
    assert not answer.ready
    answer.close()
    assert stage.answers[0].closed


async def test_closing_closes_the_way_below() -> None:
    upstream = Upstream([])
    await SigningUpstream(upstream, Signer(lambda *_: OLD), print).close()
    assert upstream.closed
