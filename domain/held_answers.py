"""What does a request hold of the newest answer in its history, and can that be the beginning of an answer we know?

Usually a request holds an answer block by block, and its path shows it. Two things need more: an answer that was
cut, of which the client kept what it had shown, so that the text is a beginning of the recorded one; and a history
that the client has changed further up, where only the answer itself can be known again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.blocks import DIGEST_BYTES, BlockFacts
from domain.secrets_in_text import hide


@dataclass(frozen=True, slots=True)
class TextPrint:
    """A text, to be known again as the beginning of another one. White space does not count."""

    characters: int = 0
    digest: bytes = b""


NO_TEXT = TextPrint()


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """The newest answer in a request's history, as the client sent it back."""

    before: bytes = b""
    """The node that it stands on."""
    before_depth: int = 0
    """Blocks on the request's path up to there."""
    depth: int = 0
    """Blocks up to its end; 0: the request holds no answer."""
    content: bytes | None = None
    """Digest of its blocks."""
    last_content: bytes | None = None
    """Digest of its last message's: where the client has dropped what stood between two answers, only that is one."""
    text: TextPrint = NO_TEXT
    tool_uses: tuple[str, ...] = ()
    """Ids of the calls in it, in order."""
    signed: bytes | None = None
    """Digest of the signatures of all thinking up to its end; None: there is none."""


NOTHING_HELD = HeldAnswer()


def content_digest(blocks: Iterable[BlockFacts]) -> bytes | None:
    """What an answer says, whatever it stands on; None: nothing that counts."""
    digests = [block.digest for block in blocks if block.digest is not None]
    return hashlib.blake2b(b"".join(digests), digest_size=DIGEST_BYTES).digest() if digests else None


def text_of(blocks: Iterable[BlockFacts]) -> str:
    """All text, without white space; keys are hidden, because a cut answer's text is kept as it is."""
    return hide("".join("".join(block.text.split()) for block in blocks if block.kind == "text"))


def print_of(text: str) -> TextPrint:
    """Of a text without white space."""
    return TextPrint(len(text), _digest(text))


def begins_with(text: str, beginning: TextPrint) -> bool:
    """Both without white space."""
    return len(text) >= beginning.characters and _digest(text[: beginning.characters]) == beginning.digest


def signed_in(blocks: Iterable[BlockFacts]) -> bytes | None:
    """Digest of the signatures of all thinking in them: two histories of equal words may still differ in these."""
    signatures = b"".join(block.signature for block in blocks)
    return hashlib.blake2b(signatures, digest_size=DIGEST_BYTES).digest() if signatures else None


def tool_uses_in(blocks: Sequence[BlockFacts]) -> tuple[str, ...]:
    return tuple(block.tool_use_id for block in blocks if block.name and block.tool_use_id)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
