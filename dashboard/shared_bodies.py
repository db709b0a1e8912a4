"""How are the request bodies of one line of talk read for little? Each stored part once, and each block parsed once.

A body's recipe leads to its parts. What the body says is put together of its structure, with a place-holder for each
block, and of blocks that were read before: what every request repeats costs no more than its place-holder. A body that
is stored whole is left to whoever reads bodies whole, and so is one of which something is gone.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from domain.errors import BrokenPayloadError, PayloadMissingError
from domain.ports import Payloads
from domain.recipes import MAX_DEPTH, BlockRef, Glue, GlueRef, Item, RunRef, decode
from domain.secrets_in_text import hide, hide_in, may_hold_keys
from schemas.anthropic.stream import JsonObject, JsonValue, NotJsonError, read_json, read_object
from schemas.stored.events import BodyReference

Scoped = tuple[str, bytes]
"""Scope and key of a part."""
_LISTS = ("system", "tools")


class SharedBodies:
    """Keep one for as long as a line of talk is read: it remembers all that it has read."""

    def __init__(self, payloads: Payloads, salt: str) -> None:
        """``salt``: what no client can have written; place-holders begin with it."""
        self._payloads, self._salt = payloads, salt
        self._parts: dict[Scoped, bytes] = {}
        self._items: dict[Scoped, list[Item]] = {}
        self._texts: dict[Scoped, bytes] = {}
        self._places: dict[tuple[str, BlockRef], int] = {}
        """Of each block in the order in which they were met, by which its place-holder names it."""
        self._values: dict[int, JsonValue] = {}
        self._unread: dict[int, tuple[str, BlockRef]] = {}

    async def read(self, wanted: Mapping[UUID, tuple[str, BodyReference]]) -> dict[UUID, JsonObject]:
        """What bodies say, keys hidden, by request; ``wanted``: scopes and references."""
        recipes = {
            one: (scope, bytes.fromhex(reference.key))
            for one, (scope, reference) in wanted.items()
            if reference.kind == "run"
        }
        await self._open(set(recipes.values()))
        texts = {one: text for one, key in recipes.items() if (text := self._text(key)) is not None}
        await self._read_blocks()
        return {one: body for one, text in texts.items() if (body := self._filled(text)) is not None}

    async def _open(self, recipes: set[Scoped]) -> None:
        """Get all structure under these recipes: level by level, a query for each."""
        leaves = set[Scoped]()
        recipes -= self._items.keys()
        while recipes or leaves:
            self._parts |= await self._payloads.scoped_parts((recipes | leaves) - self._parts.keys())
            found = [(one[0], item) for one in recipes for item in self._decoded(one)]
            leaves = {(scope, item.key) for scope, item in found if isinstance(item, GlueRef)} - self._parts.keys()
            recipes = {(scope, item.key) for scope, item in found if isinstance(item, RunRef)} - self._items.keys()

    def _decoded(self, recipe: Scoped) -> list[Item]:
        """None if it is gone or broken: then its body cannot be put together."""
        try:
            items = decode(self._parts[recipe])
        except (KeyError, BrokenPayloadError):
            items = []
        self._items[recipe] = items
        return items

    def _text(self, recipe: Scoped) -> bytes | None:
        """A body's structure. None: part of it is gone."""
        try:
            return self._joined(recipe, 0)
        except PayloadMissingError:
            return None

    def _joined(self, recipe: Scoped, depth: int) -> bytes:
        if recipe not in self._texts:
            items = self._items.get(recipe)
            if not items or depth > MAX_DEPTH:
                raise PayloadMissingError
            self._texts[recipe] = b"".join(self._pieces(recipe[0], items, depth))
        return self._texts[recipe]

    def _pieces(self, scope: str, items: Iterable[Item], depth: int) -> Iterable[bytes]:
        for item in items:
            match item:
                case Glue(data):
                    yield data
                case GlueRef(key):
                    if (scope, key) not in self._parts:
                        raise PayloadMissingError
                    yield self._parts[scope, key]
                case RunRef(key):
                    yield self._joined((scope, key), depth + 1)
                case BlockRef():
                    yield f'"{self._salt}{self._place(scope, item)}"'.encode()

    def _place(self, scope: str, block: BlockRef) -> int:
        place = self._places.setdefault((scope, block), len(self._places))
        if place not in self._values:
            self._unread[place] = (scope, block)
        return place

    async def _read_blocks(self) -> None:
        """What is gone has no value."""
        read = await self._payloads.scoped_parts({(scope, block.key) for scope, block in self._unread.values()})
        for place, (scope, block) in self._unread.items():
            data = read.get((scope, block.key))
            if data is not None:
                self._keep(place, data[: block.at] + block.splice + data[block.at :])
        self._unread.clear()

    def _keep(self, place: int, data: bytes) -> None:
        try:
            value = read_json(data.decode("utf-8", "replace"))
        except NotJsonError:
            return
        self._values[place] = hide_in(value) if may_hold_keys(data) else value

    def _filled(self, text: bytes) -> JsonObject | None:
        """The structure with its blocks. None: a block is gone."""
        body = read_object(text.decode("utf-8", "replace"))
        if body is None:
            return None
        if may_hold_keys(text):
            body = {hide(name): hide_in(member) for name, member in body.items()}
        try:
            for name in _LISTS:
                if name in body:
                    body[name] = self._blocks(body[name])
            messages = body.get("messages")
            if isinstance(messages, list):
                body["messages"] = [self._message(one) for one in messages]
        except KeyError:
            return None
        return body

    def _message(self, value: JsonValue) -> JsonValue:
        if isinstance(value, dict) and "content" in value:
            return {**value, "content": self._blocks(value["content"])}
        return value

    def _blocks(self, value: JsonValue) -> JsonValue:
        if isinstance(value, list):
            return [self._block(one) for one in value]
        return self._block(value)

    def _block(self, value: JsonValue) -> JsonValue:
        """Raises KeyError: it is gone."""
        if isinstance(value, str) and value.startswith(self._salt):
            return self._values[int(value[len(self._salt) :])]
        return value
