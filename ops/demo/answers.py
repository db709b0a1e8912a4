"""What does the stand-in answer to which request? The client's end of the play writes it here beforehand.

A request is known by its bytes. So a gateway that changed a single one of them would get no scripted answer, and the
demo would show it at once.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ops.demo.blocks import AnswerBlock

LETTERS_PER_S = 260.0
"""How fast the model writes."""


@dataclass(frozen=True, slots=True)
class Says:
    """A message, streamed or whole as the request wants it."""

    content: tuple[AnswerBlock, ...]
    stop_reason: str = "end_turn"
    pause_s: float = 1.0
    """Before the first byte."""
    letters_per_s: float = LETTERS_PER_S
    forgets: bool = False
    """The prompt cache has run out before this request."""
    breaks_after: int | None = None
    """After so many deltas: an error event, and the end."""
    holds_after: int | None = None
    """After so many deltas: silence, until the client hangs up."""


@dataclass(frozen=True, slots=True)
class Fails:
    """An error instead of an answer."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.3


Answer = Says | Fails


class Script:
    """The answers to the requests that are under way."""

    def __init__(self) -> None:
        self._answers: dict[bytes, Answer] = {}

    @contextmanager
    def expecting(self, body: bytes, answer: Answer) -> Iterator[None]:
        """While in here, this is the answer to that body."""
        key = _key(body)
        self._answers[key] = answer
        try:
            yield
        finally:
            del self._answers[key]

    def answer_to(self, body: bytes) -> Answer | None:
        """None: nobody in the play asked that."""
        return self._answers.get(_key(body))


def _key(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
