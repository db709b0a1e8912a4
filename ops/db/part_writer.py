"""Which parts of a batch's bodies are new, and how are they inserted?

Whoever has a run has its children: a run and what it refers to are committed together. So the search goes down from
the bodies' roots, a level at a time for all bodies together, and stops at what is stored. A turn of a long session
asks for a few dozen keys, not for thousands.

Two shippers may insert the same part at once. Then the second waits for the first to commit; both insert in the order
of the keys, so neither waits for the other in a circle.
"""

from collections.abc import Iterable, Sequence

from domain.parts import CutBody
from domain.recutting import Part
from ops.db.compression import pack
from ops.db.pool import Connection

PartId = tuple[int, bytes]
"""Scope id and key."""
ScopedCut = tuple[int, CutBody]

# Each key is looked up, see ``payloads``.
SELECT_STORED = """
SELECT part.scope_id, part.key
FROM unnest($1::integer[], $2::bytea[]) AS wanted (scope_id, key)
CROSS JOIN LATERAL (
    SELECT scope_id, key FROM parts WHERE scope_id = wanted.scope_id AND key = wanted.key LIMIT 1
) AS part
"""
_INSERT_PARTS = """
INSERT INTO parts (scope_id, key, codec, raw_length, data)
SELECT * FROM unnest($1::integer[], $2::bytea[], $3::smallint[], $4::integer[], $5::bytea[])
ON CONFLICT (scope_id, key) DO NOTHING
"""


async def insert_parts(connection: Connection, bodies: Sequence[ScopedCut]) -> None:
    """Store what is not stored yet. To be called in the transaction, before the append lock is taken."""
    new = await _new_parts(connection, bodies)
    if not new:
        return
    ordered = sorted(new.items())
    packed = [pack(part.data) for _, part in ordered]
    await connection.execute(
        _INSERT_PARTS,
        [scope_id for (scope_id, _), _ in ordered],
        [key for (_, key), _ in ordered],
        [int(codec) for codec, _ in packed],
        [len(part.data) for _, part in ordered],
        [data for _, data in packed],
    )


async def _new_parts(connection: Connection, bodies: Sequence[ScopedCut]) -> dict[PartId, Part]:
    parts = {(scope_id, part.key): part for scope_id, body in bodies for part in body.parts.values()}
    level = {(scope_id, bytes.fromhex(body.reference.key)) for scope_id, body in bodies}
    new: dict[PartId, Part] = {}
    while level:
        missing = level - await _stored(connection, level)
        new |= {part_id: parts[part_id] for part_id in missing}
        below = {(scope_id, child) for scope_id, key in missing for child in parts[scope_id, key].children}
        level = below - new.keys()
    return new


async def _stored(connection: Connection, wanted: Iterable[PartId]) -> set[PartId]:
    scope_ids, keys = zip(*wanted, strict=True)
    rows = await connection.fetch(SELECT_STORED, scope_ids, keys)
    return {(row["scope_id"], row["key"]) for row in rows}
