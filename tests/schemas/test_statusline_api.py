"""The answer for the status line: money is a decimal string, and what is not known is null, never absent."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from schemas.read_api import TokenCounts
from schemas.statusline_api import FiveHourItem, StatusLine

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_its_json() -> None:
    window = FiveHourItem(
        percent=34.0, resets_at=NOW + timedelta(hours=1), resets_in_s=3600, source="header", how="said"
    )
    answer = StatusLine(
        session="s",
        as_of=NOW,
        requests=2,
        cost_usd=Decimal("0.0100"),
        unpriced_tokens=0,
        estimated=False,
        tokens=TokenCounts(input_tokens=1),
        context_tokens=None,
        model=None,
        five_hour=window,
        text="…",
    )
    said = json.loads(answer.model_dump_json())
    assert (said["cost_usd"], said["model"], said["context_tokens"]) == ("0.0100", None, None)
    assert said["five_hour"]["resets_at"] == "2026-11-22T10:30:00Z"
    assert said["tokens"]["input_tokens"] == 1
