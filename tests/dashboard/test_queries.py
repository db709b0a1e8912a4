"""A query string becomes the filters it names; everything else is refused by name, and nothing breaks."""

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from dashboard.comparing import MOST_TURNS, TURNS, Wanted
from dashboard.data import CacheFilter, ConversationFilter, RequestFilter, StreamRange
from dashboard.errors import InvalidQueryError
from dashboard.exporting import ExportQuery
from dashboard.queries import (
    CLASSES,
    MAX_TEXT,
    OUTCOMES,
    CacheQuery,
    Page,
    cache_query,
    compare_query,
    conversations_query,
    export_query,
    requests_query,
    search_query,
    streams_query,
    tree_query,
    windows_query,
)
from dashboard.searching import SearchQuery
from domain.ids import Position
from domain.ranking import (
    CONVERSATION_MEASURES,
    LATEST,
    NEWEST,
    REQUEST_MEASURES,
    ConversationMeasure,
    RequestMeasure,
    Sort,
)
from domain.search_hits import SearchFilter
from tests.stored_rows import CLASSES as STORED_CLASSES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ID = "01890000-0000-7000-8000-000000000001"


def query(text: str) -> MultiDict[str]:
    return MultiDict(parse_qsl(text, keep_blank_values=True))


def test_nothing_given_is_nothing_filtered() -> None:
    asked = requests_query(query(""), NOW)
    assert (asked.wanted, asked.page) == (RequestFilter(), Page(limit=50, cursor=None, after=None))
    assert conversations_query(query(""), NOW).wanted == ConversationFilter()


def test_windows_are_of_one_account_or_of_all() -> None:
    assert windows_query(query("")) is None
    assert windows_query(query("account=acme")) == "acme"
    for wrong in ("account=a&account=b", "accounts=a", "account=%00"):
        with pytest.raises(InvalidQueryError):
            windows_query(query(wrong))


