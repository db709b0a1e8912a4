"""The wall clock."""

import time
from datetime import UTC

from domain.ports import Clock
from ops.clock import utc_now


def test_it_is_now_in_utc() -> None:
    clock: Clock = utc_now
    before = time.time()
    now = clock()
    assert now.tzinfo is UTC
    assert before - 0.001 <= now.timestamp() <= time.time() + 0.001
