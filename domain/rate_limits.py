"""What do the rate-limit headers of an answer say? Lines ``anthropic-ratelimit-…``, read into gauges.

A subscription's answers hold ``anthropic-ratelimit-unified-…``: an overall status, the windows (``5h``, ``7d``, one
that counts a model alone such as ``7d_oi``, and whatever comes next), and what is used beyond the plan (``overage``).
An API key's answers hold limit, remaining and reset of requests and tokens. What is not understood is kept under its
own name; what cannot be read is named and otherwise left out.
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

GaugeKind = Literal["window", "overall", "overage", "key"]
MAX_GAUGES = 24
"""Of one answer; more windows than that are only named."""
MAX_SHARE = 10.0
"""A utilization above this is no share: somebody sent per cent."""
_PREFIX, _UNIFIED = "anthropic-ratelimit-", "unified-"
_SHARE = "utilization"
_NAMED_WINDOW = re.compile(r"(\d+[a-z][a-z0-9_]*)-.", re.ASCII)
_KEY_MEMBER = re.compile(r"(.+)-(limit|remaining|reset)")
_OVERALL_FACTS = frozenset({"representative-claim", "fallback", "fallback-percentage", "upgrade-paths"})
_OVERAGE_FACTS = frozenset({"in-use", "disabled-reason"})
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,18})?", re.ASCII)
_EPOCH = re.compile(r"\d{9,11}(\.\d{1,9})?", re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_START = datetime(1970, 1, 1, tzinfo=UTC)


_NOTHING: Mapping[str, str] = {}


class Gauge(NamedTuple):
    """One thing that fills up, as one answer tells of it. None: not said, or not readable.

    A tuple, as weeks of a busy account are made into thousands of them whenever somebody asks.
    """

    kind: GaugeKind
    name: str
    """Of a window (``5h``) or an API key's limit (``input-tokens``); the other kinds have one gauge each, without."""
    status: str | None = None
    """``allowed``, ``allowed_warning``, ``rejected`` or another word."""
    utilization: float | None = None
    """1: full. More is possible where use goes on beyond the plan."""
    resets_at: datetime | None = None
    """On the server's clock."""
    surpassed: bool = False
    """A threshold is named as surpassed."""
    threshold: float | None = None
    """Which; None: none, or it is not said which."""
    facts: Mapping[str, str] = _NOTHING
    """Members that are words of their own: ``representative-claim``, ``in-use``, ``limit`` …"""
    unknown: Mapping[str, str] = _NOTHING
    """Members that are not understood, under their own names."""
    malformed: tuple[str, ...] = ()
    """Names of the members whose values cannot be read."""


def read_rate_limits(headers: Mapping[str, str]) -> tuple[Gauge, ...]:
    """By kind and name. ``headers``: values by name, any case. Never raises."""
    members = {
        lower.removeprefix(_PREFIX): value.strip()
        for name, value in headers.items()
        if (lower := name.lower()).startswith(_PREFIX) and lower != _PREFIX
    }
    unified = {name.removeprefix(_UNIFIED): value for name, value in members.items() if name.startswith(_UNIFIED)}
    others = {name: value for name, value in members.items() if not name.startswith(_UNIFIED)}
    gauges, left = _windows(unified)
    overage = {name: left.pop(name) for name in list(left) if name.startswith("overage-")}
    if overage:
        within = {name.removeprefix("overage-"): value for name, value in overage.items()}
        gauges.append(_gauge("overage", "", within, _OVERAGE_FACTS))
    keys, odd = _keys(others)
    gauges += keys
    if left or odd:
        gauges.append(_gauge("overall", "", left | odd, _OVERALL_FACTS))
    return tuple(sorted(gauges, key=lambda one: (one.kind, one.name)))


def read_reset(text: str) -> datetime | None:
    """Seconds since 1970, or a time as in RFC 3339, of this millennium; None: neither."""
    try:
        moment = _START + timedelta(seconds=float(text)) if _EPOCH.fullmatch(text) else datetime.fromisoformat(text)
        found = moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found.year // 1000 == 2 else None


