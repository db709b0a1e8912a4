"""Which tables does a build really have, and which columns? Asked of the database: a list may forget one."""

from dataclasses import dataclass

from projections.read_models.connection import Connection

SELECT_TABLES = """
SELECT relname::text AS name FROM pg_class
WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p') ORDER BY 1
"""
SELECT_COLUMNS = """
SELECT a.attname::text AS name, coalesce(a.attnum = ANY(i.indkey::int2[]), false) AS is_key
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """Of one table or view, in their order."""

    names: tuple[str, ...]
    """Empty: there is no such table."""
    key: tuple[str, ...]
    """Those of the primary key."""


async def tables(connection: Connection, schema: str) -> tuple[str, ...]:
    return tuple(row["name"] for row in await connection.fetch(SELECT_TABLES, schema))


async def columns(connection: Connection, schema: str, table: str) -> Columns:
    rows = await connection.fetch(SELECT_COLUMNS, f"{schema}.{table}")
    return Columns(tuple(row["name"] for row in rows), tuple(row["name"] for row in rows if row["is_key"]))
