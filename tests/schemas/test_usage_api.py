"""What is said of usage has stable names, money is a decimal string, and no token is counted twice."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from schemas.usage_api import UsageItem, UsageTokens


def test_all_tokens_are_those_that_have_a_price_of_their_own() -> None:
    tokens = UsageTokens(
        input=1, output=20, estimated_output=300, thinking=7, cache_read=4_000, cache_write_5m=50_000,
        cache_write_1h=600_000,
    )  # fmt: skip
    assert tokens.all == 654_321


def test_a_sum_in_full() -> None:
    item = UsageItem(
        group={"conversation": UUID(int=1), "estimated": False, "model": None},
        label="1",
        bucket=datetime(2026, 1, 1, tzinfo=UTC),
        requests=2,
        failed=1,
        aborted=0,
        tokens=UsageTokens(input=1),
        web_searches=0,
        cost_usd=Decimal("0.0000050"),
        unpriced_tokens=0,
        unpriced=[],
    )
    said = json.loads(item.model_dump_json())
    assert said["group"] == {"conversation": str(UUID(int=1)), "estimated": False, "model": None}
    assert (said["cost_usd"], said["what_if_cost_usd"]) == ("0.0000050", None)
    assert (said["estimated"], said["api_equivalent"], said["bucket"]) == (False, False, "2026-01-01T00:00:00Z")
