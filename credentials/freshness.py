"""Is an access token good, to be renewed soon, or spent? And how long is a refresh that failed left alone? Pure."""

from dataclasses import dataclass, field
from typing import Literal

from credentials.credential import OAuthCredential

Freshness = Literal["fresh", "due", "expired"]
AHEAD_S = 300.0
"""Before the end a new token is fetched while requests go on with the old one."""
MARGIN_S = 10.0
"""A request on its way must not meet the end of its token."""
JUST_NOW_S = 10.0
"""A token that is this new and refused will not be accepted by getting another one."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _LONGEST_TOLD_S = 1.0, 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A refresh that failed; until ``not_before`` (monotonic) nobody asks again."""

    refresh_token: str | None = field(repr=False)
    """What it failed with: another one may be tried at once."""
    streak: int
    not_before: float
    why: str


def seconds_left(credential: OAuthCredential, now_ms: int) -> float | None:
    """By the wall clock; None: not known."""
    return (credential.expires_at_ms - now_ms) / 1000 if credential.expires_at_ms else None


def freshness(credential: OAuthCredential, left_s: float | None) -> Freshness:
    """``left_s``: until its end; None: not known, and so used until it is refused."""
    if left_s is None:
        return "fresh"
    if left_s <= MARGIN_S:
        return "expired"
    return "due" if left_s <= _ahead(credential) else "fresh"


def is_new(credential: OAuthCredential, now_ms: int) -> bool:
    """Whether it was refreshed only just now."""
    return bool(credential.refreshed_at_ms) and abs(now_ms - credential.refreshed_at_ms) < JUST_NOW_S * 1000


def failed(
    before: Failure | None, refresh_token: str | None, why: str, retry_after_s: float | None, now: float
) -> Failure:
    """One more failure: the pauses double, and what the server asks for is honoured."""
    streak = before.streak + 1 if before is not None and before.refresh_token == refresh_token else 1
    pause = min(_FIRST_PAUSE_S * 2 ** min(streak - 1, 10), _LONGEST_PAUSE_S)
    told = min(retry_after_s or 0.0, _LONGEST_TOLD_S)
    return Failure(refresh_token, streak, now + max(pause, told), why)


def _ahead(credential: OAuthCredential) -> float:
    """A token of a short life is not renewed all the time."""
    lifetime_s = (credential.expires_at_ms - credential.refreshed_at_ms) / 1000
    return min(AHEAD_S, lifetime_s / 2) if credential.refreshed_at_ms and lifetime_s > 0 else AHEAD_S
