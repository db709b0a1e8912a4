"""Who may pass, in which mode and on whose account? Decided from a request's head, before its body is read; pure.

Managed: a client shows its key as ``Authorization: Bearer`` or as ``x-api-key``, or the same key as both. Whatever is
wrong with it, the same work is done (one look-up by its public id, one digest, one comparison) and the same is said:
a key that is missing, malformed, unknown, expired or revoked, or whose secret is wrong, cannot be told apart. Nothing
that the client signs with goes upstream.

Pass-through: the client's own credential, or none at all, goes on untouched, and upstream judges it. A Nexus key is
no credential of Anthropic's: it never leaves here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest

from credentials.key_snapshot import KeyFacts, KeySnapshot
from credentials.key_text import PREFIX, hash_of, looks_like_ours, parse
from domain.key_scopes import allows
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines
from gateway.modes import Mode

CREDENTIALS = frozenset(
    {b"authorization", b"x-api-key", b"cookie", b"proxy-authorization", b"x-nexus-key", b"anthropic-api-key"}
)
"""Names of the lines that clients sign with."""
_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="Nexus"'),)
UNAUTHENTICATED = Refusal(
    401,
    "Nexus needs a valid client key here, as `Authorization: Bearer` or `x-api-key`. Ask whoever runs this Nexus for "
    "one, and set it as ANTHROPIC_AUTH_TOKEN or with apiKeyHelper.",
    _CHALLENGE,
)
OUT_OF_SCOPE = Refusal(
    403,
    "This Nexus key may not be used for this route. Ask whoever runs this Nexus for a key with the scope for it.",
)
STRAY_KEY = Refusal(
    401,
    "This is a Nexus key, and this Nexus passes on its clients' own credentials. Use your Anthropic one, or have "
    "whoever runs this Nexus set NEXUS_MODE to managed.",
    _CHALLENGE,
)

_KEY = re.compile(rb"cnx_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
"""Of a whole key the part that is secret, wherever it stands."""
_BEARER = re.compile(rb"bearer[ \t]+(.+)", re.IGNORECASE)
_NO_KEY = b"cnx_00000000_0000000000000000000000000000000000000000000_ba09f4e7"
"""Looked at where the client shows none, or more than one. Nobody has it."""
_NOBODY = KeyFacts(
    key_id="",
    secret_hash=bytes(32),
    name="",
    account="",
    client_domain="",
    scopes=frozenset(),
    revoked_at=datetime.fromtimestamp(0, UTC),
)
"""Whose facts are looked at where nobody is known by the id."""


@dataclass(frozen=True, slots=True)
class Admission:
    """How a request may go on."""

    mode: Mode
    headers: HeaderLines
    """The lines that go upstream."""
    key: KeyFacts | None = None
    """The client key it came with; None: pass-through."""


def pass_through(lines: HeaderLines, target: bytes) -> Admission | Refusal:
    """The client signs."""
    said = b"\n".join([target, *(value for _, value in lines)])
    if PREFIX.encode() not in said.lower():
        return Admission("pass_through", lines)
    credentials = (value for name, value in lines if name.lower() in CREDENTIALS)
    if any(looks_like_ours(_token(value)) for value in credentials) or _KEY.search(said):
        return STRAY_KEY
    return Admission("pass_through", lines)


def managed(lines: HeaderLines, method: str, target: bytes, keys: KeySnapshot, now: datetime) -> Admission | Refusal:
    """We sign, for those who have a key."""
    offered = {token for token in _tokens(lines) if looks_like_ours(token)}
    text = offered.pop() if len(offered) == 1 and not _KEY.search(target) else _NO_KEY
    key = parse(text)
    facts = keys.keys.get(key.key_id if key is not None else "", _NOBODY)
    is_right = compare_digest(hash_of(text), facts.secret_hash)
    is_valid = facts.is_in_force(now)
    if not (is_right and is_valid):
        return UNAUTHENTICATED
    if not allows(facts.scopes, method, target):
        return OUT_OF_SCOPE
    return Admission("managed", _unsigned(lines), facts)


def _tokens(lines: HeaderLines) -> Iterator[bytes]:
    """What the client shows where a key may be shown."""
    for name, value in lines:
        lower = name.lower()
        if lower == b"x-api-key":
            yield value.strip()
        elif lower == b"authorization" and (bearer := _BEARER.fullmatch(value)) is not None:
            yield bearer[1].strip()


def _token(value: bytes) -> bytes:
    """Of a credential line, without its scheme."""
    return value.rpartition(b" ")[2]


def _unsigned(lines: HeaderLines) -> HeaderLines:
    """Without what the client signs with, and without Connection lines: they could name, and so drop, our signature."""
    dropped = CREDENTIALS | {b"connection"} | _listed(lines)
    return tuple((name, value) for name, value in lines if name.lower() not in dropped and not _KEY.search(value))


def _listed(lines: HeaderLines) -> frozenset[bytes]:
    """Hop-by-hop names of the client's own choice (RFC 9110 §7.6.1); how the body is framed is not for it to choose."""
    words = (value.lower().split(b",") for name, value in lines if name.lower() == b"connection")
    return frozenset(word.strip() for listed in words for word in listed) - _FRAMING
