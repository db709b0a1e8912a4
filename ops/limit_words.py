"""How are limits typed and told? Words on a command line → limits, limits → words; pure."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from domain.errors import SetupError
from domain.limits import Limits

OFF = "off"
_MAX_DIGITS = 19
_COUNTS = {
    "requests_per_minute": "requests/min",
    "concurrent_streams": "streams",
    "tokens_per_hour": "tokens/hour",
}


def changed(limits: Limits, words: Mapping[str, str | None]) -> Limits:
    """Those of the four that are typed, instead of what stands; ``off`` takes one away. Raises SetupError."""
    return Limits(
        requests_per_minute=_count(words.get("requests_per_minute"), limits.requests_per_minute),
        concurrent_streams=_count(words.get("concurrent_streams"), limits.concurrent_streams),
        tokens_per_hour=_count(words.get("tokens_per_hour"), limits.tokens_per_hour),
        spend_per_day=_amount(words.get("spend_per_day"), limits.spend_per_day),
    )


def limits_text(limits: Limits) -> str:
    """On one line; ``none`` if there is none."""
    parts = [f"{getattr(limits, name):,} {unit}" for name, unit in _COUNTS.items() if getattr(limits, name) is not None]
    if limits.spend_per_day is not None:
        parts.append(f"${_dollars(limits.spend_per_day)}/day")
    return ", ".join(parts) or "none"


def limits_plain(limits: Limits) -> dict[str, int | str | None]:
    """For a script; money as a decimal string."""
    spend = limits.spend_per_day
    return {
        **{name: getattr(limits, name) for name in _COUNTS},
        "spend_per_day": None if spend is None else f"{spend:f}",
    }


def _dollars(spend: Decimal) -> str:
    """Cents, and further places only where there are some."""
    return f"{spend:,.2f}" if spend == round(spend, 2) else f"{spend.normalize():,f}"


def _count(typed: str | None, standing: int | None) -> int | None:
    if typed is None:
        return standing
    plain = typed.strip().lower().replace("_", "").replace(",", "")
    if plain == OFF:
        return None
    if not (plain.isascii() and plain.isdigit() and len(plain) <= _MAX_DIGITS):
        raise SetupError(f"{typed[:50]!r} is no limit: give a whole number above 0, or `off`.")
    return int(plain)


def _amount(typed: str | None, standing: Decimal | None) -> Decimal | None:
    if typed is None:
        return standing
    plain = typed.strip().lower().removeprefix("$")
    if plain == OFF:
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        raise SetupError(f"{typed[:50]!r} is no amount: give dollars as 12.50, or `off`.") from None
