"""Colours never change a character."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.highlighting import MAX_CODE, highlight

LANGUAGES = st.sampled_from(
    ["python", "bash", "json", "js", "html", "diff", "PYTHON ", "", "no-such-language", "x" * 99]
)


@given(st.text(), LANGUAGES)
def test_the_pieces_joined_are_the_code(code: str, language: str) -> None:
    assert "".join(text for _, text in highlight(code, language)) == code


@pytest.mark.parametrize(
    ("code", "language", "piece"),
    [
        ("def f(): pass", "python", ("kw", "def")),
        ("def f(): pass", "Python", ("name", "f")),
        ("x = 'a'  # why", "python", ("str", "'a'")),
        ("x = 'a'  # why", "python", ("com", "# why")),
        ("x = 41", "python", ("num", "41")),
        ("a in b", "python", ("kw", "in")),
        ("-old\n", "diff", ("del", "-old")),
    ],
)
def test_words_have_their_class(code: str, language: str, piece: tuple[str, str]) -> None:
    assert piece in highlight(code, language)


def test_neighbours_of_one_class_are_one_piece() -> None:
    names = [name for name, _ in highlight("x = 'a' 'b'\ny = 1", "python")]
    assert all(before != after for before, after in pairwise(names))


@pytest.mark.parametrize("language", ["", "no-such-language"])
def test_an_unknown_language_is_plain(language: str) -> None:
    assert highlight("def f(): pass", language) == (("", "def f(): pass"),)


def test_very_long_code_is_plain() -> None:
    assert len(highlight("x = 1\n" * (MAX_CODE // 6), "python")) > 1
    assert len(highlight("x = 1\n" * (MAX_CODE // 6 + 1), "python")) == 1
