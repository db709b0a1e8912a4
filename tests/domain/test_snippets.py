"""A snippet holds what was found, in the words of the text, and is short."""

from hypothesis import given
from hypothesis import strategies as st

from domain.search_query import read_search, spans_of
from domain.snippets import AROUND, ELLIPSIS, LENGTH, Piece, snippet

WORDS = st.lists(st.sampled_from(["needle", "hay", "straw\n", "x" * 50, "  "]), max_size=200).map(" ".join)
NEEDLE = read_search("needle")


@given(WORDS)
def test_a_snippet_is_of_the_text_and_shows_the_hit(text: str) -> None:
    spans = spans_of(NEEDLE, text)
    pieces = snippet(text, spans)
    shown = "".join(piece.text for piece in pieces)
    assert " ".join(shown.strip(ELLIPSIS).split()) in " ".join(text.split())
    assert len(shown) <= LENGTH + 60
    assert ("needle" in text) == any(piece.found for piece in pieces)
    assert all(piece.text == "needle" for piece in pieces if piece.found)
    assert all(piece.text for piece in pieces)


def test_most_hits_win() -> None:
    text = "needle " + "hay " * 200 + "needle needle needle " + "hay " * 200
    pieces = snippet(text, spans_of(NEEDLE, text))
    assert sum(piece.found for piece in pieces) == 3
    assert pieces[0] == pieces[-1] == Piece(ELLIPSIS)


def test_nothing_found_shows_the_beginning() -> None:
    assert snippet("", []) == []
    assert snippet("just text", []) == [Piece("just text")]
    assert snippet(" \n ", []) == [Piece(" ")]


def test_words_without_blanks_are_cut_anywhere() -> None:
    text = "x" * 1_000
    (before, found, after, dots) = snippet(text, [(500, 501)])[1:]
    assert (len(before.text), found, dots) == (AROUND, Piece("x", found=True), Piece(ELLIPSIS))
    assert len(after.text) == LENGTH - AROUND - 1


def test_a_long_hit_is_shown_whole() -> None:
    text = "a " + "b" * 900 + " c"
    assert Piece("b" * 900, found=True) in snippet(text, [(2, 902)])
