"""A person's word goes before what answers told; who was told of windows has a subscription."""

from unittest.mock import AsyncMock

from dashboard.plans import REST_S, WithPlansSeen
from dashboard.told import Sayings

SAID = Sayings(plans={"said": "api", "both": "subscription", "denied": "api"}, key_names={"k": "Ada's"})


async def told() -> Sayings:
    return SAID


async def test_it_is_asked_for_now_and_then() -> None:
    seen = AsyncMock(side_effect=[["seen", "both", "denied"], ["seen", "new"]])
    clock = [100.0]
    source = WithPlansSeen(told, seen, lambda: clock[0])
    expected = {"said": "api", "both": "subscription", "denied": "api", "seen": "subscription"}
    for _ in range(2):
        found = await source()
        assert found.plans == expected
        assert found.key_names == SAID.key_names
        clock[0] += REST_S / 2
    assert (await source()).plans == {**SAID.plans, "seen": "subscription", "new": "subscription"}
    assert seen.await_count == 2
