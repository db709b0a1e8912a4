"""What was said in one exchange, in a few lines? What was new in the request, and the answer's beginning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashboard.details import RequestDetails
from dashboard.formatting import one_line
from dashboard.views.blocks import Shown
from dashboard.views.messages import shown_answer, shown_messages

MAX_LINES = 6
MAX_CHARS = 420
_LAST_MESSAGES = 4
"""What is new stands in the last messages; the others need not be taken apart."""


@dataclass(frozen=True, slots=True)
class Line:
    """One block, cut."""

    kind: str
    title: str
    """Of a call or its result: the tool."""
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Both halves."""

    asked: tuple[Line, ...]
    answered: tuple[Line, ...]
    more_asked: int
    more_answered: int
    """Blocks beyond those shown."""


def preview(details: RequestDetails) -> Preview:
    messages = shown_messages(details.sent.messages[-_LAST_MESSAGES:])
    asked = list(_lines([block for message in messages if message.last for block in message.blocks]))
    message = details.answer.message
    answered = list(_lines(shown_answer(message)))
    if message.error is not None:
        answered.append(Line("error", message.error.kind, one_line(message.error.message, MAX_CHARS)))
    return Preview(
        asked=tuple(asked[-MAX_LINES:]),
        answered=tuple(answered[:MAX_LINES]),
        more_asked=max(0, len(asked) - MAX_LINES),
        more_answered=max(0, len(answered) - MAX_LINES),
    )


def _lines(blocks: Sequence[Shown]) -> Iterator[Line]:
    for block in blocks:
        text = one_line(_text_of(block), MAX_CHARS)
        title = block.title if block.kind in {"call", "result", "other"} else ""
        if text or title:
            yield Line(block.kind, title, text)


def _text_of(block: Shown) -> str:
    if block.kind == "call":
        return " ".join(each.short or (each.body.preview if each.body else "") for each in block.arguments)
    if block.body is None:
        return ", ".join(picture.note for picture in block.pictures)
    return " ".join(segment.text for segment in block.body.segments if segment.kind != "reminder")
