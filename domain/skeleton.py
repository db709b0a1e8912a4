"""What is left of a recorded body when its blocks are taken out? JSON with a place-holder for each stored block.

Reading a request then costs its structure and the blocks nobody has read before, not its length. A run of blocks
leaves the same text in every request that holds it, so that text is made once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never, get_args

from domain.blocks import Lifetime, lifetime_of
from domain.recipes import BlockRef, Fetch, Glue, GlueRef, Item, RunRef
from schemas.anthropic.stream import read_object

_MARKS: dict[str, Lifetime] = {f"*{lifetime}": lifetime for lifetime in get_args(Lifetime)}
_SPLICES_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Placeholders:
    """How place-holders are written: as strings that no client can have written, because they hold ``salt``."""

    salt: str

    def write(self, key: bytes, mark: Lifetime | None) -> str:
        """``mark``: the cache mark that the block carries in this request."""
        return f"{self.salt}{key.hex()}{f'*{mark}' if mark else ''}"

    def read(self, text: str) -> tuple[bytes, Lifetime | None] | None:
        """Key and mark; None: the text is the client's own."""
        if not text.startswith(self.salt):
            return None
        mark = text[-3:] if text[-3:] in _MARKS else ""
        try:
            return bytes.fromhex(text[len(self.salt) :].removesuffix(mark)), _MARKS.get(mark)
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
            name = placeholders.write(key, _mark_in(splice) if splice else None)
            return Skeleton(f'"{name}"'.encode(), (name,))
        case RunRef(key):
            return run(key)
        case _ as never:
            assert_never(never)


@lru_cache(_SPLICES_REMEMBERED)
def _mark_in(splice: bytes) -> Lifetime:
    """``splice``: a member and the comma beside it."""
    member = splice.decode("utf-8", "replace").strip(", \t\r\n")
    found = read_object(f"{{{member}}}")
    return lifetime_of(found.get("cache_control") if found else None)


def _all(tuples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for names in tuples for name in names)
