"""The table of checks: every subject in one stretch, every name once, every check with a deadline."""

import itertools

from ops.doctor.table import CHECKS


def test_the_table_is_in_order() -> None:
    stretches = [subject for subject, _ in itertools.groupby(check.subject for check in CHECKS)]
    assert len(stretches) == len(set(stretches))
    assert len({(check.subject, check.name) for check in CHECKS}) == len(CHECKS) >= 20
    assert all(0 < check.deadline_s <= 15 for check in CHECKS)
