"""May a client key, and its account, have one more request now? Counts and limits in, a refusal or nothing out; pure.

Requests are counted by the minute. The last 60 seconds are taken to be what was counted in this minute, and of the
minute before the part that still lies in them (a sliding window out of two counters).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Literal

from domain.limits import Limits
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines

LimitName = Literal["requests", "streams", "tokens", "spend"]
Whose = Literal["key", "account"]

MINUTE_S = 60.0
_STREAMS_WAIT_S = 1
_TOKENS_WAIT_S = 60
"""When tokens of the last hour leave it is not known; asking once a minute finds out."""
_EXEMPT = b"/v1/messages/count_tokens"


@dataclass(frozen=True, slots=True)
class Counts:
    """What one key, or one account, has used."""

    before: int = 0
    """Requests of the minute before this one."""
    current: int = 0
    """Requests of this minute."""
    streams: int = 0
    """Requests that are open now."""
    tokens: int = 0
    """Of the last 60 minutes."""
    spend: Decimal = Decimal(0)
    """US dollars of this UTC day."""


@dataclass(frozen=True, slots=True)
class Side:
    """A key or an account: what it may use, and what it has used."""

    whose: Whose
    limits: Limits
    counts: Counts


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is decided."""

    second: float
    """Of the minute that is counted, from 0."""
    now: datetime
    """Wall clock, UTC."""


@dataclass(frozen=True, slots=True)
class Limited:
    """Why there is no further request now."""

    limit: LimitName
    retry_after_s: int
    refusal: Refusal


def is_exempt(target: bytes) -> bool:
    """Counting tokens costs nothing, so it is not counted. ``target``: path with query."""
    return target.partition(b"?")[0] == _EXEMPT


def limited(sides: Iterable[Side], moment: Moment) -> Limited | None:
    """None: nothing speaks against it. Else the limit that holds the longest."""
    reached = [one for side in sides for one in _reached(side, moment)]
    return max(reached, key=lambda one: one.retry_after_s, default=None)


def _reached(side: Side, moment: Moment) -> Iterator[Limited]:
    limits, counts = side.limits, side.counts
    if limits.requests_per_minute is not None:
        wait = _requests_wait(counts, limits.requests_per_minute, moment.second)
        if wait > 0:
            yield _requests(side.whose, limits.requests_per_minute, wait, moment)
    if limits.concurrent_streams is not None and counts.streams >= limits.concurrent_streams:
        text = f"may have {limits.concurrent_streams} requests open at a time"
        yield _limited("streams", side.whose, text, _STREAMS_WAIT_S, ())
    if limits.tokens_per_hour is not None and counts.tokens >= limits.tokens_per_hour:
        yield _tokens(side.whose, limits.tokens_per_hour, moment)
    if limits.spend_per_day is not None and counts.spend >= limits.spend_per_day:
        text = f"may spend ${limits.spend_per_day:f} a day (UTC)"
        yield _limited("spend", side.whose, text, _seconds_of_day_left(moment.now), ())


def _requests_wait(counts: Counts, limit: int, second: float) -> float:
    """Seconds until one more fits; 0: it fits now."""
    within = counts.current + 1
    if within <= limit:
        return _until_fits(counts.before, limit - within, second)
    return MINUTE_S - second + _until_fits(counts.current, limit - 1, 0.0)


def _until_fits(counted: int, room: int, second: float) -> float:
    """Seconds until of ``counted`` requests of the minute before no more than ``room`` still weigh."""
    if room < 0:
        return MINUTE_S
    return max(0.0, MINUTE_S * (1 - room / counted) - second) if counted > room else 0.0


def _requests(whose: Whose, limit: int, wait: float, moment: Moment) -> Limited:
    retry_after_s = ceil(wait)
    lines = _ratelimit_lines(b"requests", limit, moment.now + timedelta(seconds=retry_after_s))
    return _limited("requests", whose, f"may make {limit} requests a minute", retry_after_s, lines)


def _tokens(whose: Whose, limit: int, moment: Moment) -> Limited:
    lines = _ratelimit_lines(b"tokens", limit, moment.now + timedelta(seconds=_TOKENS_WAIT_S))
    return _limited("tokens", whose, f"may use {limit} tokens an hour", _TOKENS_WAIT_S, lines)


def _ratelimit_lines(what: bytes, limit: int, reset: datetime) -> HeaderLines:
    """As Anthropic says it."""
    name = b"anthropic-ratelimit-%b-" % what
    when = reset.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return ((name + b"limit", b"%d" % limit), (name + b"remaining", b"0"), (name + b"reset", when))


def _seconds_of_day_left(now: datetime) -> int:
    day = now.astimezone(UTC)
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return ceil((midnight - day).total_seconds())


def _limited(limit: LimitName, whose: Whose, text: str, retry_after_s: int, lines: HeaderLines) -> Limited:
    owner = "This Nexus key" if whose == "key" else "The account of this Nexus key"
    message = f"{owner} {text}. Try again in {retry_after_s} s, or ask whoever runs this Nexus for more."
    retry = (b"retry-after", b"%d" % retry_after_s)
    return Limited(limit, retry_after_s, Refusal(429, message, (retry, *lines)))
