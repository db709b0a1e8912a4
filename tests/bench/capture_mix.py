"""The captures again and again, each time as if other people had sent them: other ids, other scopes, other times."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from random import Random
from uuid import UUID

from gateway.frames import MAX_PIECE_BYTES, Kind, encode_frame_header, encode_piece
from gateway.records import EndRecord, ForwardedRecord, HeaderLine, Outcome, RequestRecord, ResponseRecord, encode
from tests import captures
from tests.captures import Captured
from tests.recorded import BY_CLIENT, CUT_SHORT

SECRETS = {"x-api-key", "authorization"}
_IDS = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{64}\b|\b[0-9a-f]{17}\b"
    rb"|\b(?:toolu|msg|srvtoolu|req)_[0-9A-Za-z]{8,}"
)
_WORDS = 4000
Frames = list[tuple[Kind, bytes]]


def mix(seed: int = 0) -> Iterator[Captured]:
    """Without an end: round by round, each of people whom nobody has seen before."""
    for name in captures.names():
        captures.exchanges(name)  # reads all files before the first one is given
    number = 0
    while True:
        for name in captures.names():
            other = _renamer(f"{seed} {number} {name}".encode())
            for one in captures.exchanges(name):
                yield _by_others(one, other)
        number += 1


def bulk(size: int, seed: int = 0) -> Iterator[Captured]:
    """Without an end: requests of about ``size`` bytes, every text of which is new."""
    sample = next(one for one in captures.exchanges("b_multiturn") if one.body)
    random = Random(seed)
    vocabulary = ["".join(random.choices("abcdefghijklmnop", k=random.randint(2, 9))) for _ in range(_WORDS)]
    while True:
        other = _renamer(random.randbytes(8))
        texts = [" ".join(random.choices(vocabulary, k=1000)) for _ in range(max(1, size // 6500))]
        blocks = ",".join(f'{{"type":"text","text":"{text}"}}' for text in texts).encode()
        body = sample.body.replace(b'"messages":[', b'"messages":[{"role":"user","content":[' + blocks + b"]},", 1)
        yield _by_others(replace(sample, body=body), other)


def frames_of(one: Captured, at: datetime) -> Frames:
    """As a gateway would write them: the answer in one chunk for each event."""
    head = RequestRecord(
        wall_ns=int(at.timestamp() * 1_000_000) * 1000,
        mode="pass_through",
        method="POST",
        target=one.path,
        headers=tuple(_line(name, value) for name, value in one.headers),
        client_domain="localhost",
        byte_count=len(one.body),
    )
    out: Frames = [(Kind.REQUEST, encode(head))]
    out += [(Kind.REQUEST_BODY, piece) for piece in _pieces(0, one.body)]
    out.append((Kind.FORWARDED, encode(ForwardedRecord(deferred=False))))
    if one.status:
        headers = (HeaderLine("content-type", one.content_type),)
        out.append((Kind.RESPONSE, encode(ResponseRecord("upstream", one.status, headers, f"req_{one.n}"))))
    offset = 0
    for chunk in re.findall(rb".+?(?:\n\n|\Z)", one.answer, re.DOTALL):
        out += [(Kind.CHUNK, piece) for piece in _pieces(offset, chunk)]
        offset += len(chunk)
    return [*out, (Kind.END, encode(EndRecord(_outcome(one), offset, offset)))]


def framed(request_id: UUID, frames: Frames, time_us: int) -> bytes:
    return b"".join(
        encode_frame_header(kind, request_id.bytes, time_us + place, payload) + payload
        for place, (kind, payload) in enumerate(frames)
    )


def _outcome(one: Captured) -> Outcome:
    if one.status and one.fault not in CUT_SHORT:
        return "completed"
    return "client" if one.fault in BY_CLIENT else "upstream"


def _pieces(offset: int, data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), MAX_PIECE_BYTES):
        yield encode_piece(offset + at, data[at : at + MAX_PIECE_BYTES])


def _line(name: str, value: str) -> HeaderLine:
    if name.lower() in SECRETS:
        return HeaderLine(name, None, len(value), hashlib.sha256(value.encode()).hexdigest()[:32])
    return HeaderLine(name, value)


def _by_others(one: Captured, other: Callable[[bytes], bytes]) -> Captured:
    headers = tuple((name, other(value.encode()).decode()) for name, value in one.headers)
    return replace(one, headers=headers, body=other(one.body), answer=other(one.answer))


def _renamer(salt: bytes) -> Callable[[bytes], bytes]:
    """Every id becomes another of the same form, the same one always the same."""
    known: dict[bytes, bytes] = {}

    def other(found: re.Match[bytes]) -> bytes:
        word = found[0]
        if word not in known:
            drawn = hashlib.shake_128(salt + word).hexdigest(len(word)).encode()
            known[word] = _shaped(word, drawn)
        return known[word]

    return lambda text: _IDS.sub(other, text)


def _shaped(word: bytes, drawn: bytes) -> bytes:
    if b"_" in word:
        kind, _, rest = word.partition(b"_")
        return kind + b"_" + drawn[: len(rest)]
    return bytes(old if old in b"-" else new for old, new in zip(word, drawn, strict=False))
