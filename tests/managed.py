"""Client keys, credentials and what was used, for a gateway in managed mode; and the gateway that has none of them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.key_text import RANDOM_BYTES, make
from credentials.signature import CredentialUnusableError, Signature
from credentials.usage_counts import UsageCounts
from domain.limits import Limits
from gateway.admission import Access

TENANT_KEY = b"sk-ant-api03-the-tenants-own"


@dataclass(frozen=True)
class TestKey:
    """A key as its owner holds it, and what the gateway knows of it."""

    __test__ = False
    text: bytes
    facts: KeyFacts

    @property
    def bearer(self) -> tuple[bytes, bytes]:
        return b"Authorization", b"Bearer " + self.text

    @property
    def api_key(self) -> tuple[bytes, bytes]:
        return b"x-api-key", self.text


def key(number: int = 1, **facts: Any) -> TestKey:
    """The same number gives the same key."""
    made = make(hashlib.shake_256(b"%d" % number).digest(RANDOM_BYTES))
    text = made.text.encode()
    known = KeyFacts(
        key_id=made.key_id,
        secret_hash=hashlib.sha256(text).digest(),
        name=f"key {number}",
        account="acme",
        client_domain="team.example",
        scopes=frozenset({"messages", "count_tokens", "models"}),
    )
    return TestKey(text, replace(known, **facts))


def snapshot(*keys: TestKey, **account_limits: Limits) -> KeySnapshot:
    return KeySnapshot({one.facts.key_id: one.facts for one in keys}, account_limits)


@dataclass
class Keys:
    """Client keys that a test may change."""

    current: KeySnapshot = field(default_factory=KeySnapshot)
    unknown: bool = False
    """It cannot be known whether there are any."""

    @property
    def has_keys(self) -> bool:
        return bool(self.current.keys) or self.unknown


@dataclass
class Signer:
    """Signs with what it is given, and writes down for whom."""

    signature_of: Callable[[str, str], Signature | CredentialUnusableError]
    renewals: list[Signature | CredentialUnusableError | None] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Signature] = field(default_factory=list)

    async def signature(self, client_domain: str, account: str) -> Signature:
        self.asked.append((client_domain, account))
        return _raised(self.signature_of(client_domain, account))

    async def renewed(self, refused: Signature) -> Signature | None:
        self.refused.append(refused)
        following = self.renewals.pop(0) if self.renewals else None
        return None if following is None else _raised(following)


def _raised(found: Signature | CredentialUnusableError) -> Signature:
    if isinstance(found, CredentialUnusableError):
        raise found
    return found


def api_key_signature(secret: bytes = TENANT_KEY, *betas: bytes) -> Signature:
    return Signature("team.example", ((b"x-api-key", secret),), betas, (secret,))


def no_credential(client_domain: str, account: str) -> CredentialUnusableError:
    return CredentialUnusableError("missing", f"There is no credential for {client_domain}.")


@dataclass
class Usage:
    """What was used lately."""

    current: UsageCounts | None = None


def access(
    *keys: TestKey, signer: Signer | None = None, usage: Usage | None = None, **account_limits: Limits
) -> Access:
    """Of a gateway with these keys, whose tenants all have an API key unless a ``signer`` says otherwise."""
    signs = signer or Signer(lambda *_: api_key_signature())
    return Access(Keys(snapshot(*keys, **account_limits)), signs, usage or Usage())


def no_access() -> Access:
    """No key was ever issued and no credential is stored."""
    return Access(Keys(), Signer(no_credential), Usage())
