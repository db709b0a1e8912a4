"""Which exchanges does HTTP allow at all? Strategies: any request, any answer, cut into writes anywhere."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from tests.contracts.exceptions import HOP_BY_HOP
from tests.contracts.seen import Case
from tests.fake_upstream import Lines, Received, Wire

TOKEN = b"!#$%&'*+-.^_`|~" + bytes(range(0x30, 0x3A)) + bytes(range(0x41, 0x5B)) + bytes(range(0x61, 0x7B))
VISIBLE = bytes([*range(0x21, 0x7F), *range(0x80, 0x100)])
IN_TARGETS = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
ONCE = {b"content-type", b"user-agent", b"server", b"etag", b"max-forwards", b"content-range", b"content-location"}
"""Names that stand once in a request; a second line is refused, also as a trailer."""
FRAMES = {b"content-length", b"host", b"expect", b"sec-websocket-key1", *HOP_BY_HOP}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND", "REPORT", "SEARCH"]


def made_of(alphabet: bytes, *, min_size: int, max_size: int) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(list(alphabet)), min_size=min_size, max_size=max_size).map(bytes)


known_names = st.sampled_from(
    [b"Accept", b"x-api-key", b"X-Api-Key", b"anthropic-beta", b"Content-Type", b"Set-Cookie", b"cookie", b"DATE",
     b"retry-after", b"Content-Encoding", b"Via", b"Age", b"Warning", b"Range", b"x-nexus-domain", b"server"]
)  # fmt: skip
names = (known_names | made_of(TOKEN, min_size=1, max_size=12)).filter(lambda name: name.lower() not in FRAMES)
values = st.one_of(
    st.just(b""),
    made_of(VISIBLE, min_size=1, max_size=12),
    st.builds(
        lambda first, gap, last: first + gap + last,
        made_of(VISIBLE, min_size=1, max_size=5),
        made_of(b" \t", min_size=1, max_size=3),
        made_of(VISIBLE, min_size=1, max_size=5),
    ),
)
spaced = st.builds(lambda before, value, after: before + value + after, *[
    st.sampled_from([b" ", b"", b"\t", b"  "]), values, st.sampled_from([b"", b" ", b"\t "]),
])  # fmt: skip
lines: st.SearchStrategy[Lines] = st.lists(st.tuples(names, spaced), max_size=6)
bodies = st.binary(max_size=40) | st.sampled_from([b"data: \xe2\x82\xac\n\n", b"\x1f\x8b\x08", b"x" * 70_000])
reasons = made_of(b" \t" + VISIBLE, min_size=0, max_size=12)


def once(given: Lines) -> Lines:
    """Without the second line of a name that stands once."""
    seen, kept = set[bytes](), []
    for name, value in given:
        if name.lower() not in ONCE & seen:
            kept.append((name, value))
        seen.add(name.lower())
    return kept


@st.composite
def framed(draw: st.DrawFn, start: bytes, given: Lines, body: bytes, framing: str) -> bytes:
    """A message: ``length``, ``chunked``, or as it is."""
    told = {"length": [(b"Content-LENGTH", b"%d" % len(body))], "chunked": [(b"transfer-Encoding", b" chunked")]}
    all_lines = draw(st.permutations([*given, *told.get(framing, [])]))
    head = start + b"\r\n" + b"".join(b"%b:%b\r\n" % line for line in all_lines) + b"\r\n"
    if framing != "chunked":
        return head + body
    extension = draw(st.sampled_from([b"", b";a=b", b';a="b c"']))
    pieces = [b"%X%b\r\n%b\r\n" % (len(one), extension, one) for one in draw(cut(body)) if one]
    trailers = draw(st.lists(st.tuples(names.filter(lambda name: name.lower() not in ONCE), spaced), max_size=2))
    trailer = b"".join(b"%b:%b\r\n" % line for line in trailers)
    return head + b"".join(pieces) + b"0\r\n" + trailer + b"\r\n"


def cut(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """Anywhere, into a few pieces."""
    places = st.lists(st.integers(0, len(data)), max_size=5)
    return places.map(lambda found: [data[a:b] for a, b in pairwise(sorted({0, *found, len(data)}))])


@dataclass(frozen=True)
class Says:
    """An upstream that writes these pieces, and then perhaps closes."""

    pieces: Sequence[bytes]
    closes: bool

    async def __call__(self, _: Received, wire: Wire) -> None:
        for piece in self.pieces:
            await wire.say(piece)
            await asyncio.sleep(0)
        if self.closes:
            wire.close()


@st.composite
def answers(draw: st.DrawFn, *, without_body: bool) -> Says:
    status = draw(st.sampled_from([200, 204, 304, 404, 429, 529]) | st.integers(200, 999))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    without_body |= status in {204, 304}
    body = b"" if without_body else draw(bodies)
    start = b"HTTP/1.1 %d %b" % (status, draw(reasons))
    if without_body:
        told = [(b"Content-Length", b" %d" % draw(st.integers(0, 99)))] if status != 204 and framing == "length" else []
        raw = draw(framed(start, [*draw(lines), *told], b"", "none"))
    else:
        raw = draw(framed(start, draw(lines), body, framing))
    return Says(draw(cut(raw)), closes=framing == "close" and not without_body)


@st.composite
def exchanges(draw: st.DrawFn) -> Case:
    """Any request that Nexus does not answer itself, and any answer to it."""
    method = draw(st.sampled_from(METHODS))
    target = b"/v" + draw(made_of(IN_TARGETS, min_size=0, max_size=30))
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    body = draw(bodies) if framing != "none" else b""
    start = b"%b %b HTTP/1.1" % (method.encode(), target)
    host = (b"hOst", b" " + draw(st.sampled_from([b"localhost:3000", b"[::1]:3000", b"nexus.example"])))
    sent = draw(framed(start, once([host, *draw(lines)]), body, framing))
    head_only = method == "HEAD"
    return Case(draw(answers(without_body=head_only)), sent, head_only)
