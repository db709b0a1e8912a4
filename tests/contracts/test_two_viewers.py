"""Who is shown one account sees exactly what a store says that has nothing else: in every answer of every method.

That is the whole promise, both ways: nothing of another account reaches him, and nothing of his own is missing.
"""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from dashboard.data import CacheFilter, ConversationFilter, Counts, DataStore, RequestFilter, StreamRange
from dashboard.searching import SearchQuery
from dashboard.usage import By, UsageQuery
from domain.ids import Position
from domain.ranking import CONVERSATION_MEASURES, REQUEST_MEASURES, Sort
from domain.search_hits import SearchFilter
from domain.viewers import OWNER, NotAllowedError, Viewer
from ops.db.embedded import EmbeddedPostgres
from ops.db.event_store import PostgresShipStore
from ops.db.pool import Pool
from ops.stores import data_store
from projections.read_models.narrowing import NUMBERS_OF_ACCOUNTS, OF_ACCOUNTS, SET_ACCOUNTS, sight_of
from projections.registry import PROJECTIONS
from tests.dashboard_roles import ROLE, reading
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.projected import Store
from tests.two_accounts import MINE, THEIRS, Tenant, canary, put, tenant

READER = Viewer(name="ada", role="reader", accounts=frozenset({MINE}))
ADMIN = Viewer(name="eve", role="admin", accounts=frozenset({MINE}))
COUNTER = Viewer(name="bob", role="usage", accounts=frozenset({MINE}))
COUNTER_OF_ALL = Viewer(name="bo", role="usage", accounts=None)
VIEWS = [view for projection in PROJECTIONS for view in projection.views]
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
GROUPS: tuple[By, ...] = get_args(By)
TEXTS = ("Answer to", "What does", "First question", "Let me look", "hello.txt")
NAMES_IN_NUMBERS = {"model", "models", "unpriced", "name", "key", "label", "device", "user", "session", "session_id"}
NAMES_IN_NUMBERS |= {"session_ids", "account", "client_domain", "text", "reason"}
"""What of a row is a name of something, and shown to who sees numbers."""


@dataclass(frozen=True)
class Stores:
    """Both accounts in one store; and one with mine alone."""

    both: DataStore
    alone: DataStore
    mine: Tenant
    theirs: Tenant
    pool: Pool
    other_pool: Pool

    @property
    def all_ids(self) -> list[Any]:
        return [*self.mine.ids, *self.theirs.ids]


def filled_alike(pool: Pool) -> Store:
    """Folders are named by a digest, whose key is drawn: here, the same in every store."""
    ship = PostgresShipStore(pool, announce=lambda: None, random_bytes=bytes)
    return replace(Store.over(pool), ship=ship)


@pytest.fixture
async def stores(
    pool: Pool, migrated_database: str, postgres_server: EmbeddedPostgres, migrated_template: str
) -> AsyncIterator[Stores]:
    """What is shown is read in the dashboard's own role; what it must equal, outside of it."""
    both = filled_alike(pool)
    mine, theirs = await tenant(both, MINE), await tenant(both, THEIRS)
    await put(both, mine, theirs)
    dsn = create_database(postgres_server, migrated_template)
    async with opened(dsn) as other, reading(migrated_database) as reader:
        assert await reader.fetchval("SELECT current_user::text") == ROLE
        alone = filled_alike(other)
        await put(alone, await tenant(alone, MINE))
        yield Stores(data_store(reader), data_store(other), mine, theirs, pool, other)
    drop_database(postgres_server, dsn)


Question = Callable[[DataStore, Stores], Awaitable[list[Any]]]


