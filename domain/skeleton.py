"""What is left of a recorded body when its blocks are taken out? JSON with a place-holder for each stored block.

Reading a request then costs its structure and the blocks nobody has read before, not its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from domain.recipes import BlockRef, Fetch, Glue, GlueRef
from schemas.anthropic.stream import JsonValue


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A stored block."""

    key: bytes
    marked: bool
    """It carries a cache mark in this request."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A body's structure."""

    text: bytes
    """JSON; where a block was stands a string that no client can have written: it holds ``salt``."""
    salt: str
    blocks: tuple[Placeholder, ...]

    def placeholder(self, value: JsonValue) -> Placeholder | None:
        """The block that stood here; None: the value is the client's own."""
        if not isinstance(value, str) or not value.startswith(self.salt):
            return None
        number = value[len(self.salt) :]
        return self.blocks[int(number)] if number.isdecimal() and int(number) < len(self.blocks) else None


def skeleton_of(items: Sequence[Glue | GlueRef | BlockRef], fetch: Fetch, secret: str) -> Skeleton:
    """``items``: a flattened recipe; ``secret``: what the client cannot know, the body's keyed digest."""
    salt = f"{secret}:"
    out, blocks = list[bytes](), list[Placeholder]()
    for item in items:
        match item:
            case Glue(data):
                out.append(data)
            case GlueRef(key):
                out.append(fetch(key))
            case BlockRef(key, _, splice):
                out.append(f'"{salt}{len(blocks)}"'.encode())
                blocks.append(Placeholder(key, bool(splice)))
            case _ as never:
                assert_never(never)
    return Skeleton(b"".join(out), salt, tuple(blocks))
