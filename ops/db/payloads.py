"""How are the bytes behind the events read? Parts, whole request bodies, answers.

Works on a read replica too.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from uuid import UUID

import asyncpg

from domain.errors import PayloadMissingError
from domain.parts import put_together
from domain.recipes import MAX_DEPTH, Glue, RunRef, decode
from ops.db.borrowing import borrowed
from ops.db.compression import unpack
from ops.db.pool import Pool
from ops.db.scopes import Scopes, stored_name
from schemas.stored.events import BodyReference

DEADLINE_S = 30.0

# LIMIT keeps the lateral joins what they are: each key is looked up. As plain joins, plans that know little of the
# tables read every part of the scope, with each batch again.
SELECT_PARTS = """
SELECT part.key, part.codec, part.raw_length, part.data
FROM unnest($2::bytea[]) AS wanted (key)
CROSS JOIN LATERAL (SELECT * FROM parts WHERE scope_id = $1 AND key = wanted.key LIMIT 1) AS part
"""
SELECT_SCOPED_PARTS = """
SELECT wanted.place, part.codec, part.raw_length, part.data
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS wanted (scope, key, place)
JOIN scopes ON scopes.scope = wanted.scope
CROSS JOIN LATERAL (SELECT * FROM parts WHERE scope_id = scopes.id AND key = wanted.key LIMIT 1) AS part
"""
# A lateral join goes by id, so each id finds its month's partition at once, and its rows come in the inner order.
SELECT_ANSWERS = """
SELECT run.request_id, run.codec, run.raw_length, run.data
FROM (SELECT DISTINCT unnest($1::uuid[]) AS id) AS wanted
CROSS JOIN LATERAL (
    SELECT * FROM chunks WHERE request_id = wanted.id ORDER BY "offset"
) AS run
"""


class PostgresPayloads:
    """The payload tables, read."""

    def __init__(self, pool: Pool, deadline_s: float = DEADLINE_S) -> None:
        self._pool = pool
        self._deadline_s = deadline_s
        self._scopes = Scopes(pool, deadline_s)

    async def parts(self, scope: str, keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Stored bytes by key; missing ones are left out."""
        row = await self._scopes.find(scope)
        if row is None or not keys:
            return {}
        async with borrowed(self._pool, self._deadline_s) as connection:
            rows = await connection.fetch(SELECT_PARTS, row.id, list(keys))
        return {part["key"]: _raw(part) for part in rows}

    async def scoped_parts(self, wanted: Collection[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        """The same of several scopes in one query, by scope and key."""
        places = list(wanted)
        if not places:
            return {}
        names, keys = [stored_name(scope) for scope, _ in places], [key for _, key in places]
        async with borrowed(self._pool, self._deadline_s) as connection:
            rows = await connection.fetch(SELECT_SCOPED_PARTS, names, keys)
        return {places[part["place"] - 1]: _raw(part) for part in rows}

    async def scope_key(self, scope: str) -> bytes:
        """The scope's HMAC key. Raises PayloadMissingError."""
        row = await self._scopes.find(scope)
        if row is None:
            raise PayloadMissingError("Nothing is stored under this scope.")
        return row.key

    async def body(self, scope: str, reference: BodyReference) -> bytes:
        """A request body, checked against its digest; one query for each level of its runs."""
        scope_key = await self.scope_key(scope)
        fetched = await self._under(scope, reference)
        return put_together(reference, scope_key, _fetch_from(fetched))

    async def answers(self, request_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        """The recorded bytes of these answers, as far as they are stored; no entry where there are none."""
        async with borrowed(self._pool, self._deadline_s) as connection:
            return answers_of(await connection.fetch(SELECT_ANSWERS, list(request_ids)))

    async def _under(self, scope: str, reference: BodyReference) -> dict[bytes, bytes]:
        """Every part that the reference needs and that is stored."""
        level = {bytes.fromhex(reference.key)}
        runs = level if reference.kind == "run" else set()
        fetched: dict[bytes, bytes] = {}
        for _ in range(MAX_DEPTH + 2):
            fetched |= await self.parts(scope, level - fetched.keys())
            items = [item for key in runs & fetched.keys() for item in decode(fetched[key])]
            runs = {item.key for item in items if isinstance(item, RunRef)}
            level = {item.key for item in items if not isinstance(item, Glue)}
            if not level:
                break
        return fetched


def answers_of(rows: Iterable[asyncpg.Record]) -> dict[UUID, bytes]:
    """Rows of SELECT_ANSWERS, joined."""
    runs: dict[UUID, list[bytes]] = defaultdict(list)
    for row in rows:
        runs[row["request_id"]].append(_raw(row))
    return {request_id: b"".join(pieces) for request_id, pieces in runs.items()}


def _raw(row: asyncpg.Record) -> bytes:
    return unpack(row["codec"], row["data"], row["raw_length"])


def _fetch_from(fetched: Mapping[bytes, bytes]) -> Callable[[bytes], bytes]:
    def fetch(key: bytes) -> bytes:
        try:
            return fetched[key]
        except KeyError:
            raise PayloadMissingError("A part of this body is not in the store.") from None

    return fetch
