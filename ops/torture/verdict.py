"""Which failures of clients are allowed, and how long was the gateway away? Pure.

While a gateway worker is killed, its open clients may fail, and nobody may be served until the gateway serves again.
Where upstream itself broke off, the client must see it. Nothing else excuses a failed client, or a wrong byte.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ops.checking.recordings import ClientSaw

RECOVERY_S = 10.0
"""So long at most may a killed gateway be away."""
NEVER_S = 86_400.0
"""Stands for a gateway that did not come back."""

Cause = Literal["served", "went away", "gateway killed", "upstream broke off"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A client met what it must not meet."""

    saw: ClientSaw
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What clients met, taken together."""

    causes: Counter[Cause]
    failures: tuple[Failure, ...]
    recoveries_s: tuple[float, ...]
    """After each kill of the gateway, until a request was served that had been sent after it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the harness did and upstream did."""

    kills_ns: Sequence[int] = ()
    """When a worker of the gateway was killed, in order."""
    broken: frozenset[str] = frozenset()
    """Requests, by the hash of their bodies, that upstream broke off."""


def judge(clients: Iterable[ClientSaw], known: Known) -> Verdict:
    seen = tuple(clients)
    outages = [(kill, kill + int(lasted * 1e9)) for kill, lasted in _recoveries(seen, known.kills_ns)]
    causes, failures = Counter[Cause](), list[Failure]()
    for saw in seen:
        found = _cause(saw, known, outages)
        if isinstance(found, Failure):
            failures.append(found)
        else:
            causes[found] += 1
    recoveries = tuple((end - start) / 1e9 for start, end in outages)
    return Verdict(causes, tuple(failures), recoveries)


def _cause(saw: ClientSaw, known: Known, outages: Sequence[tuple[int, int]]) -> Cause | Failure:
    if not saw.faithful:
        return Failure(saw, f"the answer is not what upstream said (status {saw.status}, {saw.size} bytes)")
    if saw.body_sha256 in known.broken and saw.whole:
        return Failure(saw, "upstream broke off, but the client was told a whole answer")
    if saw.gone:
        return "went away"
    if saw.whole and not saw.failed:
        return "served"
    if saw.body_sha256 in known.broken:
        return "upstream broke off"
    if any(start <= saw.ended_ns and saw.sent_ns <= end for start, end in outages):
        return "gateway killed"
    return Failure(saw, saw.failed or "not whole")


def _recoveries(seen: Sequence[ClientSaw], kills_ns: Sequence[int]) -> list[tuple[int, float]]:
    """Each kill with the time until service; where none came, a very long one."""
    served = sorted((saw.sent_ns, saw.ended_ns) for saw in seen if saw.whole and not saw.failed)
    sent = [start for start, _ in served]
    out = []
    for kill in kills_ns:
        later = [end for _, end in served[bisect_left(sent, kill) :]]
        out.append((kill, (min(later) - kill) / 1e9 if later else NEVER_S))
    return out
