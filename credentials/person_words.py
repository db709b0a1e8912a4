"""What does a person log in with? ``nxd_<id>_<secret>``, a key, or ``nxl_<id>_<secret>``, of a link; pure.

The secret has 256 random bits, so a plain hash of the word is all that needs to be kept.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["key", "link"]
SECRET_BYTES = 32
ID_BYTES = 8
_PREFIXES: dict[str, Kind] = {"nxd": "key", "nxl": "link"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_WORD = re.compile(r"(?P<prefix>nxd|nxl)_(?P<person_id>[a-z0-9]{8})_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""The last letter of 32 bytes in base64url has two bits to spare, which are zero: a word is written in one way only."""


@dataclass(frozen=True, slots=True)
class PersonWord:
    """A key or a link's word as its owner holds it."""

    kind: Kind
    person_id: str
    """The public part."""
    text: str = field(repr=False)


def make_id(random_bytes: bytes) -> str:
    """The public part of a new person's words."""
    assert len(random_bytes) == ID_BYTES
    number, letters = int.from_bytes(random_bytes), ""
    for _ in range(8):
        number, letter = divmod(number, len(_LETTERS))
        letters += _LETTERS[letter]
    return letters


def make(kind: Kind, person_id: str, random_bytes: bytes) -> PersonWord:
    """A new word of ``SECRET_BYTES`` random bytes."""
    assert len(random_bytes) == SECRET_BYTES
    secret = urlsafe_b64encode(random_bytes).rstrip(b"=").decode()
    prefix = next(prefix for prefix, named in _PREFIXES.items() if named == kind)
    return PersonWord(kind, person_id, f"{prefix}_{person_id}_{secret}")


def parse(text: str) -> PersonWord | None:
    """The word that this is, exactly; None: it is none."""
    found = _WORD.fullmatch(text)
    return PersonWord(_PREFIXES[found["prefix"]], found["person_id"], text) if found else None


def hash_of(text: str) -> str:
    """What is kept of a word: SHA-256 of the whole, as hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
