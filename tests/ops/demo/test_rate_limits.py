"""Rate-limit headers: a key's per minute, a subscription's windows, both filling up."""

from datetime import UTC, datetime

from ops.demo.rate_limits import Consumption, limit_headers

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
KEY, SUBSCRIPTION = "", "Bearer sk-ant-oat01-x"


def test_consumption_adds_up() -> None:
    used = Consumption().plus(100, 10).plus(5, 1)
    assert used == Consumption(requests=2, input_tokens=105, output_tokens=11)


def test_a_keys_limits_go_down_but_not_below_nothing() -> None:
    fresh, used = limit_headers(KEY, Consumption(), NOW), limit_headers(KEY, Consumption(3, 1000, 500), NOW)
    assert fresh["anthropic-ratelimit-requests-limit"] == fresh["anthropic-ratelimit-requests-remaining"] == "4000"
    assert used["anthropic-ratelimit-requests-remaining"] == "3997"
    assert used["anthropic-ratelimit-input-tokens-remaining"] == "1999000"
    assert used["anthropic-ratelimit-output-tokens-remaining"] == "399500"
    assert used["anthropic-ratelimit-tokens-remaining"] == "2398500"
    assert used["anthropic-ratelimit-requests-reset"] == "2026-11-20T12:35:56Z"
    spent = limit_headers(KEY, Consumption(9999, 10**9, 10**9), NOW)
    assert {value for name, value in spent.items() if name.endswith("remaining")} == {"0"}
    assert not any("unified" in name for name in fresh)


def test_a_subscriptions_windows_fill_and_warn() -> None:
    def say(used: Consumption) -> tuple[float, str, str]:
        headers = limit_headers(SUBSCRIPTION, used, NOW)
        prefix = "anthropic-ratelimit-unified"
        assert headers[f"{prefix}-representative-claim"] == "five_hour"
        assert headers[f"{prefix}-5h-status"] == headers[f"{prefix}-status"]
        return float(headers[f"{prefix}-5h-utilization"]), headers[f"{prefix}-status"], headers[f"{prefix}-7d-status"]

    fresh, begun, full = say(Consumption()), say(Consumption(9, 200_000, 20_000)), say(Consumption(9, 2_000_000, 0))
    assert fresh[0] < begun[0] < full[0] == 1.0
    assert (fresh[1], begun[1], full[1]) == ("allowed", "allowed", "allowed_warning")
    assert full[2] == "allowed"


def test_the_windows_end_at_whole_hours() -> None:
    headers = limit_headers(SUBSCRIPTION, Consumption(), NOW)
    five_hours, week = (int(headers[f"anthropic-ratelimit-unified-{name}-reset"]) for name in ("5h", "7d"))
    assert five_hours == datetime(2026, 11, 20, 15, tzinfo=UTC).timestamp()
    assert week == datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
    assert headers["anthropic-ratelimit-unified-reset"] == str(five_hours)
