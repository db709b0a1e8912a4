"""A snapshot begins empty, and its values tell no secrets."""

from credentials.key_snapshot import KeyFacts, KeySnapshot


def test_it_begins_empty() -> None:
    assert (KeySnapshot().keys, KeySnapshot().account_limits) == ({}, {})


def test_the_hash_is_not_printed() -> None:
    facts = KeyFacts("abcdefgh", b"hash of the key.", "laptop", "acme", "acme.example", frozenset({"messages"}))
    assert "hash of" not in repr(facts)
