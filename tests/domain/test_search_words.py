"""Words are found in prose, in code, and in scripts without spaces; quickly and slowly the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.search_words import MAX_PLACE, MAX_PLACES, MAX_WORD, as_vector, fold, quoted, stands_alone, words_in

LETTERS = st.sampled_from(list("aAbBzZ09_-/ .'\\\u0301é日本ก한\u0915\u0940½ŉİßΣς"))
TEXTS = st.text(LETTERS | st.characters())


def lexemes(text: str) -> dict[str, list[int]]:
    """What ``as_vector`` says, read as Postgres reads it."""
    found = re.findall("'([^']*)':([0-9,]+)(?: |$)", as_vector(text))
    return {word: [int(place) for place in places.split(",")] for word, places in found}


def at_places(text: str) -> list[tuple[str, int]]:
    return [(word.text, word.place) for word in words_in(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", [("hello", 1), ("world", 2)]),
        ("", []),
        ("_ - .", []),
        ("HttpServer x", [("http", 1), ("server", 2), ("httpserver", 1), ("x", 3)]),
        ("getHTTPResponse", [("get", 1), ("http", 2), ("response", 3), ("gethttpresponse", 1)]),
        ("Hello HELLO hello", [("hello", 1), ("hello", 2), ("hello", 3)]),
        ("tool_use src/app.py", [("tool", 1), ("use", 2), ("src", 3), ("app", 4), ("py", 5)]),
        ("toolu_01AbCd sha256", [("toolu", 1), ("01abcd", 2), ("sha256", 3)]),
        ("naïve Zoë", [("naive", 1), ("zoe", 2)]),
        ("日本語", [("日本", 1), ("本語", 2), ("語", 3)]),
        ("x日y", [("x", 1), ("日", 2), ("y", 3)]),
        ("हिन्दी", [("हिन्दी", 1)]),
        ("\u0301", [("\u0301", 1)]),
        ("STRASSE Straße", [("strasse", 1), ("strasse", 2)]),
    ],
)
def test_words_of(text: str, words: list[tuple[str, int]]) -> None:
    assert at_places(text) == words


@given(TEXTS)
def test_quickly_gives_what_slowly_gives(text: str) -> None:
    expected: dict[str, list[int]] = {}
    for word, place in at_places(text):
        if place not in expected.setdefault(word, []):
            expected[word].append(place)
    assert lexemes(text) == {word: sorted(places) for word, places in expected.items()}


@given(TEXTS)
def test_words_stand_where_they_say(text: str) -> None:
    places = [word.place for word in words_in(text)]
    assert set(places) == set(range(1, max(places, default=0) + 1))
    for word in words_in(text):
        assert word.text
        assert 0 <= word.start < word.end <= len(text)
        if word.end - word.start <= MAX_WORD:
            assert fold(text[word.start : word.end]) == word.text


def test_no_word_has_a_sign_that_would_need_an_escape() -> None:
    every = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    assert not [one for one in every for word in words_in(one) if set(word.text) & set("'\\")]


@given(st.text(min_size=1))
def test_case_makes_no_difference(text: str) -> None:
    assert fold(text.upper()) == fold(text.upper().swapcase().upper())
    assert len(fold(text)) <= MAX_WORD


def test_lexemes_of_what_is_no_ascii_and_of_names() -> None:
    assert lexemes("Zoë_a __ HttpServer") == {
        "zoe": [1],
        "a": [2],
        "http": [3],
        "server": [4],
        "httpserver": [3],
    }
    assert lexemes("日 HELLO hello") == {"日": [1], "hello": [2, 3]}
    assert lexemes("\u0301 a") == {"\u0301": [1], "a": [2]}


def test_a_text_has_an_end() -> None:
    assert lexemes("a " * 20_000)["a"] == list(range(1, MAX_PLACES + 1))
    assert "last" not in lexemes("a " * 17_000 + "last")
    assert lexemes("x" * 500) == {"x" * MAX_WORD: [1]}


@pytest.mark.parametrize("run", ["X" + "a" * 80 + "Bc", "日X" + "a" * 80 + "Bc"])
def test_a_name_whose_beginning_is_cut_off_is_its_first_part(run: str) -> None:
    head = ("x" + "a" * 80)[:MAX_WORD]
    found = lexemes(f"{run} {run}")
    assert len(found[head]) == 2
    assert len(found["bc"]) == 2


def test_places_end_inside_a_name() -> None:
    found = lexemes("a " * (MAX_PLACE - 1) + "HttpServer more")
    assert found["http"] == found["httpserver"] == [MAX_PLACE]
    assert not {"server", "more"} & set(found)


def test_as_postgres_writes_it() -> None:
    assert as_vector("b a b") == "'b':1,3 'a':2"
    assert as_vector("") == ""
    assert quoted("it's a \\") == "'it''s a \\\\'"


def test_a_letter_without_spaces_around() -> None:
    assert stands_alone("語")
    assert not any(map(stands_alone, ("a", "日本", "", ".")))
