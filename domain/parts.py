"""How is a request body cut so that what was sent before is not stored again?

Claude Code sends its whole history with every request. The verbatim body is cut at JSON boundaries, one part per
block: each item of ``system``, ``tools`` and of a message's ``content``, or a message's string content.
``cache_control`` moves from turn to turn, so it is kept beside the reference, not in the block. What lies between
blocks stays in the recipe. Runs of sixteen are parts themselves. Joining gives the original bytes back, always: a
body that is no JSON, or has another shape, is one opaque part.

Source of the shapes: Anthropic's Messages API; ``docs/storage.md`` has an example.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from domain.errors import BrokenPayloadError
from domain.json_spans import JsonWalk, NotCuttableError
from domain.recipes import KEY_BYTES, BlockRef, Fetch, Glue, GlueRef, Item, RunRef, decode, encode, join
from domain.recutting import CutArray, Memory, Part, Place
from schemas.stored.events import BodyReference

FAN_OUT = 16
MIN_PART_BYTES = 64
"""Shorter pieces cost less in the recipe than as a part."""
_MARK_NAME = b'"cache_control"'
MAX_VALUES = 500_000
"""A body in which more values must be looked at is stored whole: it is no conversation."""
_HASH_BLOCK = 64
_KEYS_REMEMBERED = 1000
_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class CutBody:
    """A body as one reference and the parts behind it."""

    reference: BodyReference
    parts: dict[bytes, Part]
    """Every part under the reference, by key; the reference's own part among them."""


