"""How do people and the audit log read on a terminal and in a script? Values in, text or plain data out; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.audit import AuditLine
from domain.people import Person
from ops.moments import told
from ops.text_table import text_table

WIDTH = 100
AUDIT_COLUMNS = ("at", "who", "act", "about", "detail")


def accounts_text(accounts: tuple[str, ...] | None) -> str:
    return "all" if accounts is None else ", ".join(accounts)


def people_table(people: Sequence[Person], now: datetime) -> str:
    """One line each, those who may look first."""
    ordered = sorted(people, key=lambda one: one.removed_at is not None)
    rows = [(one.person_id, one.name, one.role, accounts_text(one.accounts), _state(one, now)) for one in ordered]
    return text_table(("id", "name", "role", "accounts", "state"), rows, WIDTH)


def person_plain(one: Person) -> dict[str, Any]:
    """For a script."""
    return {
        "person_id": one.person_id,
        "name": one.name,
        "role": one.role,
        "accounts": None if one.accounts is None else list(one.accounts),
        "added_at": one.created_on.isoformat(),
        "link_ends_at": one.link_ends_at.isoformat() if one.link_ends_at else None,
        "removed_at": one.removed_at.isoformat() if one.removed_at else None,
    }


def audit_row(line: AuditLine) -> tuple[str, ...]:
    return (f"{line.at:%Y-%m-%d %H:%M:%S}", line.who, line.act, line.about, line.detail)


def audit_plain(line: AuditLine) -> Mapping[str, str]:
    """For a script."""
    return {"at": line.at.isoformat(), "who": line.who, "act": line.act, "about": line.about, "detail": line.detail}


def audit_table(lines: Sequence[AuditLine]) -> str:
    return text_table(("at (UTC)", *AUDIT_COLUMNS[1:]), [audit_row(line) for line in lines], WIDTH)


def _state(one: Person, now: datetime) -> str:
    if one.removed_at is not None:
        return f"removed {told(one.removed_at, now)}"
    if one.link_ends_at is not None and one.link_ends_at > now:
        return f"link ends {told(one.link_ends_at, now)}"
    return f"added {told(one.created_on, now)}"
