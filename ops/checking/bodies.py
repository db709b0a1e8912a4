"""How are request bodies put together again from the tables? Many at once, a query for each level of their recipes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from uuid import UUID

from ops.checking.invariants import JoinedBody
from ops.checking.stored_format import BrokenError, Received, joined, payload_of, scope_row_of, wanted
from ops.db.checking_queries import Snapshot

CACHE_BYTES = 128 << 20
_MOST_LEVELS = 16


class Bodies:
    """Parts that were fetched once stay for a while: a session sends its history again and again."""

    def __init__(self, snapshot: Snapshot, cache_bytes: int = CACHE_BYTES) -> None:
        self._snapshot, self._cache_bytes = snapshot, cache_bytes
        self._scopes: dict[str, tuple[int, bytes]] = {}
        self._parts: dict[tuple[int, bytes], bytes] = {}
        self._size = 0

    async def join(self, requests: Mapping[UUID, Received]) -> dict[UUID, JoinedBody]:
        """The bodies of those that have one."""
        by_scope: dict[str, dict[UUID, Received]] = defaultdict(dict)
        for request_id, received in requests.items():
            if received.body is not None:
                by_scope[scope_row_of(received.scope)][request_id] = received
        await self._find_scopes(by_scope.keys() - self._scopes.keys())
        out: dict[UUID, JoinedBody] = {}
        for scope, these in by_scope.items():
            if scope not in self._scopes:
                out |= dict.fromkeys(these, JoinedBody(0, b"", "its scope is not in the store"))
                continue
            scope_id, key = self._scopes[scope]
            parts, broken = await self._fetched(scope_id, these)
            out |= {one: _joined(received, key, parts, broken) for one, received in these.items()}
        return out

    async def _find_scopes(self, names: Iterable[str]) -> None:
        for row in await self._snapshot.scopes(list(names)):
            self._scopes[row["scope"]] = (row["id"], row["key"])

    async def _fetched(
        self, scope_id: int, requests: Mapping[UUID, Received]
    ) -> tuple[dict[bytes, bytes], dict[bytes, str]]:
        """Every part that is needed, and what is wrong with those that cannot be opened."""
        parts: dict[bytes, bytes] = {}
        broken: dict[bytes, str] = {}
        for _ in range(_MOST_LEVELS):
            keys = {key for one in requests.values() for key in _wanted(one, parts)} - broken.keys()
            missing = [key for key in keys if (scope_id, key) not in self._parts]
            rows = await self._snapshot.parts(scope_id, missing) if missing else ()
            for row in rows:
                try:
                    self._keep(scope_id, row["key"], payload_of(row["codec"], row["data"], row["raw_length"]))
                except BrokenError as error:
                    broken[row["key"]] = str(error)
            found = {key: self._parts[scope_id, key] for key in keys if (scope_id, key) in self._parts}
            if not found:
                break
            parts |= found
        if self._size > self._cache_bytes:
            self._parts.clear()
            self._size = 0
        return parts, broken

    def _keep(self, scope_id: int, key: bytes, data: bytes) -> None:
        self._parts[scope_id, key] = data
        self._size += len(data)


def _wanted(received: Received, parts: Mapping[bytes, bytes]) -> set[bytes]:
    try:
        return wanted(received.body, parts) if received.body else set()
    except BrokenError:
        return set()  # joining it says so


def _joined(received: Received, key: bytes, parts: Mapping[bytes, bytes], broken: Mapping[bytes, str]) -> JoinedBody:
    assert received.body is not None
    try:
        data = joined(received.body, key, parts)
    except BrokenError as error:
        words = "; ".join([str(error), *sorted(set(broken.values()))])
        return JoinedBody(0, b"", words)
    return JoinedBody(len(data), sha256(data).digest())
