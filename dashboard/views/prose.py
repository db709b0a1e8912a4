"""How is a text from the wire cut up for reading? Text in, segments out: plain, code, and what the client put in.

Nothing here is HTML: segments are plain text, which a template escapes. The pieces of markdown that models write all
the time are recognised (fences, inline code, bold, headings); everything else stands as it was written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dashboard.views.highlighting import Piece, highlight

MAX_SHOWN = 60_000
"""Characters of one text on a page; the rest is counted."""
FOLD_LINES = 28
FOLD_CHARS = 3_000
"""A text that is longer in either sense is folded."""
PREVIEW_CHARS = 160

Kind = Literal["plain", "code", "reminder"]
_REMINDER, _REMINDER_END = "<system-reminder>", "</system-reminder>"
_FENCE = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<code>.*?)(?:^ {0,3}(?P=fence)[`~]* *$\n?|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"(?P<code>`[^`\n]+`)|(?P<strong>\*\*[^*\n]+\*\*)|(?P<head>^#{1,6} [^\n]+$)", re.MULTILINE)
_MARKS = {"code": ("`", "`"), "strong": ("**", "**"), "head": ("", "")}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text of one kind."""

    kind: Kind
    pieces: tuple[Piece, ...]
    """Plain text: classes ``code``, ``strong``, ``head``. Code: those of ``highlighting``."""
    language: str = ""
    """Of code: what stands behind the fence, the language first."""
    characters: int = 0

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)


@dataclass(frozen=True, slots=True)
class Prose:
    """A text, ready to be shown."""

    segments: tuple[Segment, ...]
    characters: int
    """Of the whole text."""
    hidden: int
    """Characters beyond what is shown."""
    long: bool
    """It is folded at first; what the client put in is folded anyway and does not count."""
    preview: str
    """Its beginning on one line."""


def prose(text: str) -> Prose:
    """A text that somebody wrote."""
    shown = text[:MAX_SHOWN]
    return _prose(text, shown, tuple(_segments(shown)))


def verbatim(text: str, language: str = "") -> Prose:
    """Output of a program, or code: nothing in it is markdown."""
    shown = text[:MAX_SHOWN]
    return _prose(text, shown, (Segment("code", highlight(shown, language), language, len(shown)),) if shown else ())


def _prose(text: str, shown: str, segments: tuple[Segment, ...]) -> Prose:
    said = "\n".join(segment.text for segment in segments if segment.kind != "reminder")
    return Prose(
        segments=segments,
        characters=len(text),
        hidden=len(text) - len(shown),
        long=len(said) > FOLD_CHARS or said.count("\n") >= FOLD_LINES,
        preview=" ".join(said[: 4 * PREVIEW_CHARS].split())[:PREVIEW_CHARS],
    )


def _segments(text: str) -> Iterator[Segment]:
    """One step for each reminder: searching for the end of each opening anew would take the square of the length."""
    rest = text
    while True:
        before, opening, inside = rest.partition(_REMINDER)
        reminder, closing, after = inside.partition(_REMINDER_END)
        if not closing:
            break
        yield from _written(before)
        yield Segment("reminder", (("", opening + reminder + closing),), characters=len(reminder))
        rest = after
    yield from _written(rest)


def _written(text: str) -> Iterator[Segment]:
    at = 0
    for fence in _FENCE.finditer(text):
        yield from _plain(text[at : fence.start()])
        info = fence["language"].strip()
        language = info.split(maxsplit=1)[0] if info else ""
        yield Segment("code", highlight(fence["code"].removesuffix("\n"), language), info, len(fence["code"]))
        at = fence.end()
    yield from _plain(text[at:])


def _plain(text: str) -> Iterator[Segment]:
    bare = text.strip("\n")
    if bare.strip():
        yield Segment("plain", tuple(_inline(bare)), characters=len(bare))


def _inline(text: str) -> Iterator[Piece]:
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield "", text[at : found.start()]
        name = found.lastgroup or ""
        opening, closing = _MARKS[name]
        yield name, found[0].removeprefix(opening).removesuffix(closing)
        at = found.end()
    if at < len(text):
        yield "", text[at:]
