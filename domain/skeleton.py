"""What is left of a recorded body when its blocks are taken out? JSON with a place-holder for each stored block.

Reading a request then costs its structure and the blocks nobody has read before, not its length. A run of blocks
leaves the same text in every request that holds it, so that text is made once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from domain.recipes import BlockRef, Fetch, Glue, GlueRef, Item, RunRef

_MARK = "*"


@dataclass(frozen=True, slots=True)
class Placeholders:
    """How place-holders are written: as strings that no client can have written, because they hold ``salt``."""

    salt: str

    def write(self, key: bytes, *, marked: bool) -> str:
        """``marked``: the block carries a cache mark in this request."""
        return f"{self.salt}{key.hex()}{_MARK if marked else ''}"

    def read(self, text: str) -> tuple[bytes, bool] | None:
        """Key and mark; None: the text is the client's own."""
        if not text.startswith(self.salt):
            return None
        try:
            return bytes.fromhex(text[len(self.salt) :].removesuffix(_MARK)), text.endswith(_MARK)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A body's structure, or that of a run in it."""

    text: bytes
    """JSON, or a piece of it."""
    blocks: tuple[str, ...]
    """The place-holders in it."""


def skeleton_of(
    items: Sequence[Item], placeholders: Placeholders, fetch: Fetch, run: Callable[[bytes], Skeleton]
) -> Skeleton:
    """``items``: a recipe; ``run``: the skeleton of the run with this key."""
    pieces = [_piece(item, placeholders, fetch, run) for item in items]
    return Skeleton(b"".join(piece.text for piece in pieces), _all(piece.blocks for piece in pieces))


def _piece(item: Item, placeholders: Placeholders, fetch: Fetch, run: Callable[[bytes], Skeleton]) -> Skeleton:
    match item:
        case Glue(data):
            return Skeleton(data, ())
        case GlueRef(key):
            return Skeleton(fetch(key), ())
        case BlockRef(key, _, splice):
            name = placeholders.write(key, marked=bool(splice))
            return Skeleton(f'"{name}"'.encode(), (name,))
        case RunRef(key):
            return run(key)
        case _ as never:
            assert_never(never)


def _all(tuples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for names in tuples for name in names)
