"""``nexus windows``: how full are the 5-hour and weekly windows, when are they reset, when will they be full?"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from domain.errors import NexusError
from ops.text_table import text_table

if TYPE_CHECKING:
    from ops.reading import Database
    from schemas.limits_api import AccountWindows, ForecastItem, Reading, WindowItem, WindowsAnswer

MAX_ACCOUNTS = 50
_HEAD = ("account", "window", "used", "from", "state", "resets", "full at this pace", "full at the usual pace")


class UnknownAccountError(NexusError):
    """No answer of this account's was seen in the last eight weeks; `nexus windows` lists those that were."""


def run(account: str | None, *, as_json: bool) -> None:
    """Say it. Raises UnknownAccountError."""
    found = _read(account)
    if account is not None and not found.accounts:
        raise UnknownAccountError
    print(found.model_dump_json() if as_json else text(found))


def text(found: "WindowsAnswer") -> str:
    """A table, and below it what else the headers told."""
    rows = [_row(one, window, found.as_of) for one in found.accounts for window in one.windows]
    notes = [note for one in found.accounts for note in _notes(one)]
    if not rows and not notes:
        return "No window is known yet: no answer came through the gateway, or none is taken in (`nexus status`)."
    return "\n".join([*([text_table(_HEAD, rows)] if rows else []), *notes])


def _read(account: str | None) -> "WindowsAnswer":
    from ops.clock import utc_now
    from ops.reading import with_database
    from projections.read_models import limit_queries

    async def work(database: "Database") -> "WindowsAnswer":
        return await limit_queries.windows(database.pool.acquire, account, utc_now(), MAX_ACCOUNTS)

    return with_database("windows", work)


def _row(account: "AccountWindows", window: "WindowItem", now: datetime) -> tuple[str, ...]:
    paces = {one.pace: one for one in window.forecasts}
    return (
        account.account,
        window.name,
        _used(window.now),
        window.now.source,
        "over" if window.state == "over" else (window.status or "open"),
        _moment(window.resets_at, now),
        _full(paces.get("present"), now),
        _full(paces.get("usual"), now),
    )


def _used(reading: "Reading") -> str:
    tokens = f"{reading.tokens:,} tokens" if reading.tokens else ""
    if reading.utilization is None:
        return tokens or "not known"
    between = f" ({reading.low:.0%} to {reading.high:.0%})" if reading.low is not None and reading.high else ""
    return f"{reading.utilization:.0%}{between}"


def _full(forecast: "ForecastItem | None", now: datetime) -> str:
    if forecast is None:
        return "-"
    if forecast.level is None:
        return f"? ({forecast.reason})"
    if forecast.earliest is None:
        return f"not before the reset ({forecast.level:.0%})"
    latest = _moment(forecast.latest, now) if forecast.latest else "never before the reset"
    return f"{_moment(forecast.earliest, now)} to {latest} ({forecast.level:.0%})"


def _notes(account: "AccountWindows") -> Iterator[str]:
    if account.overage is not None:
        used = {True: "is in use", False: "is not in use", None: "may be in use or not"}[account.overage.in_use]
        yield f"{account.account}: use beyond the plan is {account.overage.status or 'not told of'} and {used}."
    for limit in account.key_limits:
        yield f"{account.account}: {limit.name}: {limit.remaining} of {limit.limit} left."
    if account.unknown:
        yield f"{account.account}: headers that Nexus does not know: {', '.join(sorted(account.unknown))}."
    if account.malformed:
        yield f"{account.account}: headers that cannot be read: {', '.join(sorted(account.malformed))}."


def _moment(moment: datetime, now: datetime) -> str:
    """Of another day with its date; UTC."""
    return f"{moment:%H:%M}Z" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M}Z"
