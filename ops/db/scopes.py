"""Which row and which key belong to a scope?

A scope's HMAC key is made once, by whoever comes first, and kept. Parts are named by it, so that equal bytes of two
tenants have nothing in common.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from ops.db.borrowing import borrowed
from ops.db.pool import Pool

KEY_BYTES = 32
MAX_CACHED = 10_000
MAX_NAME = 200
_HASHED = "sha256:"

_INSERT_SCOPE = "INSERT INTO scopes (scope, key) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING"
_SELECT_SCOPE = "SELECT id, key FROM scopes WHERE scope = $1"


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A scope as it is stored."""

    id: int
    key: bytes


class Scopes:
    """The scopes of a store; rows are remembered, they never change."""

    def __init__(self, pool: Pool, deadline_s: float) -> None:
        self._pool = pool
        self._deadline_s = deadline_s
        self._known: dict[str, ScopeRow] = {}

    async def find(self, scope: str) -> ScopeRow | None:
        """Only reads, so it works on a replica."""
        name = stored_name(scope)
        if name not in self._known:
            async with borrowed(self._pool, self._deadline_s) as connection:
                row = await connection.fetchrow(_SELECT_SCOPE, name)
            if row is None:
                return None
            self._remember(name, ScopeRow(row["id"], row["key"]))
        return self._known[name]

    async def find_or_make(self, scope: str, random_bytes: Callable[[int], bytes]) -> ScopeRow:
        """Of several callers at once, one makes the key and all get it."""
        found = await self.find(scope)
        if found is not None:
            return found
        async with borrowed(self._pool, self._deadline_s) as connection:
            await connection.execute(_INSERT_SCOPE, stored_name(scope), random_bytes(KEY_BYTES))
        made = await self.find(scope)
        assert made is not None
        return made

    def _remember(self, name: str, row: ScopeRow) -> None:
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[name] = row


def stored_name(scope: str) -> str:
    """The scope as the table can hold it: in pass-through it comes from the client and may be any text.

    What is no short line of ASCII (too long for an index, a NUL, half a surrogate pair) is stored as its hash.
    """
    if len(scope) <= MAX_NAME and scope.isascii() and scope.isprintable() and not scope.startswith(_HASHED):
        return scope
    return _HASHED + hashlib.sha256(scope.encode("utf-8", "surrogatepass")).hexdigest()
