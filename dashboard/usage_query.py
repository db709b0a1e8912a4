"""What does a query string ask of usage? Range, buckets, what is told apart and chosen, and what is assumed."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from dashboard.errors import InvalidQueryError
from dashboard.queries import Given, moment_of, number_of, one_of, request_id_of, text_of
from dashboard.usage import BYS, DEFAULT_LIMIT, MAX_LIMIT, By, UsageQuery, Value
from domain.usage_ranges import Bucket
from domain.what_if import Lifetime, WhatIf

DEFAULT_DAYS = 7
BUCKETS: tuple[Bucket, ...] = ("none", "minute", "hour", "day", "month")
_FLAGS = {"true": True, "false": False}
_IDS: tuple[By, ...] = ("conversation", "subtask", "branch")
_SWITCHES: tuple[By, ...] = ("long_context", "estimated")
_ASSUMING = ("as_model", "ttl", "cache", "prices", "on")
T = TypeVar("T", bound=str)


def usage_query(query: MultiMapping[str], now: datetime) -> UsageQuery:
    """Without ``since`` and ``until``: the last seven days. Raises InvalidQueryError."""
    given = Given(query, {*BYS, "group_by", "bucket", "tz", "since", "until", "limit", *_ASSUMING})
    until = given.read("until", moment_of) or now.astimezone(UTC)
    since = given.read("since", moment_of) or until - timedelta(days=DEFAULT_DAYS)
    if since >= until:
        raise InvalidQueryError("since is not before until; give an earlier since or a later until.")
    wanted = {by: value for by in BYS if (value := given.read(by, _reader(by))) is not None}
    limit = given.read("limit", number_of)
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise InvalidQueryError(f"limit={limit} is out of range; give 1 to {MAX_LIMIT}.")
    return UsageQuery(
        since=since,
        until=until,
        bucket=given.read("bucket", lambda name, text: _word(BUCKETS, name, text)) or "none",
        zone=given.read("tz", zone_of) or UTC,
        group_by=given.read("group_by", _grouping) or (),
        wanted=wanted,
        what_if=_what_if(given),
        limit=DEFAULT_LIMIT if limit is None else limit,
    )


def zone_of(name: str, text: str) -> ZoneInfo:
    """Raises InvalidQueryError for a name that no time zone has."""
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # no such name, or none that may be asked for
        raise InvalidQueryError(f"{name}={text[:80]!r} is no time zone; give one such as Europe/Paris.") from None


def _reader(by: By) -> Callable[[str, str], Value]:
    if by in _IDS:
        return request_id_of
    return _flag if by in _SWITCHES else text_of


def _flag(name: str, text: str) -> bool:
    return _FLAGS[one_of(tuple(_FLAGS))(name, text)]


def _grouping(name: str, text: str) -> tuple[By, ...]:
    words = [_word(BYS, name, word) for word in text.split(",") if word]
    return tuple(dict.fromkeys(words))


def _word(words: tuple[T, ...], name: str, text: str) -> T:
    found = one_of(words)(name, text)
    return next(word for word in words if word == found)


def _what_if(given: Given) -> WhatIf:
    lifetimes: tuple[Lifetime, ...] = ("5m", "1h")
    return WhatIf(
        model=given.read("as_model", text_of) or None,
        lifetime=given.read("ttl", lambda name, text: _word(lifetimes, name, text)),
        no_cache=given.read("cache", one_of(("none",))) is not None,
        shipped_prices=given.read("prices", one_of(("own", "shipped"))) == "shipped",
        on=given.read("on", _day),
    )


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidQueryError(f"{name}={text[:80]!r} is no day; give it as 2026-11-22.") from None
