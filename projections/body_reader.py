"""How are many recorded request bodies read for little? Part by part, each block once, and each run of blocks once.

The recipes of a batch are opened level by level, one query for each. What was read before comes from memory, so a turn
of a long session costs its new blocks.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from domain.blocks import EMPTY, BlockFacts, block_facts
from domain.decoding import decode_body
from domain.errors import BrokenPayloadError, PayloadMissingError, UndecodableBodyError
from domain.ports import Payloads
from domain.recipes import MAX_DEPTH, GlueRef, Item, RunRef, decode
from domain.request_view import RequestView, SeenBlock, view_of
from domain.skeleton import Placeholders, Skeleton, skeleton_of
from projections.remembered import Remembered
from schemas.anthropic.stream import JsonValue, NotJsonError, read_json
from schemas.stored.events import BodyReference

_BLOCKS_REMEMBERED = 100_000
_STRUCTURE_REMEMBERED = 20_000
Scoped = tuple[str, bytes]
"""(scope, part key)."""
ScopedName = tuple[str, str]
"""(scope, place-holder)."""


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


@dataclass(frozen=True, slots=True)
class _Opened:
    """The structure of a batch's bodies, as far as it is stored."""

    parts: dict[Scoped, bytes]
    runs: dict[Scoped, Skeleton]
    """Those that are read already; what is in them is not among the parts."""

    def fetch(self, scope: str, key: bytes) -> bytes:
        if (scope, key) not in self.parts:
            raise PayloadMissingError
        return self.parts[scope, key]


class BodyReader:
    """Reads bodies of any number of scopes; keep one for a whole process."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads
        self._placeholders = Placeholders(f"{secrets.token_hex(16)}:")
        self._seen = Remembered[ScopedName, SeenBlock](_BLOCKS_REMEMBERED)
        self._structure = Remembered[Scoped, bytes](_STRUCTURE_REMEMBERED)
        self._items = Remembered[Scoped, list[Item]](_STRUCTURE_REMEMBERED)
        self._runs = Remembered[Scoped, Skeleton](_STRUCTURE_REMEMBERED)

    async def views(self, wanted: Sequence[WantedBody]) -> dict[UUID, RequestView | None]:
        """None: the body is no JSON object, or its payload is gone."""
        opened = await self._open(wanted)
        made = [(body, self._skeleton(body, opened)) for body in wanted]
        names = {(body.scope, name) for body, skeleton in made if skeleton for name in skeleton.blocks}
        seen = await self._blocks(names)
        return {body.request_id: _view(body.scope, skeleton, seen) for body, skeleton in made}

    async def blocks(self, parts: Collection[Scoped]) -> dict[Scoped, JsonValue]:
        """Blocks as they are, by scope and part key; without those that are gone, or are no JSON."""
        read = await self._payloads.scoped_parts(parts)
        return {one: value for one, data in read.items() if (value := _json(data)) is not None}

    async def _open(self, wanted: Sequence[WantedBody]) -> _Opened:
        """Every part of structure that these bodies need: recipes, runs, glue, and opaque bodies."""
        opened = _Opened({}, {})
        recipes = {(body.scope, body.key) for body in wanted if body.reference.kind == "run"}
        leaves = {(body.scope, body.key) for body in wanted if body.reference.kind == "part"}
        while recipes or leaves:
            opened.parts.update(await self._structure_parts(recipes | leaves))
            items = [(one[0], item) for one in recipes if one in opened.parts for item in self._read(*one, opened)]
            runs = {(scope, item.key) for scope, item in items if isinstance(item, RunRef)} - set(opened.parts)
            opened.runs.update({one: run for one in runs if (run := self._runs.get(one)) is not None})
            recipes = runs - set(opened.runs)
            leaves = {(scope, item.key) for scope, item in items if isinstance(item, GlueRef)} - set(opened.parts)
        return opened

    async def _structure_parts(self, wanted: set[Scoped]) -> dict[Scoped, bytes]:
        have = {one: data for one in wanted if (data := self._structure.get(one)) is not None}
        if missing := wanted - set(have):
            read = await self._payloads.scoped_parts(missing)
            for one, data in read.items():
                self._structure.put(one, data)
            have.update(read)
        return have

    def _read(self, scope: str, key: bytes, opened: _Opened) -> list[Item]:
        """A recipe's items; none if it is broken: what it is of then lacks them."""
        items = self._items.get((scope, key))
        if items is None:
            try:
                items = decode(opened.fetch(scope, key))
            except BrokenPayloadError:
                items = []
            self._items.put((scope, key), items)
        return items

    def _skeleton(self, body: WantedBody, opened: _Opened) -> Skeleton | None:
        """None: parts of it are gone, or it cannot be opened."""
        try:
            if body.reference.kind == "run":
                return self._made(body.scope, opened, 0, body.key)
            decoded = decode_body(opened.fetch(body.scope, body.key), body.content_encoding)
        except (PayloadMissingError, BrokenPayloadError, UndecodableBodyError):
            return None
        return Skeleton(decoded.data, ()) if decoded.state == "complete" else None

    def _run(self, scope: str, opened: _Opened, depth: int, key: bytes) -> Skeleton:
        """Made once: a run is the same in every request that holds it."""
        if (scope, key) not in opened.runs:
            opened.runs[scope, key] = self._made(scope, opened, depth, key)
            self._runs.put((scope, key), opened.runs[scope, key])
        return opened.runs[scope, key]

    def _made(self, scope: str, opened: _Opened, depth: int, key: bytes) -> Skeleton:
        if depth > MAX_DEPTH:
            raise BrokenPayloadError("Runs nest too deep.")
        fetch, below = partial(opened.fetch, scope), partial(self._run, scope, opened, depth + 1)
        fetch(key)
        return skeleton_of(self._read(scope, key, opened), self._placeholders, fetch, below)

    async def _blocks(self, names: set[ScopedName]) -> dict[ScopedName, SeenBlock]:
        seen = {one: block for one in names if (block := self._seen.get(one)) is not None}
        missing = {one: held for one in names - set(seen) if (held := self._placeholders.read(one[1])) is not None}
        if missing:
            parts = await self._payloads.scoped_parts({(scope, key) for (scope, _), (key, _) in missing.items()})
            for one, (key, mark) in missing.items():
                data = parts.get((one[0], key))
                seen[one] = SeenBlock(EMPTY if data is None else _read_block(data), mark, part=key)
                if data is not None:
                    self._seen.put(one, seen[one])
        return seen


def _view(scope: str, skeleton: Skeleton | None, seen: Mapping[ScopedName, SeenBlock]) -> RequestView | None:
    if skeleton is None:
        return None
    return view_of(skeleton.text, {name: seen[scope, name] for name in skeleton.blocks})


def _read_block(data: bytes) -> BlockFacts:
    return block_facts(_json(data))


def _json(data: bytes) -> JsonValue:
    """None: it is none."""
    try:
        return read_json(data.decode("utf-8", "replace"))
    except NotJsonError:
        return None
