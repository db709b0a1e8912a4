"""The shapes of windows and limits go to JSON and back, with times in UTC and nothing invented."""

import json
from datetime import UTC, datetime

from schemas.limits_api import AccountWindows, Reading, WindowsAnswer

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_an_answer_goes_to_json_and_back() -> None:
    account = AccountWindows(
        account="acme",
        headers_at=None,
        bare_at=AT,
        overall=None,
        overage=None,
        windows=[],
        key_limits=[],
        unknown={},
        malformed=[],
    )
    answer = WindowsAnswer(as_of=AT, accounts=[account])
    assert json.loads(answer.model_dump_json())["as_of"] == "2026-11-22T09:30:00Z"
    assert WindowsAnswer.model_validate_json(answer.model_dump_json()) == answer


def test_what_is_not_known_is_null_and_never_absent() -> None:
    said = json.loads(Reading(utilization=None, source="reckoned", how="x").model_dump_json())
    assert said == {
        "utilization": None,
        "low": None,
        "high": None,
        "tokens": None,
        "source": "reckoned",
        "how": "x",
        "request_id": None,
        "seen_at": None,
    }
