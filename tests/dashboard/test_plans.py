"""A person's word goes before what answers told; who was told of windows has a subscription."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from unittest.mock import AsyncMock

import pytest

from dashboard.plans import REST_S, WithPlansSeen
from dashboard.told import Sayings
from ops.db.borrowing import borrowed
from ops.db.pool import Pool
from projections.read_models import limit_queries
from projections.read_models.connection import Connection

SAID = Sayings(plans={"said": "api", "both": "subscription", "denied": "api"}, key_names={"k": "Ada's"})


def connections(pool: Pool) -> AbstractAsyncContextManager[Connection]:
    return borrowed(pool, 5.0)


async def told() -> Sayings:
    return SAID


async def test_it_is_asked_for_now_and_then(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = AsyncMock(side_effect=[["seen", "both", "denied"], ["seen", "new"]])
    monkeypatch.setattr(limit_queries, "subscribed", seen)
    clock = [100.0]
    source = WithPlansSeen(told, partial(connections, pool), lambda: clock[0])
    expected = {"said": "api", "both": "subscription", "denied": "api", "seen": "subscription"}
    for _ in range(2):
        found = await source()
        assert found.plans == expected
        assert found.key_names == SAID.key_names
        clock[0] += REST_S / 2
    assert (await source()).plans == {**SAID.plans, "seen": "subscription", "new": "subscription"}
    assert seen.await_count == 2