def _windows(unified: Mapping[str, str]) -> tuple[list[Gauge], dict[str, str]]:
    """The windows, and the members that belong to none."""
    names = sorted(_window_names(unified), key=lambda name: (-len(name), name))[:MAX_GAUGES]
    left, found = dict(unified), list[Gauge]()
    for name in names:
        own = {member: left.pop(member) for member in list(left) if member.startswith(f"{name}-")}
        found.append(_gauge("window", name, {member[len(name) + 1 :]: value for member, value in own.items()}))
    return found, left


def _window_names(members: Iterable[str]) -> set[str]:
    """What begins like a length of time, and what has a utilization and is no overage."""
    found = set[str]()
    for member in members:
        if match := _NAMED_WINDOW.match(member):
            found.add(match[1])
        elif member.endswith(f"-{_SHARE}") and not member.startswith("overage-"):
            found.add(member.removesuffix(f"-{_SHARE}"))
    return found - {""}


def _gauge(kind: GaugeKind, name: str, members: Mapping[str, str], facts: frozenset[str] = frozenset()) -> Gauge:
    malformed = list[str]()

    def read(member: str, value: object) -> object:
        if member in members and value is None:
            malformed.append(member)
        return value

    share, reset = members.get(_SHARE), members.get("reset")
    utilization, resets_at = _share(share) if share else None, read_reset(reset) if reset else None
    surpassed, threshold = _threshold(members.get("surpassed-threshold"))
    read(_SHARE, utilization)
    read("reset", resets_at)
    read("surpassed-threshold", surpassed)
    read("status", members.get("status") or None)
    understood = {"status", _SHARE, "reset", "surpassed-threshold", *facts}
    return Gauge(
        kind=kind,
        name=name,
        status=members.get("status") or None,
        utilization=utilization,
        resets_at=resets_at,
        surpassed=bool(surpassed),
        threshold=threshold,
        facts={member: value for member, value in members.items() if member in facts},
        unknown={member: value for member, value in members.items() if member not in understood},
        malformed=tuple(sorted(malformed)),
    )


def _share(text: str) -> float | None:
    found = float(text) if _NUMBER.fullmatch(text) else math.inf
    return found if found <= MAX_SHARE else None


def _threshold(text: str | None) -> tuple[bool | None, float | None]:
    """Whether one is surpassed, and which. (None, None): not readable."""
    if text in {None, "false"}:
        return False, None
    if text == "true":
        return True, None
    found = _share(text or "")
    return (None, None) if found is None else (True, found)


def _keys(members: Mapping[str, str]) -> tuple[list[Gauge], dict[str, str]]:
    """Limits of an API key, and the members that belong to none."""
    by_name, left = dict[str, dict[str, str]](), dict[str, str]()
    for member, value in sorted(members.items()):
        match = _KEY_MEMBER.fullmatch(member)
        if match and (match[1] in by_name or len(by_name) < MAX_GAUGES):
            by_name.setdefault(match[1], {})[match[2]] = value
        else:
            left[member] = value
    return [_key(name, own) for name, own in by_name.items()], left


def _key(name: str, members: Mapping[str, str]) -> Gauge:
    counts = {member: members[member] for member in ("limit", "remaining") if member in members}
    facts = {member: value for member, value in counts.items() if _COUNT.fullmatch(value)}
    resets_at = read_reset(members.get("reset", ""))
    malformed = counts.keys() - facts.keys() | ({"reset"} if "reset" in members and resets_at is None else set())
    return Gauge(
        kind="key",
        name=name,
        utilization=_used_share(facts),
        resets_at=resets_at,
        facts=facts,
        malformed=tuple(sorted(malformed)),
    )


def _used_share(facts: Mapping[str, str]) -> float | None:
    limit, remaining = facts.get("limit"), facts.get("remaining")
    if limit is None or remaining is None or int(limit) == 0:
        return None
    return max(0.0, 1 - int(remaining) / int(limit))
