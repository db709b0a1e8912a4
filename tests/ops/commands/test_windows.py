"""``nexus windows``: a table for people, JSON for scripts, and a clear word where there is nothing."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.account_windows import Known, account_windows
from domain.forecast import Forecast
from domain.rate_limits import read_rate_limits
from domain.reckoned_windows import TokenUse, Use
from domain.windows import Sighting
from ops.commands import windows
from ops.commands.windows import UnknownAccountError
from ops.db.pool import Pool
from schemas.limits_api import AccountWindows, ForecastItem, WindowsAnswer
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.replayed_weeks import UNIFIED, Asked, events_of
from tests.shipping import TestJournal, new_request_id

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RESET = NOW + timedelta(hours=2)


def headers(share: str, **more: str) -> dict[str, str]:
    reset = str(int(RESET.timestamp()))
    lines = {f"{UNIFIED}5h-utilization": share, f"{UNIFIED}5h-reset": reset, f"{UNIFIED}5h-status": "allowed"}
    return lines | {name.replace("_", "-"): value for name, value in more.items()}


def account(lines: dict[str, str], *uses: Use) -> AccountWindows:
    seen = [Sighting(NOW - timedelta(hours=1), UUID(int=1), gauge) for gauge in read_rate_limits(lines)]
    return account_windows(Known(account="acme", sightings=seen, bare_at=None, use=TokenUse(uses)), NOW)


def said(one: AccountWindows) -> list[str]:
    return windows.text(WindowsAnswer(as_of=NOW, accounts=[one])).splitlines()


def with_forecast(forecast: Forecast) -> str:
    one = account(headers("0.5"))
    item = ForecastItem(**{name: getattr(forecast, name) for name in Forecast.__dataclass_fields__})
    changed = one.windows[0].model_copy(update={"forecasts": [item]})
    return said(one.model_copy(update={"windows": [changed]}))[1]


def test_a_window_has_a_row() -> None:
    head, row = said(account(headers("0.5")))
    assert head.split("  ")[0] == "account"
    assert row.split()[:6] == ["acme", "5h", "50%", "header", "allowed", "11:30Z"]
    assert "earlier weeks are known of" in row


def test_what_is_reckoned_is_said_to_be() -> None:
    def use(ago_h: float, tokens: int) -> Use:
        return Use(NOW - timedelta(hours=ago_h), tokens)

    assert said(account({}, use(1, 1234)))[1].split()[2:6] == ["1,234", "tokens", "reckoned", "open"]
    assert said(account(headers("0.5"), use(3, 500), use(0.5, 100)))[1].split()[2:7] == [
        "60%", "(60%", "to", "60%)", "reckoned",
    ]  # fmt: skip
    over = {name: value.replace(str(int(RESET.timestamp())), "1764000000") for name, value in headers("0.5").items()}
    assert said(account(over))[1].split()[2:7] == ["0%", "reckoned", "over", "2025-11-24", "16:00Z"]
    assert said(account(over | {f"{UNIFIED}5h-utilization": "x"}, use(0.1, 0)))[1].split()[2] == "not"


@pytest.mark.parametrize(
    ("forecast", "words"),
    [
        (Forecast(pace="usual", reason="why not"), "? (why not)"),
        (Forecast(pace="usual", level=0.6, cases=4), "not before the reset (60%)"),
        (
            Forecast(pace="present", level=0.8, earliest=NOW, latest=NOW + timedelta(days=1)),
            "09:30Z to 2026-11-23 09:30Z (80%)",
        ),
        (Forecast(pace="present", level=0.8, earliest=NOW), "09:30Z to never before the reset (80%)"),
    ],
)
def test_a_forecast_is_a_range_or_a_reason(forecast: Forecast, words: str) -> None:
    assert words in with_forecast(forecast)


def test_what_else_the_headers_tell_stands_below() -> None:
    more = {
        f"{UNIFIED}overage-status": "allowed",
        f"{UNIFIED}overage-in-use": "true",
        f"{UNIFIED}7d-utilization": "25%",
        f"{UNIFIED}slow-max-wait": "9",
        "anthropic-ratelimit-tokens-limit": "10",
        "anthropic-ratelimit-tokens-remaining": "7",
    }
    assert said(account(more)) == [
        "acme: use beyond the plan is allowed and is in use.",
        "acme: tokens: 7 of 10 left.",
        "acme: headers that Nexus does not know: slow-max-wait.",
        "acme: headers that cannot be read: 7d-utilization.",
    ]
    silent = said(account({f"{UNIFIED}overage-utilization": "0"}))
    assert silent == ["acme: use beyond the plan is not told of and may be in use or not."]


async def fill(pool: Pool) -> None:
    store = Store.over(pool)
    lately = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the command asks the clock
    lines = headers("0.25") | {f"{UNIFIED}5h-reset": str(int(lately.timestamp()) + 3600)}
    asked = Asked("acme", new_request_id(), lately, lately, 100, tuple(lines.items()))
    events, run = events_of(asked)
    await (await TestJournal.opened(store.ship)).ship(store.ship, events, runs=[run])
    await store.follow()


def test_the_command_reads_the_database(
    database: str, runner_pool: PoolRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    windows.run(None, as_json=False)
    assert capsys.readouterr().out.startswith("No window is known yet")
    runner_pool.run(fill)
    windows.run(None, as_json=False)
    assert "25%" in capsys.readouterr().out
    windows.run("acme", as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["accounts"]
    assert (found["account"], found["windows"][0]["said"]["utilization"]) == ("acme", 0.25)
    with pytest.raises(UnknownAccountError, match="last eight weeks"):
        windows.run("nobody", as_json=False)
