"""What else must hold of the store as a whole? A list of checks that look at the tables themselves.

A check that looks at something new is a function added to ``STORE_CHECKS``.
"""

from collections.abc import Sequence
from typing import Protocol

from ops.checking.violations import Violation
from ops.db.checking_queries import Snapshot
from ops.db.seal_check import check_seals


class StoreCheck(Protocol):
    """One check over a snapshot of the store."""

    async def __call__(self, snapshot: Snapshot) -> Sequence[Violation]: ...


async def positions_are_unique(snapshot: Snapshot) -> Sequence[Violation]:
    rows = await snapshot.same_positions()
    return [Violation("I5", None, f"position {row['position']} belongs to more than one event") for row in rows]


async def projections_are_not_ahead(snapshot: Snapshot) -> Sequence[Violation]:
    rows = await snapshot.ahead()
    words = "projection {} says it has read up to position {}, the newest event has {}"
    return [
        Violation("I6", None, words.format(row["application_name"], row["notification_id"], row["newest"] or 0))
        for row in rows
    ]


async def seals_fit(snapshot: Snapshot) -> Sequence[Violation]:
    report = await check_seals(snapshot.connection)
    words = "does not fit the seal it was appended under; `nexus store check` has more"
    return [Violation("store", None, f"{fault} ({words})") for fault in report.faults]


STORE_CHECKS: tuple[StoreCheck, ...] = (positions_are_unique, projections_are_not_ahead, seals_fit)
