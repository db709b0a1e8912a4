"""What the cache lost and how streams came, as the read API gives it: every member has a believable default."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from schemas.cache_api import (
    CacheCause,
    CacheDivergence,
    CacheGroup,
    CacheInsights,
    CacheTotals,
    CacheVerdictItem,
    RewrittenTokens,
)
from schemas.stream_api import StreamExample, StreamInsights
from tests.read_rows import START, request_id, stream_group


def cache_cause(cause: str = "ttl_lapsed", **changes: Any) -> CacheCause:
    members: dict[str, Any] = {
        "cause": cause,
        "requests": 3,
        "estimated": 0,
        "unsure": 0,
        "rewritten": RewrittenTokens(cache_write_5m_tokens=90_000, tokens=90_000),
        "cost_usd": Decimal("0.51"),
        "examples": [request_id(1), request_id(2)],
    }
    return CacheCause(**(members | changes))


def cache_group(key: str | None = "ttl_lapsed", **changes: Any) -> CacheGroup:
    members: dict[str, Any] = {
        "key": key,
        "requests": 3,
        "rewritten_tokens": 90_000,
        "cost_usd": Decimal("0.51"),
        "causes": [cache_cause(key or "unknown")],
    }
    return CacheGroup(**(members | changes))


def cache_insights(*items: CacheGroup, **changes: Any) -> CacheInsights:
    totals = CacheTotals(
        requests=40,
        prompt_tokens=900_000,
        misses=3,
        unexplained=1,
        rewritten_tokens=90_000,
        rewritten_share=0.1,
        cost_usd=Decimal("1.02"),
    )
    members: dict[str, Any] = {"since": START, "until": None, "group_by": "cause", "totals": totals}
    return CacheInsights(**(members | {"items": list(items)} | changes))


def verdict(**changes: Any) -> CacheVerdictItem:
    members: dict[str, Any] = {
        "request_id": request_id(1),
        "previous_request_id": request_id(8),
        "cause": "tools_changed",
        "certainty": "certain",
        "detail": "Bash is described otherwise",
        "stable_blocks": 2,
        "stable_tokens": 900,
        "stable_estimated": True,
        "divergence": CacheDivergence(section="tool", place=2, name="Bash", role="", kind=""),
        "lost_tokens": 48_000,
        "rewritten": RewrittenTokens(cache_write_5m_tokens=48_000, tokens=48_000),
        "rewritten_estimated": False,
        "prompt_tokens": 50_000,
        "cost_usd": Decimal("0.276"),
    }
    return CacheVerdictItem(**(members | changes))


def stream_example(finding: str = "stalled", **changes: Any) -> StreamExample:
    members: dict[str, Any] = {
        "finding": finding,
        "request_id": request_id(5),
        "received_at": START + timedelta(minutes=5),
        "model": "claude-opus-4-5",
        "account": "acme",
        "outcome": "completed",
        "time_to_first_byte_ms": 700.0,
        "duration_ms": 64_000.0,
    }
    return StreamExample(**(members | changes))


def stream_insights(*examples: StreamExample, **changes: Any) -> StreamInsights:
    members: dict[str, Any] = {
        "since": START,
        "until": START + timedelta(days=1),
        "examined": 12,
        "complete": True,
        "stalled_after_ms": 30_000,
        "slow_start_after_ms": 10_000,
        "total": stream_group(requests=12, stalled=1),
        "models": [stream_group(name="claude-opus-4-5", requests=12, stalled=1)],
        "accounts": [stream_group(name="acme", requests=12, stalled=1)],
        "examples": list(examples),
    }
    return StreamInsights(**(members | changes))
