"""What is typed finds what it should, and a text holds it where it says."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.search_query import MAX_QUERY, InvalidSearchError, Search, Term, as_tsquery, holds, read_search, spans_of

TYPED = st.lists(
    st.sampled_from(
        ["a", "b", "ab*", "HttpServer", '"a b"', "-b", "OR", "a/b.py", "日本", "語", '-"b a"', '"', "-", "a_b"]
    ),
    max_size=5,
).map(" ".join)
TEXTS = st.lists(st.sampled_from(["a", "b", "abc", "httpserver", "HttpServer", "日本語", "b.py", "/", "_"]), max_size=9)


def search(*wanted: Term, unwanted: tuple[Term, ...] = ()) -> Search:
    return Search(tuple((term,) for term in wanted), unwanted)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("one two", search(Term(("one",)), Term(("two",)))),
        ('"one two"', search(Term(("one", "two")))),
        ('"one two', search(Term(("one", "two")))),
        ("comp*", search(Term(("comp",), open=True))),
        ('"comp*"', search(Term(("comp",)))),
        ("HttpServer", search(Term(("http", "server"), "httpserver"))),
        ("HttpSer*", search(Term(("http", "ser"), "httpser", open=True))),
        ("src/app.py", search(Term(("src", "app", "py")))),
        ('"HttpServer down"', search(Term(("http", "server", "down")))),
        ("日本語", search(Term(("日本", "本語")))),
        ("語", search(Term(("語",), open=True))),
        ('"日本語 x"', search(Term(("日本", "本語", "語", "x")))),
        ("one -two", search(Term(("one",)), unwanted=(Term(("two",)),))),
        ('one -"a b"', search(Term(("one",)), unwanted=(Term(("a", "b")),))),
        ("one OR two three", Search(((Term(("one",)), Term(("two",))), (Term(("three",)),)))),
        ("OR one OR", search(Term(("one",)))),
        ("one OR -two", search(Term(("one",)), unwanted=(Term(("two",)),))),
        ("one . -- -", search(Term(("one",)))),
        ("or", search(Term(("or",)))),
    ],
)
def test_what_is_typed_is_read(typed: str, expected: Search) -> None:
    assert read_search(typed) == expected


@pytest.mark.parametrize("typed", ["", "  ", "-one", ". , -", '""', "OR", "x" * (MAX_QUERY + 1)])
def test_what_names_nothing_is_refused_with_a_mend(typed: str) -> None:
    with pytest.raises(InvalidSearchError, match=r"Name a word|at most"):
        read_search(typed)


def test_as_postgres_writes_it() -> None:
    said = as_tsquery(read_search('HttpServ* OR "a b" it\'s -x'))
    assert said == "(('http' <-> 'serv':* | 'httpserv':*) | ('a' <-> 'b')) & (('it' <-> 's')) & !('x')"


@pytest.mark.parametrize(
    ("typed", "text", "found"),
    [
        ("server", "An HttpServer.", ["Server"]),
        ("httpserver", "An HttpServer.", ["HttpServer"]),
        ("HttpServer", "http_server, HTTP server", ["http_server", "HTTP server"]),
        ("HttpServer", "httpserver", ["httpserver"]),
        ("HttpSer*", "httpservers of HttpServer", ["httpservers", "HttpServer"]),
        ('"b a"', "a b a b", ["b a"]),
        ("a b", "b a", ["b", "a"]),
        ("app.py", "src/app.py", ["app.py"]),
        ("app", "apply", []),
        ("app*", "apply App", ["apply", "App"]),
        ("日本語", "テスト日本語テスト", ["日本語"]),
        ("語", "日本語テスト", ["語テ"]),
        ("naive", "naïve", ["naïve"]),
        ("a OR b", "b", ["b"]),
        ('"x app*', "x app", ["x app"]),
        ('"a b c"', "a b", []),
        ("last", "a " * 17_000 + "last", []),
    ],
)
def test_what_is_found_is_marked(typed: str, text: str, found: list[str]) -> None:
    wanted = read_search(typed)
    assert [text[start:end] for start, end in spans_of(wanted, text)] == found
    assert holds(wanted, text) == bool(found)


def test_what_is_not_wanted_is_not_there() -> None:
    wanted = read_search("a -b")
    assert holds(wanted, "a c")
    assert not holds(wanted, "a b")
    assert not holds(wanted, "c")


@given(TYPED, TEXTS)
def test_spans_stand_in_order_and_none_in_another(typed: str, words: list[str]) -> None:
    try:
        wanted = read_search(typed)
    except InvalidSearchError:
        return
    text = " ".join(words)
    spans = spans_of(wanted, text)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    if holds(wanted, text):
        assert spans


@given(st.text(max_size=MAX_QUERY))
def test_anything_may_be_typed(typed: str) -> None:
    try:
        said = as_tsquery(read_search(typed))
    except InvalidSearchError:
        return
    assert re.fullmatch(r"[(].*[)]", said, re.DOTALL)
