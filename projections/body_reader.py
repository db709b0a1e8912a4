"""How are many recorded request bodies read for little? Part by part, each block once.

The recipes of a batch are opened level by level, one query per scope and level. Blocks that were read before come
from memory, so a turn of a long session costs its new blocks.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from domain.blocks import BlockFacts, block_facts
from domain.errors import BrokenPayloadError, PayloadMissingError, UndecodableBodyError
from domain.ports import Payloads
from domain.recipes import BlockRef, Glue, GlueRef, Item, RunRef, decode, flatten, join
from domain.request_view import RequestView, view_of, view_of_json
from domain.skeleton import skeleton_of
from projections.decoding import decode_body
from schemas.anthropic.stream import NotJsonError, read_json
from schemas.stored.events import BodyReference

_BLOCKS_REMEMBERED = 100_000
_STRUCTURE_REMEMBERED = 20_000
Key = tuple[str, bytes]
"""(scope, part key)."""
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class WantedBody:
    """A body to be read."""

    request_id: UUID
    scope: str
    reference: BodyReference
    content_encoding: str


class _Remembered(Generic[V]):
    """A bounded memory; what was used longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, V] = OrderedDict()

    def get(self, key: Key) -> V | None:
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: Key, value: V) -> None:
        self._kept[key] = value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class BodyReader:
    """Reads bodies of any number of scopes; keep one for a whole process."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads
        self._blocks = _Remembered[BlockFacts](_BLOCKS_REMEMBERED)
        self._structure = _Remembered[bytes](_STRUCTURE_REMEMBERED)

    async def views(self, wanted: Sequence[WantedBody]) -> dict[UUID, RequestView | None]:
        """None: the body is no JSON object, or its payload is gone."""
        out: dict[UUID, RequestView | None] = {}
        for scope in sorted({body.scope for body in wanted}):
            mine = [body for body in wanted if body.scope == scope]
            structure = await self._open(scope, mine)
            flat = {body.request_id: _flat(body.reference, structure) for body in mine}
            keys = {item.key for items in flat.values() for item in items or () if isinstance(item, BlockRef)}
            facts = await self._facts(scope, keys)
            out.update({body.request_id: _view(body, flat[body.request_id], structure, facts) for body in mine})
        return out

    async def _open(self, scope: str, wanted: Sequence[WantedBody]) -> dict[bytes, bytes]:
        """Every part of structure that these bodies need: recipes, runs, glue, and opaque bodies."""
        have: dict[bytes, bytes] = {}
        recipes = {bytes.fromhex(body.reference.key) for body in wanted if body.reference.kind == "run"}
        leaves = {bytes.fromhex(body.reference.key) for body in wanted if body.reference.kind == "part"}
        while recipes or leaves:
            have.update(await self._structure_parts(scope, recipes | leaves))
            items = [item for key in recipes if key in have for item in _items(have[key])]
            recipes = {item.key for item in items if isinstance(item, RunRef)} - set(have)
            leaves = {item.key for item in items if isinstance(item, GlueRef)} - set(have)
        return have

    async def _structure_parts(self, scope: str, keys: set[bytes]) -> dict[bytes, bytes]:
        have = {key: data for key in keys if (data := self._structure.get((scope, key))) is not None}
        if missing := keys - set(have):
            read = await self._payloads.parts(scope, missing)
            for key, data in read.items():
                self._structure.put((scope, key), data)
            have.update(read)
        return have

    async def _facts(self, scope: str, keys: set[bytes]) -> dict[bytes, BlockFacts]:
        have = {key: facts for key in keys if (facts := self._blocks.get((scope, key))) is not None}
        if missing := keys - set(have):
            for key, data in (await self._payloads.parts(scope, missing)).items():
                have[key] = _read_block(data)
                self._blocks.put((scope, key), have[key])
        return have


def _read_block(data: bytes) -> BlockFacts:
    try:
        return block_facts(read_json(data.decode("utf-8", "replace")))
    except NotJsonError:
        return block_facts(None)


Flat = Sequence[Glue | GlueRef | BlockRef]


def _flat(reference: BodyReference, structure: Mapping[bytes, bytes]) -> Flat | None:
    """The body's recipe, every run opened; None: parts of it are gone."""
    key = bytes.fromhex(reference.key)
    if reference.kind == "part":
        return [GlueRef(key)]
    try:
        return list(flatten(_items(_fetch(structure, key)), partial(_fetch, structure)))
    except (PayloadMissingError, BrokenPayloadError):
        return None


def _view(
    body: WantedBody, flat: Flat | None, structure: Mapping[bytes, bytes], facts: Mapping[bytes, BlockFacts]
) -> RequestView | None:
    fetch = partial(_fetch, structure)
    try:
        if flat is None:
            return None
        if body.reference.kind == "run":
            return view_of(skeleton_of(flat, fetch, body.reference.digest), facts)
        opened = decode_body(join(flat, fetch), body.content_encoding)
        return view_of_json(opened.data) if opened.state == "complete" else None
    except (PayloadMissingError, UndecodableBodyError):
        return None


def _fetch(structure: Mapping[bytes, bytes], key: bytes) -> bytes:
    if key not in structure:
        raise PayloadMissingError
    return structure[key]


def _items(data: bytes) -> list[Item]:
    try:
        return decode(data)
    except BrokenPayloadError:
        return []
