"""Are two sets of tables the same, row for row? Digests that do not depend on the order of rows.

What is digested is every table that the build has in the database, those that the code names, and which exchanges
were set aside: a table or an exchange that is only on one side is a difference too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from projections.read_models import catalog, failures
from projections.read_models.builds import Build, named
from projections.read_models.connection import Connection

SET_ASIDE = "(set aside)"
"""Stands among the tables for the exchanges that could not be taken in."""

READ = "read"
FREEZE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
SAME_TEXT = """
SELECT set_config('TimeZone', 'UTC', true), set_config('extra_float_digits', '1', true),
    set_config('DateStyle', 'ISO', true)
"""
DIGEST = """
SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 1)::numeric), 0)::text || '/' ||
    coalesce(bit_xor(hashtextextended(t::text, 2)), 0)::text AS digest
FROM {schema}.{table} t
"""


@dataclass(frozen=True, slots=True)
class Digest:
    """One table."""

    rows: int
    digest: str


MISSING = Digest(0, "missing")


async def freeze(tx: Connection) -> None:
    """All that follows in this transaction sees one moment. Must come first in it."""
    await tx.execute(FREEZE)


async def of_tables(tx: Connection, build: Build, tables: Sequence[str]) -> dict[str, Digest]:
    """Of the build's tables, ``tables`` in any case, and of what it has set aside."""
    await tx.execute(SAME_TEXT)
    everything = sorted({*tables, *await catalog.tables(tx, build.schema)})
    found = {table: await _digest(tx, build.schema, table) for table in everything}
    aside = Digest(*await failures.digest(tx, build))
    return {**found, SET_ASIDE: aside} if aside.rows else found


async def of_views(tx: Connection, views: Sequence[str]) -> dict[str, Digest]:
    """What readers see, in the same form."""
    await tx.execute(SAME_TEXT)
    there = {view for view in views if (await catalog.columns(tx, READ, view)).names}
    return {view: await _digest(tx, READ, view) if view in there else MISSING for view in views}


async def _digest(tx: Connection, schema: str, table: str) -> Digest:
    row = await tx.fetchrow(named(DIGEST, schema=schema, table=table))
    assert row is not None
    return Digest(row["rows"], row["digest"])
