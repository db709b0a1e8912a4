"""How is a long text kept so that it can be searched? In pieces of a size that an index can hold; pure."""

from collections.abc import Iterator

PIECE = 16_000
"""Characters of a piece at most."""
MOST = 512_000
"""Characters of one text that can be searched; the rest is only in the record."""
_LOOK_BACK = 1_000


def pieces_of(text: str) -> Iterator[str]:
    """In order, without a gap: joined they are the text, as far as it is kept. Cut between words where that is near."""
    at, end = 0, min(len(text), MOST)
    while at < end:
        behind = min(at + PIECE, end)
        if behind < end:
            behind = next((cut for cut in range(behind, behind - _LOOK_BACK, -1) if text[cut - 1].isspace()), behind)
        yield text[at:behind]
        at = behind
