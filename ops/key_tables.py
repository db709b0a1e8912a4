"""How do keys and limits read on a terminal and in a script? Values in, text or plain data out; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.client_keys import ClientKey
from domain.limits import Limits
from ops.limit_words import limits_plain, limits_text
from ops.moments import told
from ops.text_table import text_table

WIDTH = 100


def state_of(key: ClientKey, now: datetime) -> str:
    """``active``, ``expired`` or ``revoked``."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def keys_table(keys: Sequence[ClientKey], now: datetime) -> str:
    """One line each, those in force first."""
    ordered = sorted(keys, key=lambda key: key.revoked_at is not None)
    rows = [
        (key.key_id, key.name, key.account, key.client_domain, " ".join(sorted(key.scopes)), _state_text(key, now))
        for key in ordered
    ]
    return text_table(("id", "name", "account", "domain", "scopes", "state"), rows, WIDTH)


def key_text(key: ClientKey, now: datetime) -> str:
    """All of one key, a line for each fact."""
    expires = "never" if key.expires_at is None else f"{_exactly(key.expires_at)} ({told(key.expires_at, now)})"
    facts = {
        "key": f"{key.key_id}  {key.name}",
        "state": state_of(key, now),
        "account": key.account,
        "domain": key.client_domain,
        "scopes": " ".join(sorted(key.scopes)),
        "limits": limits_text(key.limits),
        "issued": f"{_exactly(key.created_on)} ({told(key.created_on, now)})",
        "expires": expires,
    }
    if key.revoked_at is not None:
        why = f": {key.why_revoked}" if key.why_revoked else ""
        facts["revoked"] = f"{_exactly(key.revoked_at)} ({told(key.revoked_at, now)}){why}"
    return "\n".join(f"{name:<8} {fact}" for name, fact in facts.items())


def key_plain(key: ClientKey, now: datetime) -> dict[str, Any]:
    """For a script."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "account": key.account,
        "client_domain": key.client_domain,
        "scopes": sorted(key.scopes),
        "state": state_of(key, now),
        "issued_at": key.created_on.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "why_revoked": key.why_revoked or None,
        "limits": limits_plain(key.limits),
    }


def limits_table(keys: Sequence[ClientKey], accounts: Mapping[str, Limits]) -> str:
    """What is limited, one line each."""
    rows = [("account", account, limits_text(limits)) for account, limits in accounts.items()]
    rows += [("key", f"{key.key_id} {key.name}", limits_text(key.limits)) for key in keys]
    return text_table(("of", "name", "limits"), rows, WIDTH)


def _state_text(key: ClientKey, now: datetime) -> str:
    state = state_of(key, now)
    if key.revoked_at is not None:
        return f"revoked {told(key.revoked_at, now)}"
    if key.expires_at is None:
        return state
    return f"expired {told(key.expires_at, now)}" if state == "expired" else f"ends {told(key.expires_at, now)}"


def _exactly(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
