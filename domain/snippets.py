"""Which piece of a long text is worth showing? Where most of what is searched for stands together; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.search_query import Span

AROUND = 90
"""Characters before the first hit."""
LENGTH = 320
"""Of a snippet, about."""
_SPACE = 24
"""So far an end is moved to stand between words."""
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text in one look."""

    text: str
    found: bool = False


def snippet(text: str, spans: Sequence[Span]) -> list[Piece]:
    """``spans``: in order, none inside another. White space is one blank, as a browser shows it."""
    first = _best(spans)
    start = _between_words(text, max(0, spans[first][0] - AROUND), 1) if spans else 0
    end = _between_words(text, min(len(text), start + LENGTH), -1)
    shown = [span for span in spans if span[0] >= start and span[0] < max(end, start + 1)]
    end = max([end, *(span[1] for span in shown)])
    pieces, at = [Piece(ELLIPSIS)] if start else [], start
    for begin, behind in shown:
        pieces += [Piece(text[at:begin]), Piece(text[begin:behind], found=True)]
        at = behind
    pieces += [Piece(text[at:end]), Piece(ELLIPSIS if end < len(text) else "")]
    return [plain for piece in pieces if (plain := Piece(_plain(piece.text), piece.found)).text]


def _best(spans: Sequence[Span]) -> int:
    """The first of the spans that most others follow closely."""
    best, most, behind = 0, 0, 0
    for at in range(len(spans)):
        while behind < len(spans) and spans[behind][1] <= spans[at][0] + LENGTH - AROUND:
            behind += 1
        if behind - at > most:
            best, most = at, behind - at
    return best


def _between_words(text: str, at: int, step: int) -> int:
    """The next place that way where no word is cut; the place itself if there is none near."""
    if at in {0, len(text)}:
        return at
    near = range(at, max(0, min(len(text), at + step * _SPACE)), step)
    return next((place for place in near if text[place - 1].isspace() or text[place].isspace()), at)


def _plain(text: str) -> str:
    """White space as one blank, also at the ends."""
    squeezed = " ".join(text.split())
    if not squeezed:
        return " " if text else ""
    return (" " if text[0].isspace() else "") + squeezed + (" " if text[-1].isspace() else "")
