"""What does upstream answer to this request, and in which pieces? Computed from the request's body alone, pure.

Client and upstream compute it each for themselves, so both know every byte without having spoken to each other.
"""

import gzip
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

import msgspec

Framing = Literal["chunked", "length"]
WORDS = ("der", "naïve", "Fluß", "日本語", "→", "🚲", "stream", "of", "words", "\\n", "\u2028", "x")
"""Most of them are more than one byte a letter somewhere, so that pieces split letters."""
_LONG_WORDS = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the scripted upstream."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]
    """What is written at once; together the body."""
    pause_s: float
    """Between two pieces."""
    framing: Framing

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def digest(body: bytes) -> str:
    """Names the request: bodies are all different."""
    return hashlib.sha256(body).hexdigest()


def dice(body: bytes, purpose: str) -> Random:
    """Chance that is the same for everybody who knows the body."""
    return Random(f"{digest(body)} {purpose}")  # noqa: S311 - no secret, and it has to be repeatable


def answer_to(body: bytes) -> Answer:
    """The one answer to this body."""
    chance = dice(body, "answer")
    kind = chance.choices(("events", "json", "busy", "overloaded"), (72, 18, 6, 4))[0]
    if kind == "busy":
        return _refusal(429, "rate_limit_error", (("retry-after", "1"),))
    if kind == "overloaded":
        return _refusal(529, "overloaded_error", ())
    streams = kind == "events"
    data = b"".join(_events(chance)) if streams else _message(chance)
    headers = [("content-type", "text/event-stream; charset=utf-8" if streams else "application/json")]
    if chance.random() < 0.15:
        headers.append(("content-encoding", "gzip"))
        data = gzip.compress(data, mtime=0)
    pieces = tuple(_pieces(data, chance)) if streams else (data,)
    framing: Framing = "chunked" if streams or chance.random() < 0.5 else "length"
    return Answer(200, tuple(headers), pieces, chance.choice((0.0, 0.02, 0.05, 0.09)), framing)


def _refusal(status: int, kind: str, more: tuple[tuple[str, str], ...]) -> Answer:
    body = msgspec.json.encode({"type": "error", "error": {"type": kind, "message": "as scripted"}})
    return Answer(status, (("content-type", "application/json"), *more), (body,), 0.0, "length")


def _text(chance: Random) -> str:
    count = _LONG_WORDS if chance.random() < 0.02 else chance.randint(1, 60)
    return " ".join(chance.choices(WORDS, k=count))


def _message(chance: Random) -> bytes:
    content = [{"type": "text", "text": _text(chance)}]
    return msgspec.json.encode({**_MESSAGE, "id": f"msg_{chance.getrandbits(64):x}", "content": content})


_MESSAGE = {"type": "message", "role": "assistant", "model": "torture", "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 5}}  # fmt: skip


def _events(chance: Random) -> Iterator[bytes]:
    start = {**_MESSAGE, "id": f"msg_{chance.getrandbits(64):x}", "content": [], "stop_reason": None}
    yield _event("message_start", message=start)
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in _text(chance).split(" "):
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": word + " "})
    yield _event("content_block_stop", index=0)
    yield _event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
    yield _event("message_stop")


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode({"type": kind, **fields}) + b"\n\n"


def _pieces(data: bytes, chance: Random) -> Iterator[bytes]:
    """At most a few dozen, cut anywhere; now and then single bytes."""
    count = chance.randint(1, 30)
    cuts = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(count))})
    cuts += [cut + 1 for cut in cuts if chance.random() < 0.2 and cut + 1 < len(data)]
    cuts = sorted(set(cuts))
    for start, end in itertools.pairwise(cuts):
        yield data[start:end]