@pytest.mark.parametrize(
    ("text", "member", "value"),
    [
        (f"conversation={ID}", "conversation", UUID(ID)),
        (f"conversation={ID.upper()}", "conversation", UUID(ID)),
        ("session=s1", "session", "s1"),
        ("session=", "session", ""),
        ("class=compaction", "request_class", "compaction"),
        ("model=claude-opus-4-5", "model", "claude-opus-4-5"),
        ("status=429", "status", 429),
        ("outcome=gateway_crash", "outcome", "gateway_crash"),
        ("account=acme", "account", "acme"),
        ("project=nexus", "project", "nexus"),
        ("within=90m", "since", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("within=12h", "since", datetime(2026, 11, 22, tzinfo=UTC)),
        ("within=7d", "since", datetime(2026, 11, 15, 12, tzinfo=UTC)),
        ("since=2026-11-22T09:30:00Z", "since", datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
        ("until=2026-11-22T10:30:00%2B01:00", "until", datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
        ("until=2026-11-22T09:30:00.123456Z", "until", datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)),
        ("since=2026-11-22", "since", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_each_filter_is_read(text: str, member: str, value: object) -> None:
    assert requests_query(query(text), NOW).wanted == RequestFilter(**{member: value})  # type: ignore[arg-type]  # by the table


def test_the_place_and_the_size_of_the_page() -> None:
    assert requests_query(query("limit=500&cursor=abc"), NOW).page == Page(500, "abc", None)
    assert requests_query(query("after=17"), NOW).page == Page(50, None, Position(17))
    assert conversations_query(query("limit=1&cursor=x"), NOW).page == Page(1, "x", None)


def test_conversations_have_filters_of_their_own() -> None:
    text = "session=s&account=a&project=p&title=t&since=2026-11-22&until=2026-11-23"
    assert conversations_query(query(text), NOW).wanted == ConversationFilter(
        session="s",
        account="a",
        project="p",
        title="t",
        since=datetime(2026, 11, 22, tzinfo=UTC),
        until=datetime(2026, 11, 23, tzinfo=UTC),
    )


def test_the_cache_is_asked_about_by_group_and_span() -> None:
    assert cache_query(query("")) == CacheQuery(CacheFilter(), 50)
    text = f"since=2026-11-22&until=2026-11-23&group_by=project&conversation={ID}&limit=3"
    wanted = CacheFilter(
        since=datetime(2026, 11, 22, tzinfo=UTC),
        until=datetime(2026, 11, 23, tzinfo=UTC),
        group_by="project",
        conversation=UUID(ID),
    )
    assert cache_query(query(text)) == CacheQuery(wanted, 3)
    for wrong in ("group_by=day", "cursor=x", "since=x"):
        with pytest.raises(InvalidQueryError):
            cache_query(query(wrong))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conversation=1", "conversation='1' is no id"),
        ("conversation=" + "x" * 36, "is no id"),
        (f"conversation={{{ID}}}", "is no id"),
        (f"conversation={ID.replace('-', '')}", "is no id"),
        ("class=workflow", "give one of main, subagent, compaction, auxiliary"),
        ("class=MAIN", "class='MAIN' is unknown"),
        ("outcome=done", "give one of open, completed"),
        ("status=ok", "status='ok' is no number"),
        ("status=99", "status=99 is no HTTP status"),
        ("status=1000", "is no HTTP status"),
        ("status=٢٠٠", "is no number"),
        ("limit=-1", "limit='-1' is no number"),
        ("limit=1.5", "is no number"),
        ("limit=", "is no number"),
        ("limit=9999999999", "is no number"),
        ("after=x", "is no position"),
        ("since=yesterday", "since='yesterday' is no time"),
        ("since=2026-11-22T09:30:00", "Z at its end"),
        ("since=2026-11-22T09:30:00 01:00", "%2B"),
        ("since=1795340000", "is no time"),
        ("since=0001-01-01T00:00:00%2B14:00", "is no time"),
        ("within=0h", "within='0h' is no length of time; give one such as 90m, 24h or 7d"),
        ("within=h", "no length"),
        ("within=7w", "no length"),
        ("within=-1h", "no length"),
        ("within=3661d", "no length"),
        ("within=9999999d", "no length"),
        ("within=%D9%A7d", "no length"),
        ("within=1h&since=2026-11-22", "since and within exclude each other"),
        ("sort=tokens", "sort='tokens' is unknown; give one of received_at, prompt_tokens"),
        ("order=up", "order='up' is unknown; give one of asc, desc"),
        ("session=%00", "session holds what no stored text holds"),
        ("model=" + "x" * (MAX_TEXT + 1), f"more than {MAX_TEXT}"),
        ("modell=opus", "no parameter 'modell'; known are account, after, class"),
        ("status=200&status=429", "status is given more than once"),
    ],
)
def test_what_is_wrong_is_said_with_its_name(text: str, words: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        requests_query(query(text), NOW)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_that_no_database_can_hold_is_refused() -> None:
    with pytest.raises(InvalidQueryError):
        requests_query(MultiDict({"session": "\udcff"}), NOW)


def test_following_live_is_for_requests_alone() -> None:
    with pytest.raises(InvalidQueryError, match="no parameter 'after'"):
        conversations_query(query("after=1"), NOW)


def test_streams_are_asked_for_by_time_alone() -> None:
    assert streams_query(query("")) == StreamRange()
    assert streams_query(query("since=2026-11-22&until=2026-11-23")) == StreamRange(
        datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    )
    with pytest.raises(InvalidQueryError, match="no parameter 'limit'; known are since, until"):
        streams_query(query("limit=1"))


@pytest.mark.parametrize("by", REQUEST_MEASURES)
def test_requests_are_ordered_by_what_they_are_measured_by(by: RequestMeasure) -> None:
    assert requests_query(query(f"sort={by}"), NOW).sort == Sort(by)
    assert requests_query(query(f"sort={by}&order=asc"), NOW).sort == Sort(by, ascending=True)
    assert requests_query(query(f"sort={by}&order=desc"), NOW).sort == Sort(by)


@pytest.mark.parametrize("by", CONVERSATION_MEASURES)
def test_conversations_are_ordered_by_what_they_are_measured_by(by: ConversationMeasure) -> None:
    assert conversations_query(query(f"sort={by}"), NOW).sort == Sort(by)
    assert conversations_query(query(f"sort={by}&order=asc&within=1d"), NOW).sort == Sort(by, ascending=True)


def test_nobody_asks_for_an_order_but_for_the_usual_one() -> None:
    assert (requests_query(query(""), NOW).sort, conversations_query(query(""), NOW).sort) == (NEWEST, LATEST)
    assert requests_query(query("order=asc"), NOW).sort == Sort("received_at", ascending=True)
    assert conversations_query(query("within=24h"), NOW).wanted.since == datetime(2026, 11, 21, 12, tzinfo=UTC)


NAMES = st.sampled_from(
    ["conversation", "session", "class", "model", "status", "outcome", "since", "until", "within", "sort", "limit"]
)


@given(st.lists(st.tuples(NAMES | st.text(max_size=8), st.text(max_size=40)), max_size=5))
def test_no_query_breaks_it(pairs: list[tuple[str, str]]) -> None:
    for read in (requests_query, conversations_query):
        with suppress(InvalidQueryError):
            assert read(MultiDict(pairs), NOW).page.limit >= 0


def test_the_words_are_those_that_are_stored() -> None:
    from schemas.stored.events import ResponseAborted

    assert CLASSES == STORED_CLASSES
    ends = ResponseAborted.model_fields["ended_by"].annotation
    assert set(OUTCOMES) == {"open", "completed", *ends.__args__}  # type: ignore[union-attr]  # a Literal


def test_a_list_may_be_asked_for_in_another_form() -> None:
    assert requests_query(query(""), NOW).page.form == "json"
    assert requests_query(query("format=csv"), NOW).page.form == "csv"
    assert conversations_query(query("format=csv"), NOW).page.form == "csv"
    with pytest.raises(InvalidQueryError, match="format='xml' is unknown; give one of json, csv"):
        requests_query(query("format=xml"), NOW)


def test_an_export_is_markdown_and_leaves_people_out_unless_it_is_asked_otherwise() -> None:
    assert export_query(query("")) == ExportQuery("md", None, redact=True)
    branch = "01890000-0000-7000-8000-000000000000"
    assert export_query(query(f"format=html&redact=0&branch={branch}")) == ExportQuery(
        "html", UUID(branch), redact=False
    )
    for unfit in ("format=pdf", "redact=no", "branch=main", "people=1"):
        with pytest.raises(InvalidQueryError):
            export_query(query(unfit))


def test_a_search_has_words_and_filters() -> None:
    assert search_query(query("q=time+out")) == SearchQuery("time out", limit=20)
    text = (
        "q=x&kind=tool_result&error=yes&tool=Bash&since=2026-11-22&until=2026-11-23&aside=yes&model=m&project=p"
        f"&account=a&session=s&conversation={ID}&class=subagent&order=newest&limit=7&cursor=20"
    )
    wanted = SearchFilter(
        kind="tool_result",
        is_error=True,
        tool="Bash",
        since=datetime(2026, 11, 22, tzinfo=UTC),
        until=datetime(2026, 11, 23, tzinfo=UTC),
        aside=True,
        model="m",
        project="p",
        account="a",
        session="s",
        conversation=UUID(ID),
        request_class="subagent",
    )
    assert search_query(query(text)) == SearchQuery("x", wanted, "newest", 7, "20")
    assert search_query(query("q=x&error=no")).wanted.is_error is False


@pytest.mark.parametrize(
    "text", ["", "q=", "q=x&kind=said", "q=x&error=1", "q=x&order=old", "q=x&status=200", "q=x&q=y"]
)
def test_an_unfit_search_is_refused(text: str) -> None:
    with pytest.raises(InvalidQueryError):
        search_query(query(text))


def test_a_comparison_has_two_sides_a_way_and_so_many_turns() -> None:
    one, other = UUID(int=1), UUID(int=2)
    asked = compare_query(MultiDict(a=str(one), b=str(other), of="branches", turns="7"))
    assert asked == Wanted(a=one, b=other, of="branches", turns=7)
    assert compare_query(MultiDict(a=str(one))) == Wanted(a=one, b=None, of=None, turns=TURNS)
    assert compare_query(MultiDict(a=str(one), turns=str(MOST_TURNS))).turns == MOST_TURNS
    for unfit in (
        {"b": str(one)},
        {"a": "x"},
        {"a": str(one), "turns": str(MOST_TURNS + 1)},
        {"a": str(one), "c": "x"},
    ):
        with pytest.raises(InvalidQueryError):
            compare_query(MultiDict(unfit))


def test_a_tree_may_be_asked_for_as_of_a_moment() -> None:
    assert tree_query(query("")) is None
    assert tree_query(query("as_of=2026-11-22T09:30:00Z")) == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    for wrong in ("as_of=", "as_of=then", "at=2026-11-22"):
        with pytest.raises(InvalidQueryError):
            tree_query(query(wrong))
