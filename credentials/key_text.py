"""What does a client key look like? ``cnx_<public id>_<secret>_<checksum>``: made, taken apart, hashed; pure.

The checksum tells a mistyped key from an unknown one without asking anybody; it protects nothing. The secret has 256
random bits, so a plain hash of the key is all that needs to be kept.
"""

import hashlib
import re
import zlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

PREFIX = "cnx_"
ID_LENGTH = 8
SECRET_BYTES = 32
RANDOM_BYTES = SECRET_BYTES + 8
"""What ``make`` takes."""
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_KEY = re.compile(
    r"(?P<signed>cnx_(?P<key_id>[a-z0-9]{8})_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])_(?P<checksum>[0-9a-f]{8})"
)
"""The last letter of 32 bytes in base64url has two bits to spare, which are zero: a key is written in one way only."""


@dataclass(frozen=True, slots=True)
class ClientKeyText:
    """A key as its owner holds it."""

    key_id: str
    """Its public part."""
    text: str = field(repr=False)


def make(random_bytes: bytes) -> ClientKeyText:
    """A new key of ``RANDOM_BYTES`` random bytes."""
    assert len(random_bytes) == RANDOM_BYTES
    number, letters = int.from_bytes(random_bytes[SECRET_BYTES:]), ""
    for _ in range(ID_LENGTH):
        number, letter = divmod(number, len(_ID_LETTERS))
        letters += _ID_LETTERS[letter]
    secret = urlsafe_b64encode(random_bytes[:SECRET_BYTES]).rstrip(b"=").decode()
    signed = f"{PREFIX}{letters}_{secret}"
    return ClientKeyText(letters, f"{signed}_{_checksum(signed)}")


def parse(text: str | bytes) -> ClientKeyText | None:
    """The key that this is, exactly; None: it is none."""
    try:
        written = text.decode("ascii") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        return None
    found = _KEY.fullmatch(written)
    if found is None or _checksum(found["signed"]) != found["checksum"]:
        return None
    return ClientKeyText(found["key_id"], written)


def hash_of(text: str | bytes) -> bytes:
    """What is kept of a key: SHA-256 of the whole."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).digest()


def looks_like_ours(text: str | bytes) -> bool:
    """Whether it means to be a Nexus key, also a mistyped one: such a thing must never go upstream."""
    start = text.lstrip()[: len(PREFIX)].lower()
    return start in (PREFIX, PREFIX.encode())


def _checksum(signed: str) -> str:
    return f"{zlib.crc32(signed.encode()):08x}"