async def of_each(stores: Stores, ask: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    return [await ask(one) for one in stores.all_ids]


async def requests(store: DataStore, stores: Stores) -> list[Any]:
    first = await store.requests(RequestFilter(), limit=3)
    wanted = [RequestFilter(session=f"{canary(one)}-session") for one in (MINE, THEIRS)]
    wanted += [RequestFilter(conversation=one) for one in stores.all_ids] + [RequestFilter(request_class="main")]
    return [
        first,
        await store.requests(RequestFilter(), cursor=first.next_cursor, limit=3),
        (await store.requests(RequestFilter(), after=Position(0), limit=500)).items,
        *[await store.requests(one, limit=500) for one in wanted],
        *[await store.requests(RequestFilter(), sort=Sort(by), limit=500) for by in REQUEST_MEASURES],
        *[await store.requests(RequestFilter(), sort=Sort(by, ascending=True), limit=500) for by in REQUEST_MEASURES],
        *[await store.requests(RequestFilter(account=one), limit=500) for one in (MINE, THEIRS)],
    ]


async def conversations(store: DataStore, _: Stores) -> list[Any]:
    wanted = [ConversationFilter(), ConversationFilter(title="canary")]
    wanted += [ConversationFilter(account=one) for one in (MINE, THEIRS)]
    wanted += [ConversationFilter(session=f"{canary(one)}-session") for one in (MINE, THEIRS)]
    first = await store.conversations(ConversationFilter(), limit=1)
    return [
        *[await store.conversations(one) for one in wanted],
        *[await store.conversations(ConversationFilter(), sort=Sort(by)) for by in CONVERSATION_MEASURES],
        await store.conversations(ConversationFilter(), cursor=first.next_cursor),
    ]


async def titles(store: DataStore, stores: Stores) -> list[Any]:
    """Of both, whoever asks: he may know ids from elsewhere."""
    return sorted((await store.titles(stores.all_ids)).items())


async def trees(store: DataStore, stores: Stores) -> list[Any]:
    found = await of_each(stores, store.tree)
    moments = [node.received_at + timedelta(milliseconds=5) for tree in found if tree for node in tree.nodes]
    return [*found, *[await store.tree(stores.all_ids[0], moment) for moment in moments[:3]]]


async def standings(store: DataStore, stores: Stores) -> list[Any]:
    return await of_each(stores, store.standing)


async def lines(store: DataStore, stores: Stores) -> list[Any]:
    return [one async for one in store.line_details(stores.all_ids)]


async def branch_names(store: DataStore, stores: Stores) -> list[Any]:
    return [await store.branch_name(one, one) for one in stores.all_ids]


async def searches(store: DataStore, _: Stores) -> list[Any]:
    words = [*TEXTS, canary(MINE), canary(THEIRS), "canary*"]
    filters = [SearchFilter(account=one) for one in (None, MINE, THEIRS)]
    return [
        await store.search(SearchQuery(words=word, wanted=wanted, limit=100, order=order))
        for word in words
        for wanted in filters
        for order in ("best", "newest")
    ]


async def windows(store: DataStore, _: Stores) -> list[Any]:
    return [await store.windows(one, NOW) for one in (None, MINE, THEIRS)]


async def usage(store: DataStore, _: Stores) -> list[Any]:
    queries = [UsageQuery(since=SINCE, until=UNTIL, group_by=(by,), limit=limit) for by in GROUPS for limit in (1, 50)]
    return [await store.usage(query) for query in (UsageQuery(since=SINCE, until=UNTIL), *queries)]


async def status_lines(store: DataStore, _: Stores) -> list[Any]:
    return [await store.status_line(f"{canary(one)}-session", NOW) for one in (MINE, THEIRS)]


async def cache_insights(store: DataStore, stores: Stores) -> list[Any]:
    wanted = [CacheFilter(group_by=by) for by in ("cause", "account", "model", "project", "conversation")]
    return [
        await store.cache_insights(one)
        for one in [*wanted, *[CacheFilter(conversation=member) for member in stores.all_ids]]
    ]


async def counted(store: DataStore, _: Stores) -> list[Any]:
    return [await store.summary()]


async def streams(store: DataStore, _: Stores) -> list[Any]:
    return [await store.stream_insights(StreamRange(SINCE, UNTIL))]


async def costs(store: DataStore, stores: Stores) -> list[Any]:
    return [await store.costs(stores.all_ids)]


QUESTIONS: dict[str, Question] = {
    "requests": requests,
    "request": lambda store, stores: of_each(stores, store.request),
    "conversations": conversations,
    "conversation": lambda store, stores: of_each(stores, store.conversation),
    "titles": titles,
    "tree": trees,
    "standing": standings,
    "line_details": lines,
    "branch_name": branch_names,
    "search": searches,
    "windows": windows,
    "usage": usage,
    "costs": costs,
    "request_usage": lambda store, stores: of_each(stores, store.request_usage),
    "cache_insights": cache_insights,
    "cache_verdict": lambda store, stores: of_each(stores, store.cache_verdict),
    "status_line": status_lines,
    "summary": counted,
    "stream_insights": streams,
    "request_body": lambda store, stores: of_each(stores, store.request_body),
    "response_bytes": lambda store, stores: of_each(stores, store.response_bytes),
    "events": lambda store, stores: of_each(stores, store.events),
    "details": lambda store, stores: of_each(stores, store.details),
}
TELLS_NOTHING_OF_ANYBODY = {"seen_by", "reveal", "position", "newest_position", "saved_filters"}
"""Who asks, whether he may, and how far the log has come: for who serves, not for who looks; and what he keeps himself
(``test_saved_filters.py``)."""
NEEDS = {
    "text": {"tree", "standing", "line_details", "search", "events", "details"},
    "raw": {"request_body", "response_bytes"},
}


def plain(value: Any) -> Any:
    """Without what differs between any two stores: where in their logs an event stands."""
    match value:
        case BaseModel():
            return plain(value.model_dump(mode="json"))
        case dict():
            return {str(name): plain(one) for name, one in value.items() if name not in {"position", "journal_id"}}
        case list() | tuple():
            return [plain(one) for one in value]
        case set() | frozenset():
            return sorted(map(str, value))
        case _ if hasattr(value, "__dataclass_fields__"):
            return plain({name: getattr(value, name) for name in value.__dataclass_fields__})
        case bytes():
            return value.decode("latin-1")
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def texts_in(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text, with the name of the field it stands in."""
    match value:
        case dict():
            for key, one in value.items():
                yield (name, key)
                yield from texts_in(one, key)
        case list():
            for one in value:
                yield from texts_in(one, name)
        case str():
            yield (name, value)


@pytest.mark.bar(68)
def test_every_method_has_its_question() -> None:
    """A method that nobody asked about here may show anything to anybody."""
    methods = {name for name, _ in inspect.getmembers(DataStore, inspect.isfunction) if not name.startswith("_")}
    assert methods == set(QUESTIONS) | TELLS_NOTHING_OF_ANYBODY


async def answers(store: DataStore, stores: Stores) -> dict[str, Any]:
    """To every question that this viewer may ask; the others are refused."""
    out = dict[str, Any]()
    for name, ask in QUESTIONS.items():
        if all(store.viewer.may(ability) or name not in names for ability, names in NEEDS.items()):  # type: ignore[arg-type]
            out[name] = plain(await ask(store, stores))
        else:
            with pytest.raises(NotAllowedError):
                await ask(store, stores)
    return out


@pytest.mark.bar(68)
async def test_everybody_is_shown_what_there_is_of_his_accounts_and_nothing_else(stores: Stores) -> None:
    """One store serves all the checks: to fill two of them takes seconds."""
    told = await answers(stores.both, stores)
    assert [text for text in TEXTS if text not in json.dumps(told)] == []
    for viewer in (READER, ADMIN, COUNTER):
        await sees_his_own_alone(stores, viewer)
    for viewer in (COUNTER, COUNTER_OF_ALL):
        await reads_nothing_that_was_said(stores, viewer)
    for schema in (OF_ACCOUNTS, NUMBERS_OF_ACCOUNTS):
        await each_view_shows_his_own_alone(stores, schema)
    await tells_not_how_much_happens_elsewhere(stores)
    await sees_nothing(stores, Viewer(name="cy", role="admin", accounts=frozenset({"nowhere"})))


async def sees_his_own_alone(stores: Stores, viewer: Viewer) -> None:
    of_all = Viewer(name=viewer.name, role=viewer.role, accounts=None)
    got = await answers(stores.both.seen_by(viewer), stores)
    expected = await answers(stores.alone.seen_by(of_all), stores)
    whole = await answers(stores.both.seen_by(of_all), stores)
    for name, answer in got.items():
        assert answer == expected[name], name
        assert answer != whole[name], f"{name} tells nothing apart: it proves nothing"
        asked_for = f"{canary(THEIRS)}-s"  # status lines repeat the question
        assert canary(THEIRS) not in json.dumps(answer).replace(asked_for, ""), name


async def reads_nothing_that_was_said(stores: Stores, viewer: Viewer) -> None:
    for method, answer in (await answers(stores.both.seen_by(viewer), stores)).items():
        for field, text in texts_in(answer):
            assert not any(word in text for word in TEXTS), (method, field, text)
            assert field in NAMES_IN_NUMBERS or "canary" not in text, (method, field, text)


async def each_view_shows_his_own_alone(stores: Stores, schema: str) -> None:
    """By itself, not only where a query joins it with others that are narrow too."""
    async with stores.pool.acquire() as connection, stores.other_pool.acquire() as other:
        sight = sight_of(READER)
        await connection.execute(SET_ACCOUNTS, list(sight.accounts), list(sight.scopes))
        for view in VIEWS:
            count = f"SELECT count(*) FROM {schema}.{view}"
            hidden = schema == NUMBERS_OF_ACCOUNTS and view.startswith("search_")  # it is nothing but text
            expected = 0 if hidden else await other.fetchval(f"SELECT count(*) FROM read.{view}")
            assert await connection.fetchval(count) == expected, view
            rows = await connection.fetch(f"SELECT t::text FROM {schema}.{view} t")
            assert not [row for row in rows if canary(THEIRS) in row[0] or f"{THEIRS}.example" in row[0]], view


async def tells_not_how_much_happens_elsewhere(stores: Stores) -> None:
    """The place to go on from is that of one's own newest row, or where one was."""
    store = stores.both.seen_by(READER)
    everything = await store.requests(RequestFilter(), after=Position(0), limit=500)
    newest = max(item.position for item in everything.items)
    assert everything.next_cursor == str(newest)
    assert newest < await stores.both.position()
    again = await store.requests(RequestFilter(), after=Position(newest), limit=500)
    assert (again.items, again.next_cursor) == ([], str(newest))


async def sees_nothing(stores: Stores, viewer: Viewer) -> None:
    """Nothing is his: also not what belongs to no account at all."""
    empty = stores.both.seen_by(viewer)
    assert await empty.summary() == Counts(0, 0, 0)
    assert [one for one in await of_each(stores, empty.details) if one] == []
    assert (await empty.usage(UsageQuery(since=SINCE, until=UNTIL))).total.requests == 0


async def test_the_whole_store_is_for_its_owner_and_pays_nothing() -> None:
    store = DataStore.__new__(DataStore)
    for attribute in ("_connections", "_recordings"):
        setattr(store, attribute, object())
    seen = store.seen_by(OWNER)
    assert (seen._connections, seen._recordings) == (store._connections, store._recordings)
