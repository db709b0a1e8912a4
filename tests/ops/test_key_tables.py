"""Tables of keys: nothing missing that fits, never wider than the page, the same in a script."""

from datetime import timedelta
from decimal import Decimal

from domain.client_keys import ClientKey
from domain.limits import Limits
from ops.key_tables import key_plain, key_text, keys_table, limits_table, state_of
from tests.key_samples import NOON, new_key

NOW = NOON + timedelta(days=2)


def issued(number: int = 1, **more: object) -> ClientKey:
    return ClientKey.issue(new_key(number, **more), who="ada", at=NOON)  # type: ignore[arg-type]  # by name


def revoked(number: int = 2) -> ClientKey:
    key = issued(number, name="old")
    key.revoke(who="eve", why="laptop lost", at=NOON + timedelta(days=1))
    return key


def test_a_key_is_active_expired_or_revoked() -> None:
    assert state_of(issued(), NOW) == "active"
    assert state_of(issued(expires_at=NOW), NOW) == "expired"
    assert state_of(issued(expires_at=NOW + timedelta(seconds=1)), NOW) == "active"
    assert state_of(revoked(), NOW) == "revoked"


def test_the_list_has_a_line_for_each_key_and_those_in_force_first() -> None:
    ends = issued(3, name="ends", expires_at=NOW + timedelta(days=3))
    over = issued(4, name="over", expires_at=NOW - timedelta(hours=3))
    lines = keys_table([revoked(), issued(), ends, over], NOW).splitlines()
    assert lines[0].split() == ["id", "name", "account", "domain", "scopes", "state"]
    assert [line.split()[1] for line in lines[1:]] == ["ci", "ends", "over", "old"]
    told = ["active", "ends in 3 days", "expired 3 hours ago", "revoked 1 day ago"]
    assert [line.endswith(state) for line, state in zip(lines[1:], told, strict=True)] == [True] * 4
    assert "acme" in lines[1]
    assert "team-a.example" in lines[1]
    assert "count_tokens messages models" in lines[1]


def test_all_of_a_key_is_told() -> None:
    key = issued(expires_at=NOW + timedelta(days=90), limits=Limits(60, spend_per_day=Decimal("2.50")))
    text = key_text(key, NOW)
    for words in (key.key_id, "ci", "acme", "team-a.example", "active", "60 requests/min, $2.50/day", "in 90 days"):
        assert words in text
    assert "issued   2026-11-26 12:00 UTC (2 days ago)" in text
    assert key.secret_hash not in text
    assert "expires  never" in key_text(issued(), NOW)
    assert "revoked  2026-11-27 12:00 UTC (1 day ago): laptop lost" in key_text(revoked(), NOW)


def test_a_script_gets_every_fact_and_no_hash() -> None:
    plain = key_plain(revoked(), NOW)
    assert plain == {
        "key_id": revoked().key_id,
        "name": "old",
        "account": "acme",
        "client_domain": "team-a.example",
        "scopes": ["count_tokens", "messages", "models"],
        "state": "revoked",
        "issued_at": "2026-11-26T12:00:00+00:00",
        "expires_at": None,
        "revoked_at": "2026-11-27T12:00:00+00:00",
        "why_revoked": "laptop lost",
        "limits": {
            "requests_per_minute": None, "concurrent_streams": None, "tokens_per_hour": None, "spend_per_day": None,
        },
    }  # fmt: skip
    assert key_plain(issued(expires_at=NOW), NOW)["expires_at"] == NOW.isoformat()


def test_limits_are_listed_for_accounts_and_keys() -> None:
    key = issued(limits=Limits(concurrent_streams=3))
    lines = limits_table([key], {"acme": Limits(60)}).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["account", "acme", "60", "requests/min"],
        ["key", key.key_id, "ci", "3", "streams"],
    ]
