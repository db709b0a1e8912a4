"""What is said of the prompt cache has stable names, and money is a decimal string."""

import json
from decimal import Decimal
from typing import get_args
from uuid import UUID

from schemas.cache_api import CacheCause, CacheGroup, CacheInsights, CacheTotals, GroupBy, RewrittenTokens


def test_an_answer_in_full() -> None:
    cause = CacheCause(
        cause="ttl_lapsed",
        requests=2,
        estimated=0,
        unsure=1,
        rewritten=RewrittenTokens(cache_write_5m_tokens=5, tokens=5),
        cost_usd=Decimal("0.0575"),
        examples=[UUID(int=1)],
    )
    group = CacheGroup(key="m", requests=2, rewritten_tokens=5, cost_usd=Decimal("0.0575"), causes=[cause])
    sums = CacheTotals(
        requests=9, prompt_tokens=10, misses=2, unexplained=0, rewritten_tokens=5, rewritten_share=0.5, cost_usd=None
    )
    answer = CacheInsights(since=None, until=None, group_by="model", totals=sums, items=[group])
    said = json.loads(answer.model_dump_json())
    assert said["items"][0]["causes"][0] == {
        "cause": "ttl_lapsed",
        "requests": 2,
        "estimated": 0,
        "unsure": 1,
        "rewritten": {"cache_write_5m_tokens": 5, "cache_write_1h_tokens": 0, "input_tokens": 0, "tokens": 5},
        "cost_usd": "0.0575",
        "examples": [str(UUID(int=1))],
    }
    assert said["totals"]["cost_usd"] is None


def test_groups_are_those_of_the_design() -> None:
    assert set(get_args(GroupBy)) == {"cause", "conversation", "client_domain", "account", "project", "model"}
