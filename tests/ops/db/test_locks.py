"""The advisory locks: each number has one meaning, and none outlives its transaction."""

import re

from ops.db import locks


def test_no_two_locks_share_a_number() -> None:
    numbers = [value for name, value in vars(locks).items() if name.endswith("_LOCK") and isinstance(value, int)]
    assert len(numbers) == 3
    assert len(set(numbers)) == len(numbers)


def test_the_numbers_fit_postgres_bigint() -> None:
    assert all(0 < number < 2**63 for number in (locks.APPEND_LOCK, locks.MIGRATION_LOCK, locks.PARTITION_LOCK))


def test_the_append_lock_never_changes() -> None:
    # Two versions of Nexus that run side by side during an upgrade must exclude each other.
    assert locks.APPEND_LOCK == 5649053753442041857


def test_a_lock_ends_with_its_transaction() -> None:
    assert re.search(r"\bpg_advisory_xact_lock\(", locks.TAKE_LOCK)
