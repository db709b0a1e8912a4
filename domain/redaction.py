"""What of a header may be kept? An allow-list; everything else leaves a name, a length and a keyed fingerprint.

A fingerprint is the first 16 bytes of HMAC-SHA256(fingerprint key, value): equal values can be told to be equal, the
value cannot be guessed from a dump without the key.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "x-nexus-key", "cookie", "set-cookie", "anthropic-api-key"}
)
_KEPT_HEADERS = frozenset(
    {
        "accept", "age", "allow", "cache-control", "cf-ray", "connection", "content-disposition", "date", "expect",
        "host", "origin", "request-id", "retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade",
        "user-agent", "vary", "via", "x-app", "x-envoy-upstream-service-time", "x-request-id", "x-should-retry",
        "cf-cache-status", "strict-transport-security", "x-robots-tag", "keep-alive", "traceparent",
    }
)  # fmt: skip
_KEPT_PREFIXES = ("accept-", "anthropic-", "content-", "x-claude-", "x-nexus-", "x-stainless-", "x-ratelimit-")
MAX_KEPT_BYTES = 4096
_CREDENTIAL = re.compile(r"sk-ant-|cnx_[a-z0-9]{8}_")
"""How keys of Anthropic and of Nexus begin: they may stand in a line where nobody expects them."""


class KeptHeader(NamedTuple):
    """What is kept of one header line."""

    name: str
    value: str | None = None
    length: int | None = None
    fingerprint: str | None = None


def header_fact(name: str, value: str, fingerprint_key: bytes) -> KeptHeader:
    """``name`` and ``value`` are latin-1 text of the wire's bytes."""
    lower = name.lower()
    if lower in SECRET_HEADERS:
        return KeptHeader(name, fingerprint=fingerprint(value, fingerprint_key))
    is_harmless = lower in _KEPT_HEADERS or lower.startswith(_KEPT_PREFIXES)
    if is_harmless and len(value) <= MAX_KEPT_BYTES and not _CREDENTIAL.search(value):
        return KeptHeader(name, value)
    return KeptHeader(name, length=len(value), fingerprint=fingerprint(value, fingerprint_key))


def fingerprint(value: str, key: bytes) -> str:
    """32 hex characters."""
    return hmac.digest(key, value.encode("latin-1", "replace"), hashlib.sha256)[:16].hex()
