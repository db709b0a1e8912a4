"""How is a credential made unreadable on the disk? AES-256-GCM with a key that lies in another folder.

``{"nexus-sealed": 1, "key": …, "nonce": …, "data": …}``: the key's id, not the key. The format's version and the client
domain are bound to the content, so a sealed file under another name does not open.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import NexusError

FORMAT = 1
KEY_BYTES = 32
_NONCE_BYTES = 12
_MARK = "nexus-sealed"


class SealError(NexusError):
    """A sealed credential does not open."""


class WrongSealKeyError(SealError):
    """It was sealed with another key."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """The key of this installation's credentials."""

    secret: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """Tells keys apart and says nothing about them."""
        return hmac.digest(self.secret, b"nexus credential key", hashlib.sha256)[:8].hex()

    def fingerprint(self, secret: str) -> str:
        """What may be shown of a secret: equal ones look equal, and nobody without the key can guess it."""
        return hmac.digest(self.secret, b"fingerprint\0" + secret.encode(), hashlib.sha256)[:6].hex()


def is_sealed(data: bytes) -> bool:
    """Whether it claims to be; a file put there by hand is plain."""
    content = _content(data)
    return content is not None and _MARK in content


def sealed(plain: bytes, domain: str, key: SealKey) -> bytes:
    """Envelope of ``plain``, which opens under the name of ``domain`` only."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    data = AESGCM(key.secret).encrypt(nonce, plain, _bound(domain))
    envelope = {_MARK: FORMAT, "key": key.key_id, "nonce": _text(nonce), "data": _text(data)}
    return json.dumps(envelope).encode() + b"\n"


def unsealed(data: bytes, domain: str, key: SealKey) -> bytes:
    """What was sealed. Raises SealError."""
    content = _content(data) or {}
    if content.get(_MARK) != FORMAT:
        raise SealError("it is no sealed credential of this format; a newer Nexus may have written it")
    if content.get("key") != key.key_id:
        raise WrongSealKeyError(
            "it is sealed with another key; restore the key file that it was sealed with, or remove it and add it anew"
        )
    try:
        nonce, box = (base64.b64decode(str(content.get(name)), validate=True) for name in ("nonce", "data"))
        return AESGCM(key.secret).decrypt(nonce, box, _bound(domain))
    except (ValueError, InvalidTag):
        raise SealError("it was changed, cut or renamed since it was sealed; restore it or add it anew") from None


def _bound(domain: str) -> bytes:
    return b"nexus credential\0%d\0%b" % (FORMAT, domain.encode())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _content(data: bytes) -> dict[str, object] | None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
