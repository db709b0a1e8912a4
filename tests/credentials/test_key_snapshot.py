"""A snapshot begins empty, and its values tell no secrets."""

from datetime import UTC, datetime, timedelta

import pytest

from credentials.key_snapshot import KeyFacts, KeySnapshot


def test_it_begins_empty() -> None:
    assert (KeySnapshot().keys, KeySnapshot().account_limits) == ({}, {})


def test_the_hash_is_not_printed() -> None:
    facts = KeyFacts("abcdefgh", b"hash of the key.", "laptop", "acme", "acme.example", frozenset({"messages"}))
    assert "hash of" not in repr(facts)


NOW = datetime(2026, 11, 26, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "holds"),
    [
        (None, None, True),
        (NOW + SECOND, None, True),
        (NOW, None, False),
        (None, NOW - SECOND, False),
        (None, NOW + SECOND, False),
        (NOW - SECOND, NOW, False),
    ],
)
def test_a_key_is_in_force_until_it_ends_or_is_revoked(
    expires_at: datetime | None, revoked_at: datetime | None, holds: bool
) -> None:
    facts = KeyFacts("abcdefgh", b"", "ci", "acme", "a.example", frozenset(), expires_at, revoked_at)
    assert facts.is_in_force(NOW) is holds
