"""How is a viewer shown only what he may see? By other views of the same tables, which know no more than that.

Theory of operation. Queries name the views in schema ``read``. For who sees less there are the same views in schemas of
their own: ``read_accounts`` has the rows of the accounts that the session names, ``read_numbers`` has no text in any
row, ``read_accounts_numbers`` neither. A connection that is lent for such a viewer puts its schema into every query
before it is sent, so a query cannot forget to ask for it: whatever it reads, it reads there. A table that has no rule
here cannot be shown at all. Who sees everything pays nothing: his queries and his views are as they were.

A session that names no accounts sees no rows.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import cast

import asyncpg

from domain.viewers import Viewer, scopes_of
from projections.read_models.connection import Connection, Connections

ALL, OF_ACCOUNTS, NUMBERS, NUMBERS_OF_ACCOUNTS = "read", "read_accounts", "read_numbers", "read_accounts_numbers"
NARROW_SCHEMAS = (OF_ACCOUNTS, NUMBERS, NUMBERS_OF_ACCOUNTS)
SET_ACCOUNTS = """
SELECT set_config('nexus.accounts', $1::text[]::text, false), set_config('nexus.scopes', $2::text[]::text, false)
"""
_ACCOUNTS = "ANY((SELECT nullif(current_setting('nexus.accounts', true), ''))::text[])"
_SCOPES = "ANY((SELECT nullif(current_setting('nexus.scopes', true), ''))::text[])"
_BY_ACCOUNT = f"t.account = {_ACCOUNTS}"
_BY_SCOPE = f"t.scope = {_SCOPES}"
_BY_EXCHANGE = f"""
EXISTS (SELECT FROM {{schema}}.exchanges e WHERE e.request_id = t.request_id AND e.scope = {_SCOPES})
"""
_BY_GROUP = f"""
t.group_id IN (SELECT g.group_id FROM {{schema}}.usage_groups g WHERE g.account = {_ACCOUNTS})
"""  # noqa: S608  names of ours
_BY_PIECE = f"""
EXISTS (SELECT FROM {{schema}}.search_pieces p WHERE p.said = t.said AND p.scope = {_SCOPES})
"""
_NOTHING = "false"
_EVERYTHING = "true"
_QUALIFIED = re.compile(r"\bread\.(?=[a-z_])")


@dataclass(frozen=True, slots=True)
class Rule:
    """What of a table's rows is shown to whom."""

    of_accounts: str
    """Which rows belong to the session's accounts; ``t`` is the table, ``{schema}`` that of the build."""
    blank: Mapping[str, str] = field(default_factory=dict)
    """Columns that hold text, and what stands in their place for who sees numbers only."""
    numbers: str = _EVERYTHING
    """Which rows are there at all for who sees numbers only."""


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "requests": Rule(
            f"coalesce(t.account, t.scope) = {_ACCOUNTS}",
            {"error_message": "NULL::text", "path": "split_part(t.path, '?', 1)"},
        ),
        "limit_sightings": Rule(f"t.account_key = {_ACCOUNTS}"),
        "links": Rule(_BY_EXCHANGE, {"evidence": "'[]'::jsonb"}),
        "conversations": Rule(_BY_SCOPE, {"title": "''::text"}),
        "tasks": Rule(_BY_SCOPE, {"description": "''::text"}),
        "mentions": Rule(_BY_SCOPE),
        "exchanges": Rule(
            _BY_SCOPE,
            dict.fromkeys(("title", "asked", "summary", "session_title", "cut_text"), "''::text"),
        ),
        "corrections": Rule(_BY_EXCHANGE, {"who": "''::text", "why": "''::text"}),
        "usage_groups": Rule(_BY_ACCOUNT),
        "usage_lines": Rule(_BY_GROUP),
        "usage_quarters": Rule(_BY_GROUP),
        "usage_days": Rule(_BY_GROUP),
        "usage_months": Rule(_BY_GROUP),
        "usage_conversations": Rule(_BY_GROUP),
        "cache_verdicts": Rule(_BY_ACCOUNT, {"detail": "''::text", "divergence": "NULL::jsonb"}),
        "search_pieces": Rule(_BY_SCOPE, numbers=_NOTHING),
        "search_places": Rule(_BY_PIECE, numbers=_NOTHING),
    }
)
"""One for every view."""


@dataclass(frozen=True, slots=True)
class Sight:
    """In which schema a viewer reads, and what the session must name."""

    schema: str
    accounts: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


def sight_of(viewer: Viewer) -> Sight:
    text = viewer.may("text")
    if viewer.accounts is None:
        return Sight(ALL if text else NUMBERS)
    accounts = tuple(sorted(viewer.accounts))
    scopes = tuple(sorted(scopes_of(accounts)))
    return Sight(OF_ACCOUNTS if text else NUMBERS_OF_ACCOUNTS, accounts, scopes)


def columns_of(sight: str, table: str, columns: Sequence[str]) -> str:
    """What a narrow view shows of each row; ``t`` is the table. Raises KeyError for a table without a rule."""
    blank = RULES[table].blank if sight in {NUMBERS, NUMBERS_OF_ACCOUNTS} else {}
    return ", ".join(f"{blank[name]} AS {name}" if name in blank else f"t.{name}" for name in columns)


def condition_of(sight: str, table: str, schema: str) -> str:
    """Which rows a narrow view of a build's table has. Raises KeyError for a table without a rule."""
    rule = RULES[table]
    numbers = [rule.numbers] if sight in {NUMBERS, NUMBERS_OF_ACCOUNTS} else []
    accounts = [rule.of_accounts.format(schema=schema)] if sight in {OF_ACCOUNTS, NUMBERS_OF_ACCOUNTS} else []
    return " AND ".join([*numbers, *accounts])


@lru_cache(1000)
def in_schema(query: str, schema: str) -> str:
    """The same query, of the views in that schema."""
    return _QUALIFIED.sub(f"{schema}.", query)


@asynccontextmanager
async def narrowed(lend: Connections, sight: Sight) -> AsyncIterator[Connection]:
    """A connection that sees no more than that; what it was told is forgotten when the pool takes it back."""
    async with lend() as connection:
        await connection.execute(SET_ACCOUNTS, list(sight.accounts), list(sight.scopes))
        yield cast("Connection", _Narrowed(connection, sight.schema))  # it has what readers use of a connection


class _Narrowed:
    """As much of a connection as read models use."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection, self._schema = connection, schema

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._connection.fetch(in_schema(query, self._schema), *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        return await self._connection.fetchrow(in_schema(query, self._schema), *arguments)

    async def fetchval(self, query: str, *arguments: object) -> object:
        return await self._connection.fetchval(in_schema(query, self._schema), *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        return await self._connection.execute(in_schema(query, self._schema), *arguments)
