"""In which rows do two builds of one table differ, and in which columns? Rows are matched by primary key.

Builds of two versions may have other columns: only those that both have are compared, the others are named.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import asyncpg
import msgspec

from projections.read_models import catalog
from projections.read_models.builds import Build, named
from projections.read_models.connection import Connection

DIFFERENT_ROWS = """
WITH gone AS (
    SELECT to_jsonb(t) - $1::text[] AS content FROM {before}.{table} t
    EXCEPT ALL SELECT to_jsonb(t) - $1::text[] FROM {after}.{table} t
), come AS (
    SELECT to_jsonb(t) - $1::text[] AS content FROM {after}.{table} t
    EXCEPT ALL SELECT to_jsonb(t) - $1::text[] FROM {before}.{table} t
), gone_by_key AS (
    SELECT (SELECT jsonb_object_agg(name, content -> name) FROM unnest($2::text[]) AS name) AS key, content FROM gone
), come_by_key AS (
    SELECT (SELECT jsonb_object_agg(name, content -> name) FROM unnest($2::text[]) AS name) AS key, content FROM come
)
SELECT key::text AS key, g.content::text AS before, c.content::text AS after
FROM gone_by_key g FULL JOIN come_by_key c USING (key) ORDER BY key
"""
PREFETCH_ROWS = 500
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A value before and after, both as JSON."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row."""

    key: str
    """The primary key, as JSON."""
    kind: Literal["added", "removed", "changed"]
    columns: tuple[ColumnChange, ...]
    """Those that differ; none of a row that is only on one side."""


@dataclass(frozen=True, slots=True)
class TableDiff:
    """One table; everything counted, some rows as examples."""

    table: str
    rows: Mapping[str, int]
    """How many, by kind."""
    columns: Mapping[str, int]
    """In how many of the changed rows each column differs."""
    examples: tuple[RowChange, ...]
    only_before: tuple[str, ...]
    """Columns that the build after does not have; the whole table, if all."""
    only_after: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.only_before or self.only_after)


async def table_names(tx: Connection, before: Build, after: Build) -> list[str]:
    """Every table that one of them has."""
    return sorted({*await catalog.tables(tx, before.schema), *await catalog.tables(tx, after.schema)})


async def of_table(tx: Connection, before: Build, after: Build, table: str, limit: int) -> TableDiff:
    """At most ``limit`` examples of each kind."""
    old = await catalog.columns(tx, before.schema, table)
    new = await catalog.columns(tx, after.schema, table)
    only_before = tuple(name for name in old.names if name not in new.names)
    only_after = tuple(name for name in new.names if name not in old.names)
    rows, columns, examples = Counter[str](), Counter[str](), list[RowChange]()
    if old.names and new.names:
        query = named(DIFFERENT_ROWS, before=before.schema, after=after.schema, table=table)
        key = [name for name in old.key if name in new.names]
        async for row in tx.cursor(query, [*only_before, *only_after], key, prefetch=PREFETCH_ROWS):
            change = _change(row)
            rows[change.kind] += 1
            columns.update(each.column for each in change.columns)
            if rows[change.kind] <= limit:
                examples.append(change)
    return TableDiff(table, dict(rows), dict(columns), tuple(examples), only_before, only_after)


def _change(row: asyncpg.Record) -> RowChange:
    if row["before"] is None:
        return RowChange(row["key"], "added", ())
    if row["after"] is None:
        return RowChange(row["key"], "removed", ())
    before, after = _ROW.decode(row["before"]), _ROW.decode(row["after"])
    pairs = ((name, _text(before[name]), _text(after[name])) for name in before)
    return RowChange(row["key"], "changed", tuple(ColumnChange(*pair) for pair in pairs if pair[1] != pair[2]))


def _text(value: msgspec.Raw) -> str:
    return bytes(value).decode()
