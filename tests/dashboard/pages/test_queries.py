"""A list's address says all: whoever opens it sees the same rows and finds the way back."""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.queries import MAX_TRAIL, MAX_VALUE, ListQuery, read_query

NAMES = ("title", "project")
PATH = "/conversations"
cursors = st.text("abcXYZ019-_", min_size=1, max_size=12)
values = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
queries = st.builds(
    ListQuery,
    path=st.just(PATH),
    filters=st.dictionaries(st.sampled_from(NAMES), values),
    sort=st.sampled_from(["", "tokens"]),
    order=st.sampled_from(["", "asc"]),
    cursor=cursors,
    trail=st.lists(cursors, max_size=5).map(tuple),
) | st.builds(ListQuery, path=st.just(PATH), filters=st.dictionaries(st.sampled_from(NAMES), values))


def search_of(query: ListQuery) -> str:
    parts = urlsplit(query.url)
    assert parts.path == PATH
    return f"?{parts.query}" if parts.query else ""


@given(queries)
def test_an_address_is_read_as_it_was_written(query: ListQuery) -> None:
    assert read_query(PATH, search_of(query), NAMES) == query


@given(queries, st.lists(cursors, min_size=1, max_size=8))
def test_going_older_and_newer_again_leads_back(query: ListQuery, steps: list[str]) -> None:
    visited = [query]
    for cursor in steps:
        visited.append(visited[-1].older(cursor))
    assert [one.cursor for one in visited[1:]] == steps
    here = visited[-1]
    for before in reversed(visited[1:-1]):
        here = here.newer
        assert here == before
    assert here.newer.cursor == query.cursor


@given(queries)
def test_the_first_page_keeps_the_filters_and_the_bare_one_does_not(query: ListQuery) -> None:
    assert (query.first.filters, query.first.cursor, query.first.trail) == (query.filters, None, ())
    assert query.first.is_first
    assert query.first.set_order == query.set_order
    assert query.is_first == (query.cursor is None)
    assert query.bare == ListQuery(PATH)


@given(queries, st.sampled_from(["", "tokens", "cost_usd"]))
def test_another_order_begins_with_the_most_and_is_turned_round(query: ListQuery, sort: str) -> None:
    found = query.by(sort)
    assert (found.filters, found.cursor, found.trail, found.sort) == (query.filters, None, (), sort)
    assert found.order == ("asc" if (query.sort, query.order) == (sort, "") else "")
    assert found.by(sort).order != found.order


@given(queries)
def test_a_file_has_the_same_filters_in_the_same_order(query: ListQuery) -> None:
    asked = dict(parse_qsl(urlsplit(query.csv("/api/x")).query))
    assert asked == {**query.filters, **query.set_order, "format": "csv", "limit": "500"}


def test_the_usual_order_has_no_name() -> None:
    query = read_query(PATH, "?sort=last_at&order=desc", NAMES, usual="last_at")
    assert query == ListQuery(PATH)
    assert read_query(PATH, "?sort=last_at&order=asc", NAMES, usual="last_at").set_order == {"order": "asc"}
    assert read_query(PATH, "?sort=tokens&order=up", NAMES, usual="last_at").set_order == {
        "sort": "tokens",
        "order": "up",
    }


def test_the_trail_does_not_grow_without_end() -> None:
    query = ListQuery(PATH)
    for number in range(MAX_TRAIL + 10):
        query = query.older(f"c{number}")
    assert len(query.trail) == MAX_TRAIL
    assert query.newer.cursor == f"c{MAX_TRAIL + 8}"
    assert len(read_query(PATH, "?cursor=x&trail=" + "~".join("c" * 99), NAMES).trail) == MAX_TRAIL


def test_what_nobody_asked_for_is_passed_over() -> None:
    query = read_query(PATH, "?title=+a+&nonsense=1&project=&cursor=&trail=~~x~", NAMES)
    assert query == ListQuery(PATH, {"title": "a"}, trail=("x",))
    assert read_query(PATH, "?title=" + "x" * 999, NAMES).filters == {"title": "x" * MAX_VALUE}


@given(st.text())
def test_no_query_raises(search: str) -> None:
    assert read_query(PATH, search, NAMES).path == PATH
