"""Narrow views: every view has a rule, every query finds them, and a session that names nothing sees nothing."""

import inspect
import re
from functools import partial
from types import ModuleType

import pytest

from domain.viewers import ROLES, Role, Viewer
from ops.db.borrowing import borrowed
from ops.db.pool import Pool
from projections.read_models import (
    cache_queries,
    catalog,
    conversation_queries,
    cost_queries,
    limit_queries,
    link_queries,
    narrowing,
    request_queries,
    search_queries,
    session_queries,
    stream_queries,
    usage_queries,
)
from projections.read_models.narrowing import ALL, NARROW_SCHEMAS, RULES, Sight, in_schema, narrowed, sight_of
from projections.registry import PROJECTIONS
from tests.stored_rows import make_live
from tests.tally import TALLY

QUERIES = (
    cache_queries,
    conversation_queries,
    cost_queries,
    limit_queries,
    link_queries,
    request_queries,
    search_queries,
    session_queries,
    stream_queries,
    usage_queries,
)
VIEWS = [view for projection in PROJECTIONS for view in projection.views]
_QUALIFIED = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)\.[a-z_]+")


def statements(module: ModuleType) -> list[str]:
    return [value for name, value in vars(module).items() if name.startswith("SELECT_") and isinstance(value, str)]


@pytest.fixture
async def live(pool: Pool) -> Pool:
    await make_live(pool)
    return pool


def test_every_view_has_its_rule() -> None:
    """A table without one could not be shown; a rule without a table protects nothing."""
    assert set(RULES) - {TALLY.name} == set(VIEWS)
    with pytest.raises(KeyError):
        narrowing.condition_of(narrowing.OF_ACCOUNTS, "nodes", "p_x_1")
    with pytest.raises(KeyError):
        narrowing.columns_of(narrowing.NUMBERS, "nodes", ["node"])


@pytest.mark.parametrize("module", QUERIES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_query_reads_where_its_viewer_may(module: ModuleType) -> None:
    """Nothing but views of schema read, which become the viewer's own; and by a connection that it is lent."""
    assert statements(module)
    for statement in statements(module):
        schemas = set(_QUALIFIED.findall(statement))
        assert schemas <= {"read"}, schemas
        moved = in_schema(statement, "elsewhere")
        assert set(_QUALIFIED.findall(moved)) == ({"elsewhere"} if schemas else set())
        assert moved.replace("elsewhere.", "read.") == statement
    for _, function in inspect.getmembers(module, inspect.iscoroutinefunction):
        if function.__module__ == module.__name__:
            assert next(iter(inspect.signature(function).parameters)) in {"connection", "connections"}


def test_a_word_that_only_ends_so_is_no_schema() -> None:
    assert in_schema("SELECT spread.x, read.x, 'already read.' FROM read.y", "z") == (
        "SELECT spread.x, z.x, 'already read.' FROM z.y"
    )


async def test_every_narrow_view_has_the_columns_of_the_whole_one(live: Pool) -> None:
    async with live.acquire() as connection:
        for view in VIEWS:
            whole = (await catalog.columns(connection, ALL, view)).names
            assert whole
            for schema in NARROW_SCHEMAS:
                assert (await catalog.columns(connection, schema, view)).names == whole, (schema, view)


async def test_a_store_from_before_gets_its_views_when_the_projector_starts(live: Pool) -> None:
    for schema in NARROW_SCHEMAS:
        await live.execute(f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}")
    await make_live(live)
    await test_every_narrow_view_has_the_columns_of_the_whole_one(live)


@pytest.mark.parametrize("role", ROLES)
def test_a_sight_names_its_accounts_and_leaves_texts_out_for_numbers(role: Role) -> None:
    some = sight_of(Viewer(name="x", role=role, accounts=frozenset({"b", "a"})))
    whole = sight_of(Viewer(name="x", role=role, accounts=None))
    assert some.accounts == ("a", "b")
    assert set(some.scopes) == {"a", "b", "account:a", "account:b", "key-account:a", "key-account:b"}
    assert some.schema == (narrowing.NUMBERS_OF_ACCOUNTS if role == "usage" else narrowing.OF_ACCOUNTS)
    assert whole == Sight(narrowing.NUMBERS if role == "usage" else ALL)


async def test_a_session_that_names_no_accounts_sees_no_rows(live: Pool) -> None:
    for schema in (narrowing.OF_ACCOUNTS, narrowing.NUMBERS_OF_ACCOUNTS):
        for view in VIEWS:
            assert await live.fetchval(f"SELECT count(*) FROM {schema}.{view}") == 0


async def test_what_a_session_was_told_is_forgotten_when_the_pool_takes_it_back(live: Pool) -> None:
    sight = Sight(narrowing.OF_ACCOUNTS, ("acme",), ("account:acme",))
    asked = "SELECT current_setting('nexus.accounts', true)"
    async with narrowed(partial(borrowed, live, 5.0), sight) as connection:
        assert await connection.fetchval(asked) == "{acme}"
        assert await connection.fetchrow("SELECT count(*) AS n FROM read.requests") is not None
        assert await connection.execute("SELECT FROM read.links") == "SELECT 0"
        assert await connection.fetch("SELECT FROM read.conversations") == []
    for _ in range(20):
        async with borrowed(live, 5.0) as connection:
            assert not await connection.fetchval(asked)
