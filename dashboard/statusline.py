"""What does Claude Code's status line say of a session? What it used and where it stands, put into numbers and a line.

Pure. Money is what has a price; what has none is said beside it, never guessed.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from dashboard.formatting import compact, duration, model, one_line
from domain.billing import BilledLine, prompt_tokens
from domain.costs import summed
from domain.prices import PriceBook
from schemas.limits_api import AccountWindows
from schemas.read_api import TokenCounts
from schemas.statusline_api import FiveHourItem, StatusLine

FIVE_HOURS = "5h"
_CENT = Decimal("0.01")
_SHOWN = 12
"""Characters of a session's id."""
_SECOND = timedelta(seconds=1)
Dated = tuple[date, int, BilledLine]
"""The day (UTC) that a sum of lines is priced on, its requests, and the sum."""


def status_line(  # noqa: PLR0913  all that it shows
    session: str,
    now: datetime,
    spent: Sequence[Dated],
    book: PriceBook,
    *,
    newest: tuple[str | None, int | None],
    windows: AccountWindows | None,
    subscription: bool = False,
    unrecorded: int = 0,
) -> StatusLine:
    """``newest``: model and context of the newest answer on the main thread; ``subscription``: one pays for it;
    ``unrecorded``: so many answers could not be recorded whole."""
    priced = [(line, book.price_of(line, day)) for day, _, line in spent]
    unpriced = sum(_tokens(line) for line, found in priced if found.amount is None)
    answer = StatusLine(
        session=session,
        as_of=now,
        requests=sum(requests for _, requests, _ in spent),
        cost_usd=summed((found for _, found in priced), unrecorded).cost,
        unpriced_tokens=unpriced,
        unrecorded=unrecorded,
        estimated=any(line.estimated_output_tokens for line, _ in priced),
        api_equivalent=subscription,
        tokens=_counts([line for line, _ in priced]),
        model=newest[0],
        context_tokens=newest[1],
        five_hour=_five_hour(windows, now),
        text="",
    )
    return answer.model_copy(update={"text": line_of(answer)})


def line_of(answer: StatusLine) -> str:
    """``opus 5.5 · $0.42 · 61k tokens · context 25k · 5h 34 %, resets in 2 h 03 m``."""
    if not answer.requests:
        return f"Nexus: no request of session {one_line(answer.session, _SHOWN)} yet"
    tokens = answer.tokens
    whole = tokens.input_tokens + tokens.output_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens
    parts = [model(answer.model)] if answer.model else []
    parts += [_money(answer), f"{compact(whole)} tokens"]
    if answer.context_tokens is not None:
        parts.append(f"context {compact(answer.context_tokens)}")
    if answer.five_hour is not None and answer.five_hour.percent is not None:
        parts.append(_window(answer.five_hour, answer.five_hour.percent))
    return " · ".join(parts)


def _money(answer: StatusLine) -> str:
    if answer.cost_usd is None:
        return "unpriced" if answer.unpriced_tokens else "cost not known"
    mark = ">" if answer.unpriced_tokens or answer.unrecorded else "~" if answer.estimated else ""
    whose = " API-equivalent" if answer.api_equivalent else ""
    return f"{mark}${answer.cost_usd.quantize(_CENT, ROUND_HALF_UP)}{whose}"


def _window(window: FiveHourItem, percent: float) -> str:
    about = "~" if window.source == "reckoned" else ""
    return f"5h {about}{percent:.0f} %, resets in {duration(window.resets_in_s * 1000)}"


def _five_hour(windows: AccountWindows | None, now: datetime) -> FiveHourItem | None:
    for window in windows.windows if windows else ():
        if window.name == FIVE_HOURS and window.state == "open":
            share = window.now.utilization
            return FiveHourItem(
                percent=None if share is None else round(100 * share, 1),
                resets_at=window.resets_at,
                resets_in_s=max(0, (window.resets_at - now) // _SECOND),
                source=window.now.source,
                how=window.now.how,
            )
    return None


def _tokens(line: BilledLine) -> int:
    return prompt_tokens(line.tokens) + line.tokens.output_tokens + line.estimated_output_tokens


def _counts(lines: Iterable[BilledLine]) -> TokenCounts:
    counts = [line.tokens for line in lines]
    return TokenCounts(
        input_tokens=sum(each.input_tokens for each in counts),
        output_tokens=sum(each.output_tokens for each in counts),
        cache_read_tokens=sum(each.cache_read_tokens for each in counts),
        cache_write_tokens=sum(each.cache_write_5m_tokens + each.cache_write_1h_tokens for each in counts),
    )
