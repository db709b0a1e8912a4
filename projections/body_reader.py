"""How are many recorded request bodies read for little? Part by part, each block once, and each run of blocks once.

The recipes of a batch are opened level by level, one query per scope and level. What was read before comes from
memory, so a turn of a long session costs its new blocks.
"""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from domain.blocks import EMPTY, BlockFacts, block_facts
from domain.decoding import decode_body
from domain.errors import BrokenPayloadError, PayloadMissingError, UndecodableBodyError
from domain.ports import Payloads
from domain.recipes import MAX_DEPTH, GlueRef, Item, RunRef, decode
from domain.request_view import RequestView, SeenBlock, view_of
from domain.skeleton import Placeholders, Skeleton, skeleton_of
from schemas.anthropic.stream import NotJsonError, read_json
from schemas.stored.events import BodyReference

_BLOCKS_REMEMBERED = 100_000
_STRUCTURE_REMEMBERED = 20_000
Scoped = tuple[str, bytes]
"""(scope, part key)."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class WantedBody:
    """A body to be read."""

    request_id: UUID
    scope: str
    reference: BodyReference
    content_encoding: str

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.reference.key)


class _Remembered(Generic[K, V]):
    """A bounded memory; what was used longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self._kept[key] = value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The structure of a batch's bodies, as far as it is stored."""

    parts: dict[bytes, bytes]
    runs: dict[bytes, Skeleton]
    """Those that are read already; what is in them is not among the parts."""

    def fetch(self, key: bytes) -> bytes:
        if key not in self.parts:
            raise PayloadMissingError
        return self.parts[key]


class BodyReader:
    """Reads bodies of any number of scopes; keep one for a whole process."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads
        self._placeholders = Placeholders(f"{secrets.token_hex(16)}:")
        self._seen = _Remembered[tuple[str, str], SeenBlock](_BLOCKS_REMEMBERED)
        self._structure = _Remembered[Scoped, bytes](_STRUCTURE_REMEMBERED)
        self._items = _Remembered[Scoped, list[Item]](_STRUCTURE_REMEMBERED)
        self._runs = _Remembered[Scoped, Skeleton](_STRUCTURE_REMEMBERED)

    async def views(self, wanted: Sequence[WantedBody]) -> dict[UUID, RequestView | None]:
        """None: the body is no JSON object, or its payload is gone."""
        out: dict[UUID, RequestView | None] = {}
        for scope in sorted({body.scope for body in wanted}):
            mine = [body for body in wanted if body.scope == scope]
            opened = await self._open(scope, mine)
            skeletons = {body.request_id: self._skeleton(body, opened) for body in mine}
            seen = await self._blocks(scope, {name for one in skeletons.values() if one for name in one.blocks})
            for body in mine:
                skeleton = skeletons[body.request_id]
                out[body.request_id] = view_of(skeleton.text, seen) if skeleton else None
        return out

    async def _open(self, scope: str, wanted: Sequence[WantedBody]) -> "_Opened":
        """Every part of structure that these bodies need: recipes, runs, glue, and opaque bodies."""
        opened = _Opened({}, {})
        recipes = {body.key for body in wanted if body.reference.kind == "run"}
        leaves = {body.key for body in wanted if body.reference.kind == "part"}
        while recipes or leaves:
            opened.parts.update(await self._structure_parts(scope, recipes | leaves))
            items = [item for key in recipes if key in opened.parts for item in self._read(scope, key, opened)]
            runs = {item.key for item in items if isinstance(item, RunRef)} - set(opened.parts)
            opened.runs.update({key: run for key in runs if (run := self._runs.get((scope, key))) is not None})
            recipes = runs - set(opened.runs)
            leaves = {item.key for item in items if isinstance(item, GlueRef)} - set(opened.parts)
        return opened

    async def _structure_parts(self, scope: str, keys: set[bytes]) -> dict[bytes, bytes]:
        have = {key: data for key in keys if (data := self._structure.get((scope, key))) is not None}
        if missing := keys - set(have):
            read = await self._payloads.parts(scope, missing)
            for key, data in read.items():
                self._structure.put((scope, key), data)
            have.update(read)
        return have

    def _read(self, scope: str, key: bytes, opened: "_Opened") -> list[Item]:
        """A recipe's items; none if it is broken: what it is of then lacks them."""
        items = self._items.get((scope, key))
        if items is None:
            try:
                items = decode(opened.fetch(key))
            except BrokenPayloadError:
                items = []
            self._items.put((scope, key), items)
        return items

    def _skeleton(self, body: WantedBody, opened: "_Opened") -> Skeleton | None:
        """None: parts of it are gone, or it cannot be opened."""
        try:
            if body.reference.kind == "run":
                return self._made(body.scope, opened, 0, body.key)
            decoded = decode_body(opened.fetch(body.key), body.content_encoding)
        except (PayloadMissingError, BrokenPayloadError, UndecodableBodyError):
            return None
        return Skeleton(decoded.data, ()) if decoded.state == "complete" else None

    def _run(self, scope: str, opened: "_Opened", depth: int, key: bytes) -> Skeleton:
        """Made once: a run is the same in every request that holds it."""
        if key not in opened.runs:
            opened.runs[key] = self._made(scope, opened, depth, key)
            self._runs.put((scope, key), opened.runs[key])
        return opened.runs[key]

    def _made(self, scope: str, opened: "_Opened", depth: int, key: bytes) -> Skeleton:
        if depth > MAX_DEPTH:
            raise BrokenPayloadError("Runs nest too deep.")
        opened.fetch(key)
        below = partial(self._run, scope, opened, depth + 1)
        return skeleton_of(self._read(scope, key, opened), self._placeholders, opened.fetch, below)

    async def _blocks(self, scope: str, names: set[str]) -> dict[str, SeenBlock]:
        seen = {name: block for name in names if (block := self._seen.get((scope, name))) is not None}
        missing = {name: held for name in names - set(seen) if (held := self._placeholders.read(name)) is not None}
        if missing:
            parts = await self._payloads.parts(scope, {key for key, _ in missing.values()})
            for name, (key, marked) in missing.items():
                facts = _read_block(parts[key]) if key in parts else EMPTY
                seen[name] = SeenBlock(facts, marked)
                if key in parts:
                    self._seen.put((scope, name), seen[name])
        return seen


def _read_block(data: bytes) -> BlockFacts:
    try:
        return block_facts(read_json(data.decode("utf-8", "replace")))
    except NotJsonError:
        return block_facts(None)
