"""How many tokens did one exchange use? The ``usage`` object of an answer, read into counts.

In a stream ``message_start`` gives the first counts and every ``message_delta`` gives totals so far: a later count
replaces an earlier one, and a count that a delta leaves out, or gives as null, still holds. The breakdown of cache
writes by lifetime comes with ``message_start`` only, so later writes are booked under the lifetime seen there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from schemas.anthropic.stream import JsonObject, JsonValue

_LARGEST_COUNT = 2**40
"""Anything above is no count: no window holds so many, and the sum of a million such fits the database's bigint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """The counts that have a price each."""

    input_tokens: int = 0
    """Neither read from the cache nor written to it."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One sampling step inside a request.

    The tokens of a ``compaction`` step are not part of the request's totals; those of a ``message`` step are.
    """

    kind: str
    """``message``, ``compaction`` or another word; empty: not said."""
    model: str | None
    tokens: TokenCounts
    extra: JsonObject = field(default_factory=dict)
    """Members that are not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """All that one answer says about what it used."""

    tokens: TokenCounts = TokenCounts()
    thinking_tokens: int | None = None
    """How many of the output tokens were thinking; None: not said."""
    server_tools: Mapping[str, int] = field(default_factory=dict)
    """Calls of tools that run on Anthropic's side, by the name of the count (``web_search_requests``)."""
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: tuple[Iteration, ...] = ()
    extra: JsonObject = field(default_factory=dict)
    """Members that are not understood, under their own names; null members are left out."""


def merge_usage(before: JsonObject, later: JsonObject) -> JsonObject:
    """The ``usage`` object after a ``message_delta``."""
    return before | {name: value for name, value in later.items() if value is not None}


def read_usage(raw: JsonObject) -> Usage:
    """Never raises: a member of the wrong type counts nothing and is kept in ``extra``."""
    members = _Members(raw)
    return Usage(
        tokens=_read_tokens(members),
        thinking_tokens=members.inner("output_tokens_details").count("thinking_tokens"),
        server_tools=members.inner("server_tool_use").counts(),
        service_tier=members.text("service_tier"),
        speed=members.text("speed"),
        inference_geo=members.text("inference_geo"),
        iterations=tuple(_read_iteration(item) for item in members.objects("iterations")),
        extra=members.rest(),
    )


def _read_tokens(members: "_Members") -> TokenCounts:
    by_lifetime = members.inner("cache_creation")
    written_5m = by_lifetime.count("ephemeral_5m_input_tokens") or 0
    written_1h = by_lifetime.count("ephemeral_1h_input_tokens") or 0
    total = members.count("cache_creation_input_tokens") or 0
    unassigned = max(0, total - written_5m - written_1h)
    only_1h = written_1h > 0 and written_5m == 0
    return TokenCounts(
        input_tokens=members.count("input_tokens") or 0,
        output_tokens=members.count("output_tokens") or 0,
        cache_read_tokens=members.count("cache_read_input_tokens") or 0,
        cache_write_5m_tokens=written_5m + (0 if only_1h else unassigned),
        cache_write_1h_tokens=written_1h + (unassigned if only_1h else 0),
    )


def _read_iteration(raw: JsonObject) -> Iteration:
    members = _Members(raw)
    return Iteration(
        kind=members.text("type") or "",
        model=members.text("model"),
        tokens=_read_tokens(members),
        extra=members.rest(),
    )


class _Members:
    """The members of an object, each taken at most once; what nobody took is the rest."""

    def __init__(self, raw: JsonObject) -> None:
        self._left: JsonObject = {name: value for name, value in raw.items() if value is not None}
        self._inner: dict[str, _Members] = {}

    def count(self, name: str) -> int | None:
        value = self._left.get(name)
        if not _is_count(value):
            return None
        del self._left[name]
        return value

    def counts(self) -> dict[str, int]:
        """Every member that is a count."""
        taken = {name: self.count(name) for name in list(self._left)}
        return {name: count for name, count in taken.items() if count is not None}

    def text(self, name: str) -> str | None:
        value = self._left.get(name)
        if not isinstance(value, str):
            return None
        del self._left[name]
        return value

    def inner(self, name: str) -> "_Members":
        """The members of an object inside; none where there is no object."""
        value = self._left.get(name)
        if not isinstance(value, dict):
            return _Members({})
        del self._left[name]
        self._inner[name] = _Members(value)
        return self._inner[name]

    def objects(self, name: str) -> list[JsonObject]:
        """The items of a list of objects; none where it is anything else."""
        value = self._left.get(name)
        if not isinstance(value, list):
            return []
        items = [item for item in value if isinstance(item, dict)]
        if len(items) != len(value):
            return []
        del self._left[name]
        return items

    def rest(self) -> JsonObject:
        inner = {name: members.rest() for name, members in self._inner.items()}
        return self._left | {name: rest for name, rest in inner.items() if rest}


def _is_count(value: JsonValue) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= _LARGEST_COUNT
