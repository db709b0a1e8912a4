"""At which moment is a conversation looked at? What the time control shows, and the moments around; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlencode
from uuid import UUID

from dashboard.as_of import neighbours

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST_DIGITS = 14
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TimeControl:
    """Ready to be shown."""

    moment: datetime | None
    """None: now."""
    first_ms: int
    last_ms: int
    """The ends of the slider, since 1970."""
    at_ms: int
    number: int
    """Of the happenings up to the moment."""
    of: int
    selected: str
    """Id of the exchange that stays selected; empty: none."""
    before: str
    """Address of the moment before; empty: there is none."""
    after: str
    now: str
    kept: Mapping[str, str]
    """What else stands in the address, and stays there."""


def time_control(
    moments: Sequence[datetime],
    moment: datetime | None,
    selected: UUID | None,
    kept: Mapping[str, str] = _NOTHING,
) -> TimeControl | None:
    """``moments``: when something happened, in order. None: there is no time to go back to."""
    if len(moments) < 2:
        return None
    at = moments[-1] if moment is None else moment
    before, after = neighbours(moments, at)
    first_ms, last_ms = _behind_ms(moments[0]), _behind_ms(moments[-1])
    return TimeControl(
        moment=moment,
        first_ms=first_ms,
        last_ms=last_ms,
        at_ms=last_ms if moment is None else min(max(as_ms(at), first_ms), last_ms),
        number=sum(one <= at for one in moments),
        of=len(moments),
        selected=str(selected or ""),
        before=_address(before, kept),
        after=_address(after, kept) if moment is not None else "",
        now=f"?{urlencode({**({'request': selected} if selected else {}), **kept})}",
        kept=kept,
    )


def moment_in(text: str) -> datetime | None:
    """A moment in an address: RFC 3339, or milliseconds since 1970 as the slider gives them. None: it is neither."""
    try:
        if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
            return _EPOCH + timedelta(milliseconds=int(text))
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def as_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, none begun."""
    return (moment - _EPOCH) // _MILLISECOND


def _behind_ms(moment: datetime) -> int:
    """So that everything of the moment lies before it."""
    return -(-(moment - _EPOCH) // _MILLISECOND)


def _address(moment: datetime | None, kept: Mapping[str, str]) -> str:
    return f"?{urlencode({'as_of': moment.isoformat(), **kept})}" if moment is not None else ""
