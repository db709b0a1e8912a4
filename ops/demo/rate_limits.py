"""What do the rate-limit headers say? They fill up while the demo plays, so that the windows have something to show."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_KEY_LIMITS = {"requests": 4_000, "input-tokens": 2_000_000, "output-tokens": 400_000, "tokens": 2_400_000}
_UNIFIED = "anthropic-ratelimit-unified"
_WARNS_AT = 0.75
_FIVE_HOURS, _SEVEN_DAYS = 2_200_000, 18_000_000
"""Tokens that fill the windows of a subscription."""
_BEGUN = {"5h": 0.58, "7d": 0.31}
"""How full they were before the demo."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """What one credential has used so far."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, input_tokens: int, output_tokens: int) -> "Consumption":
        return Consumption(self.requests + 1, self.input_tokens + input_tokens, self.output_tokens + output_tokens)


def limit_headers(authorization: str, used: Consumption, now: datetime) -> dict[str, str]:
    """``authorization``: that header's value; a bearer token is a subscription's, none means an API key."""
    return _of_subscription(used, now) if authorization.startswith("Bearer ") else _of_key(used, now)


def _of_key(used: Consumption, now: datetime) -> dict[str, str]:
    spent = {
        "requests": used.requests,
        "input-tokens": used.input_tokens,
        "output-tokens": used.output_tokens,
        "tokens": used.input_tokens + used.output_tokens,
    }
    reset = (now + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers: dict[str, str] = {}
    for kind, limit in _KEY_LIMITS.items():
        prefix = f"anthropic-ratelimit-{kind}"
        headers |= {f"{prefix}-limit": str(limit), f"{prefix}-remaining": str(max(0, limit - spent[kind]))}
        headers[f"{prefix}-reset"] = reset
    return headers


def _of_subscription(used: Consumption, now: datetime) -> dict[str, str]:
    tokens = used.input_tokens + used.output_tokens
    full = {"5h": _BEGUN["5h"] + tokens / _FIVE_HOURS, "7d": _BEGUN["7d"] + tokens / _SEVEN_DAYS}
    hour = now.replace(minute=0, second=0, microsecond=0)
    resets = {"5h": hour + timedelta(hours=3), "7d": hour + timedelta(days=4)}
    headers = {
        f"{_UNIFIED}-status": _status(full["5h"]),
        f"{_UNIFIED}-reset": _epoch(resets["5h"]),
        f"{_UNIFIED}-representative-claim": "five_hour",
        f"{_UNIFIED}-fallback-percentage": "0.5",
        f"{_UNIFIED}-overage-status": "rejected",
    }
    for window, share in full.items():
        headers |= {
            f"{_UNIFIED}-{window}-status": _status(share),
            f"{_UNIFIED}-{window}-utilization": f"{min(share, 1.0):.4f}",
            f"{_UNIFIED}-{window}-reset": _epoch(resets[window]),
        }
    return headers


def _status(share: float) -> str:
    return "allowed_warning" if share >= _WARNS_AT else "allowed"


def _epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))