def cut(body: bytes, scope_key: bytes, memory: Memory | None = None) -> CutBody:
    """Never fails: what cannot be cut becomes one part. With a ``memory`` it is faster, and gives the same."""
    cutter = _Cutter(body, scope_key, memory or Memory(0))
    try:
        items = cutter.items()
    except (NotCuttableError, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        items = []
    digest = keyed_digest(scope_key, body).hex()
    if any(isinstance(item, BlockRef | RunRef) for item in items):
        key = cutter.store(encode(items), items)
        return CutBody(BodyReference(kind="run", key=key.hex(), digest=digest), cutter.parts)
    cutter.parts.clear()
    key = cutter.store(body)
    return CutBody(BodyReference(kind="part", key=key.hex(), digest=digest), cutter.parts)


def put_together(reference: BodyReference, scope_key: bytes, fetch: Fetch) -> bytes:
    """The body's bytes. Raises PayloadMissingError or BrokenPayloadError."""
    body = join(items_of(reference, fetch), fetch)
    if not hmac.compare_digest(keyed_digest(scope_key, body).hex(), reference.digest):
        raise BrokenPayloadError("The parts join to other bytes than were received.")
    return body


def items_of(reference: BodyReference, fetch: Fetch) -> Sequence[Item]:
    """The body's recipe; an opaque body is one piece of structure."""
    key = bytes.fromhex(reference.key)
    return decode(fetch(key)) if reference.kind == "run" else [GlueRef(key)]


def keyed_digest(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    begun_inner, begun_outer = _begun(key)
    inner, outer = begun_inner.copy(), begun_outer.copy()
    inner.update(data)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(_KEYS_REMEMBERED)
def _begun(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """RFC 2104's two hashes after the key: a part is short, and beginning anew would cost more than the part."""
    block = (key if len(key) <= _HASH_BLOCK else hashlib.sha256(key).digest()).ljust(_HASH_BLOCK, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    return inner, outer


@dataclass(slots=True)
class _Cutter:
    body: bytes
    scope_key: bytes
    memory: Memory
    parts: dict[bytes, Part] = field(default_factory=dict)
    _at: int = 0
    """Everything before this offset is in an item already."""

    def items(self) -> list[Item]:
        _DECODER.decode(self.body)  # is it a JSON object at all?
        walk, items = JsonWalk(self.body, MAX_VALUES), list[Item]()
        for place in walk.members():
            name = self.body[place]
            if name in _BLOCKS and walk.kind == b"[":
                items += self._glue_until(walk.at + 1)
                items += self._array(walk, name)
        return [*items, *self._glue_until(len(self.body))]

    def _array(self, walk: JsonWalk, name: bytes) -> list[Item]:
        """The units of an array's items, and runs of them; the walk goes on behind it."""
        start, left = walk.at, walk.left
        places, units, runs = list[Place](), list[list[Item]](), list[RunRef]()
        found = self.memory.find(self.scope_key, name, self.body, start)
        if found is not None:
            known, same = found
            places = [one for one in known.places if one.at < same.at]
            units, runs = list(known.units[: same.units]), list(known.runs[: same.units // FAN_OUT])
            self.parts |= _parts_of(units, runs, known.parts)
            self._at = start + same.cut
            walk.left -= same.values
        for item in walk.items(start + found[1].at if found else None):
            places.append(Place(item - start, self._at - start, len(units), left - walk.left))
            units += [unit for block in _BLOCKS[name](walk, self.body) if (unit := self._unit(block))]
        items = self._runs(units, runs, close_tail=name != b'"messages"')
        if self.memory.takes(walk.at - start):
            text, parts = self.body[start : walk.at], _parts_of(units, runs, self.parts)
            self.memory.keep(CutArray(self.scope_key, name, text, places, units, runs, parts), found)
        return items

    def _unit(self, block: slice) -> list[Item]:
        """A block's reference after the structure that leads to it."""
        start, end = block.start, block.stop
        if end - start < MIN_PART_BYTES:
            return []  # stays in the structure before the next block
        glue = self._glue_until(start)
        self._at = end
        data = self.body[block]
        mark = _cache_mark(data)
        if mark is None:
            return [*glue, BlockRef(self.store(data))]
        return [*glue, BlockRef(self.store(data[: mark.start] + data[mark.stop :]), mark.start, data[mark])]

    def _glue_until(self, end: int) -> list[Item]:
        piece, self._at = self.body[self._at : end], end
        if len(piece) >= MIN_PART_BYTES:
            return [GlueRef(self.store(piece))]
        return [Glue(piece)] if piece else []

    def _runs(self, units: list[list[Item]], runs: list[RunRef], *, close_tail: bool) -> list[Item]:
        """``runs``: those of the first units, as far as they are known; the others of this level are added."""
        level, tail = units, list[list[Item]]()
        while len(level) >= FAN_OUT or (close_tail and len(level) > 1):
            full = len(level) if close_tail else len(level) // FAN_OUT * FAN_OUT
            level, rest = level[:full], level[full:]
            tail = rest + tail
            runs += [self._run(level[i : i + FAN_OUT]) for i in range(len(runs) * FAN_OUT, full, FAN_OUT)]
            level, runs = [[run] for run in runs], []
        return [item for unit in level + tail for item in unit]

    def _run(self, units: list[list[Item]]) -> RunRef:
        items = [item for unit in units for item in unit]
        return RunRef(self.store(encode(items), items))

    def store(self, data: bytes, items: Sequence[Item] = ()) -> bytes:
        key = keyed_digest(self.scope_key, data)[:KEY_BYTES]
        if key not in self.parts:
            children = tuple(item.key for item in items if not isinstance(item, Glue))
            self.parts[key] = Part(key, data, children)
        return key


def _parts_of(
    units: Iterable[Sequence[Item]], runs: Sequence[RunRef], parts: Mapping[bytes, Part]
) -> dict[bytes, Part]:
    return {item.key: parts[item.key] for items in (*units, runs) for item in items if not isinstance(item, Glue)}


def _listed(walk: JsonWalk, _body: bytes) -> Iterator[slice]:
    """An item of ``system`` or ``tools``, or a block of a message, if it is an object."""
    if walk.kind == b"{":
        yield walk.value()


def _message(walk: JsonWalk, body: bytes) -> Iterator[slice]:
    """Each block of a message; a string content counts as a block."""
    if walk.kind != b"{":
        return
    for name in walk.members():
        if body[name] != b'"content"':
            continue
        if walk.kind == b'"':
            yield walk.value()
        elif walk.kind == b"[":
            for _ in walk.items():
                yield from _listed(walk, body)


_BLOCKS: dict[bytes, Callable[[JsonWalk, bytes], Iterator[slice]]] = {
    b'"system"': _listed,
    b'"tools"': _listed,
    b'"messages"': _message,
}
"""The blocks of an item of an array."""


def _cache_mark(block: bytes) -> slice | None:
    """The bytes of a block's own ``cache_control`` member with one comma beside it."""
    if _MARK_NAME not in block or block[:1] != b"{":
        return None
    walk = JsonWalk(block, MAX_VALUES)
    members = [(name, walk.value()) for name in walk.members()]
    for index, (name, value) in enumerate(members):
        if block[name] != _MARK_NAME or len(members) == 1:
            continue
        if index:
            return slice(members[index - 1][1].stop, value.stop)
        return slice(name.start, members[1][0].start)
    return None
