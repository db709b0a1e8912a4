"""Amounts are exact in JSON, and no token is counted twice."""

import json
from decimal import Decimal

from schemas.usage_api import TermItem, UsageTokens


def test_thinking_is_a_part_of_the_output() -> None:
    tokens = UsageTokens(
        input=1, output=20, estimated_output=300, thinking=9, cache_read=4_000, cache_write_5m=50_000, cache_write_1h=6
    )
    assert tokens.all == 54_327


def test_money_is_a_decimal_string() -> None:
    amount = Decimal("0.1000000000000000000000000000000001")
    term = TermItem(kind="input", count=1, per_million=Decimal(5), factor=Decimal(1), amount=amount)
    assert json.loads(term.model_dump_json())["amount"] == str(amount)
