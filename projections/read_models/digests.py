"""Are two sets of tables the same, row for row? Digests that do not depend on the order of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from projections.read_models.builds import Build, named
from projections.read_models.connection import Connection

FREEZE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
SAME_TEXT = "SELECT set_config('TimeZone', 'UTC', true), set_config('extra_float_digits', '1', true)"
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


async def freeze(tx: Connection) -> None:
    """All that follows in this transaction sees one moment. Must come first in it."""
    await tx.execute(FREEZE)


async def of_tables(tx: Connection, build: Build, tables: Sequence[str]) -> dict[str, Digest]:
    await tx.execute(SAME_TEXT)
    out = {}
    for table in tables:
        row = await tx.fetchrow(named(DIGEST, schema=build.schema, table=table))
        if row is not None:
            out[table] = Digest(row["rows"], row["digest"])
    return out
