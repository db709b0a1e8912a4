"""An error answer says no secret, whole or split, plain or packed; everything else goes on byte for byte."""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import AnswerHead
from gateway.headers import HeaderLines, HeaderMap, by_name
from gateway.quoting import MAX_ENCODED_BYTES, unquoting
from gateway.upstream import AnswerSink, UpstreamAnswer, UpstreamError
from gateway.upstream_flow import Flow
from tests.pulled import Pulled
from tests.waiting import until

SECRETS = [b"the-old-secret"]
STARS = b"*" * 14


class Answer(Flow):
    """An answer of a script."""

    def __init__(
        self,
        status: int = 200,
        reads: Sequence[bytes | UpstreamError] = (),
        headers: HeaderLines = (),
        reason: bytes = b"OK",
        length: int | None = None,
        *,
        ends: bool = True,
    ) -> None:
        super().__init__()
        self.status, self.reads, self.headers, self.reason, self.length = status, reads, headers, reason, length
        self.flowed = self.closed = False
        for said in reads:
            if isinstance(said, UpstreamError):
                self.end(said)
                return
            self.push(said)
        if ends:
            self.end()

    @property
    def head(self) -> AnswerHead:
        return AnswerHead(self.status, self.reason, self.headers, self.length)

    @property
    def told(self) -> HeaderMap:
        return by_name(self.headers)

    def flow(self, sink: AnswerSink) -> None:
        self.flowed = True
        super().flow(sink)

    def close(self) -> None:
        self.closed = True
        super().close()


async def all_of(answer: UpstreamAnswer) -> bytes:
    return await Pulled(answer).all()


async def test_an_error_says_no_secret_in_its_head_and_so_none_is_recorded() -> None:
    headers = ((b"X-Echo", b"you sent the-old-secret"), (b"Date", b"now"))
    answer = await unquoting(Answer(400, [], headers, b"bad the-old-secret"), SECRETS)
    assert answer.headers == answer.head.headers == ((b"X-Echo", b"you sent **************"), (b"Date", b"now"))
    assert answer.told == {b"x-echo": b"you sent **************", b"date": b"now"}
    assert answer.head.reason == b"bad **************"


async def test_what_is_no_error_is_not_searched() -> None:
    said = Answer(200, [b"the-old-secret"])
    assert await unquoting(said, SECRETS) is said
    nothing = Answer(500, [b"the-old-secret"])
    assert await unquoting(nothing, [b""]) is nothing


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
    heard = await all_of(await unquoting(Answer(400, reads), [b"other", b"", b"the-old-secret"]))
    assert heard == said.replace(b"the-old-secret", b"*" * 14).replace(b"other", b"*****")


async def test_at_every_position_a_split_secret_is_found_and_the_rest_comes_at_once() -> None:
    said = b'{"error":"invalid the-old-secret"} and so on'
    for at in range(1, len(said)):
        answer = await unquoting(Answer(401, [said[:at], said[at:]]), SECRETS)
        assert await all_of(answer) == said.replace(b"the-old-secret", b"*" * 14)
    answer = await unquoting(Answer(401, [b"nothing held: ", b"x"]), SECRETS)
    assert await Pulled(answer).read() == b"nothing held: "


async def test_what_was_held_back_is_said_before_upstream_breaks_off() -> None:
    broke = UpstreamError("upstream", "lost")
    answer = await unquoting(Answer(500, [b"it is the-old", broke]), SECRETS)
    pulled = Pulled(answer)
    assert await pulled.read() == b"it is "
    assert await pulled.read() == b"the-old"
    with pytest.raises(UpstreamError):
        await pulled.read()


async def test_giving_up_a_guarded_answer_gives_up_the_real_one() -> None:
    real = Answer(500)
    (await unquoting(real, SECRETS)).close()
    assert real.closed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def packed(coding: str, body: bytes, *, cut: int = 7) -> Answer:
    data = PACKERS[coding](body)
    headers = (
        (b"Content-Encoding", coding.encode()), (b"Content-Length", b"%d" % len(data)), (b"Echo", b"the-old-secret")
    )  # fmt: skip
    return Answer(400, [data[:cut], data[cut:]], headers, length=len(data))


@pytest.mark.parametrize("coding", PACKERS)
async def test_a_packed_error_without_a_secret_goes_on_as_it_came(coding: str) -> None:
    real = packed(coding, b'{"error":"other"}' * 50)
    answer = await unquoting(real, SECRETS)
    pulled = Pulled(answer)
    assert [await pulled.read(), await pulled.read(), await pulled.read()] == [*real.reads, b""]
    assert answer.head.length == real.length
    assert answer.headers == answer.head.headers == (*real.headers[:2], (b"Echo", STARS))
    assert answer.told[b"echo"] == STARS
    answer.close()


@pytest.mark.parametrize("coding", PACKERS)
async def test_a_packed_error_with_a_secret_goes_on_opened(coding: str) -> None:
    real = packed(coding, b'{"error":"invalid the-old-secret"}' * 50)
    answer = await unquoting(real, SECRETS)
    said = b'{"error":"invalid %b"}' % STARS * 50
    assert await all_of(answer) == said
    assert answer.head.length == len(said)
    assert answer.head.headers == answer.headers == ((b"Echo", STARS), (b"content-length", b"%d" % len(said)))


@pytest.mark.parametrize(
    ("encoding", "reads"),
    [
        (b"unheard-of", [b"x"]),
        (b"gzip", [b"no gzip"]),
        (b"gzip", [gzip.compress(b"cut", mtime=0)[:-1]]),
        (b"gzip", [b"x" * MAX_ENCODED_BYTES, b"x"]),
        (b"gzip", [gzip.compress(bytes(8 * 1024 * 1024), mtime=0)]),
    ],
)
async def test_an_error_that_cannot_be_searched_is_withheld(encoding: bytes, reads: list[bytes]) -> None:
    real = Answer(500, reads, ((b"content-encoding", encoding),))
    with pytest.raises(UpstreamError) as caught:
        await unquoting(real, SECRETS)
    assert caught.value.refusal is not None
    assert caught.value.refusal.status == 502
    assert real.closed


async def test_a_packed_error_that_breaks_off_is_a_failure_of_upstream() -> None:
    broke = UpstreamError("timeout", "no bytes")
    real = Answer(500, [b"x", broke], ((b"content-encoding", b"gzip"),))
    with pytest.raises(UpstreamError) as caught:
        await unquoting(real, SECRETS)
    assert caught.value is broke


@pytest.mark.parametrize("encoding", [b"", b"identity", b" Identity"])
async def test_what_calls_itself_plain_is_plain(encoding: bytes) -> None:
    real = Answer(500, [b"the-old-secret"], ((b"content-encoding", encoding),))
    assert await all_of(await unquoting(real, SECRETS)) == STARS


async def test_a_packed_error_without_a_body_waits_for_none() -> None:
    real = Answer(500, [b"never read"], ((b"content-encoding", b"gzip"),), length=0)
    answer = await unquoting(real, SECRETS)
    assert (answer.head.status, real.flowed) == (500, False)


async def test_a_client_that_leaves_while_a_packed_error_comes_closes_upstream() -> None:
    real = Answer(500, [b"x"], ((b"content-encoding", b"gzip"),), ends=False)
    searching = asyncio.ensure_future(unquoting(real, SECRETS))
    await until(lambda: real.flowed)
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    assert real.closed
