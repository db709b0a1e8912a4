"""Answers of every kind that upstream could give, each with the bytes that must come out, and places to cut it."""

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

EVENT = b'event: content_block_delta\ndata: {"delta":{"text":"%b"}}\n\n'
PIECES = (
    EVENT % b"hello",
    EVENT % "hé 😀 ".encode(),
    "é😀"[1:].encode()[:2],  # half a character
    EVENT.replace(b"\n", b"\r\n") % b"crlf",
    EVENT.replace(b"\n", b"\r") % b"cr",
    b": ping\n\n",
    b"event: never_heard_of\ndata: \n\n",
    b"data: [DONE]\n\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"\0\xff\xfe",
    b"x",
    gzip.compress(EVENT % b"packed", mtime=0),
)
LONG_LINE = b"data: " + b"y" * 200_000 + b"\n\n"
FRAMINGS = ("chunked", "length", "close")


@dataclass(frozen=True)
class AnyAnswer:
    """One answer."""

    framing: str
    pieces: Sequence[bytes]
    """What upstream makes of it: its chunks, if it is chunked."""
    cuts: Sequence[int]
    """Where its bytes on the wire are torn apart."""

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def on_the_wire(self) -> bytes:
        start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        match self.framing:
            case "chunked":
                chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in self.pieces if piece)
                return start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
            case "length":
                return start + b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body
            case _:
                return start + b"Connection: close\r\n\r\n" + self.body


any_answer = st.builds(
    AnyAnswer,
    st.sampled_from(FRAMINGS),
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=12),
    st.lists(st.integers(1, 900), max_size=8) | st.just(range(1, 400)),
)


def seeded_answer(seed: int) -> AnyAnswer:
    """Always the same one for a seed."""
    dice = random.Random(seed)
    pieces = dice.choices(PIECES, k=dice.randrange(25))
    if dice.random() < 0.02:
        pieces.insert(dice.randrange(len(pieces) + 1), LONG_LINE)
    size = sum(map(len, pieces)) + 200
    ways: tuple[list[int], ...] = (
        [],
        sorted(dice.choices(range(1, size), k=dice.randrange(1, 12))),
        list(range(1, min(size, 300))),  # byte by byte
        list(range(0, size, dice.choice([7, 64, 1460, 65536]))),
    )
    return AnyAnswer(dice.choices(FRAMINGS, weights=(8, 4, 1))[0], pieces, dice.choice(ways)[:400])
