"""Which exchanges could a projection not take in? They are set aside, counted and shown.

A retry or a rebuild takes them up. One that is taken in later, when more of it is known, is no longer set aside.
"""

from collections.abc import Sequence
from uuid import UUID

from domain.ids import Position
from projections.read_models.builds import Build
from projections.read_models.connection import Connection
from projections.read_models.rows import storable

INSERT = """
INSERT INTO public.projection_failures (name, build, request_id, position, error) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name, build, request_id) DO UPDATE SET position = excluded.position, error = excluded.error
"""
CLEAR = "DELETE FROM public.projection_failures WHERE name = $1 AND build = $2 AND request_id = ANY($3::uuid[])"
DIGEST = """
SELECT count(*) AS exchanges, coalesce(md5(string_agg(request_id::text, ',' ORDER BY request_id)), '') AS word
FROM public.projection_failures WHERE name = $1 AND build = $2
"""
SELECT_SET_ASIDE = """
SELECT request_id FROM public.projection_failures WHERE name = $1 AND build = $2 AND request_id > $3
ORDER BY request_id LIMIT $4
"""
COUNT = "SELECT count(*) FROM public.projection_failures WHERE name = $1 AND build = $2"


async def record(tx: Connection, build: Build, request_id: UUID, position: Position, error: str) -> None:
    await tx.execute(INSERT, build.name, build.number, request_id, position, storable(error))


async def clear(tx: Connection, build: Build, request_ids: Sequence[UUID]) -> None:
    """These were taken in."""
    await tx.execute(CLEAR, build.name, build.number, request_ids)


async def set_aside(tx: Connection, build: Build, after: UUID, most: int) -> list[UUID]:
    """By id, those above ``after``."""
    return [row["request_id"] for row in await tx.fetch(SELECT_SET_ASIDE, build.name, build.number, after, most)]


async def digest(connection: Connection, build: Build) -> tuple[int, str]:
    """How many, and a word that is the same for the same exchanges."""
    row = await connection.fetchrow(DIGEST, build.name, build.number)
    assert row is not None
    return row["exchanges"], row["word"]


async def count(connection: Connection, build: Build) -> int:
    found: int = await connection.fetchval(COUNT, build.name, build.number)
    return found
