"""Only keys that hold make tenants."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from credentials.key_watch import KeyWatch
from ops.tenants import keys_in_force, tenants
from tests.key_samples import facts, put

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_what_is_revoked_or_expired_counts_no_more(tmp_path: Path) -> None:
    keys = [
        facts(1, "a", client_domain="a.example", account="acme"),
        facts(2, "b", client_domain="a.example", account="acme"),
        facts(3, "c", client_domain="c.example", account="acme", expires_at=NOW + HOUR),
        facts(4, "d", client_domain="d.example", account="acme", expires_at=NOW),
        facts(5, "e", client_domain="e.example", account="acme", revoked_at=NOW - HOUR),
    ]
    put(tmp_path, *keys)
    found = keys_in_force(KeyWatch(tmp_path), NOW)
    assert [key.name for key in found] == ["a", "b", "c"]
    assert tenants(found) == {("a.example", "acme"), ("c.example", "acme")}


def test_without_a_key_there_is_nobody(tmp_path: Path) -> None:
    assert tenants(keys_in_force(KeyWatch(tmp_path), NOW)) == frozenset()
