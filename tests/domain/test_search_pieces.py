"""Pieces are the text again, small enough, and no word is cut where a blank is near."""

from hypothesis import given
from hypothesis import strategies as st

from domain.search_pieces import MOST, PIECE, pieces_of

TEXTS = st.lists(st.sampled_from(["word ", "x" * 700, "y" * 5_000, "\n", "long" * 4_100]), max_size=40).map("".join)


@given(TEXTS)
def test_pieces_are_the_text(text: str) -> None:
    pieces = list(pieces_of(text))
    assert "".join(pieces) == text[:MOST]
    assert all(0 < len(piece) <= PIECE for piece in pieces)
    for piece in pieces[:-1]:
        assert piece[-1].isspace() or not any(each.isspace() for each in piece[-1_000:])


def test_nothing_has_no_piece_and_what_is_too_long_is_cut() -> None:
    assert list(pieces_of("")) == []
    assert list(pieces_of("a b")) == ["a b"]
    assert list(pieces_of("a" * PIECE)) == ["a" * PIECE]
    assert sum(map(len, pieces_of("a" * (MOST + 1)))) == MOST
    assert [len(piece) for piece in pieces_of("a" * 15_990 + " " + "b" * 100)] == [15_991, 100]
