"""Which exchanges could a projection not take in? They are set aside, counted and shown; a rebuild tries them again."""

from uuid import UUID

from domain.ids import Position
from projections.read_models.builds import Build
from projections.read_models.connection import Connection
from projections.read_models.rows import storable

INSERT = """
INSERT INTO public.projection_failures (name, build, request_id, position, error) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name, build, request_id) DO UPDATE SET position = excluded.position, error = excluded.error
"""
COUNT = "SELECT count(*) FROM public.projection_failures WHERE name = $1 AND build = $2"


async def record(tx: Connection, build: Build, request_id: UUID, position: Position, error: str) -> None:
    await tx.execute(INSERT, build.name, build.number, request_id, position, storable(error))


async def count(connection: Connection, build: Build) -> int:
    found: int = await connection.fetchval(COUNT, build.name, build.number)
    return found
