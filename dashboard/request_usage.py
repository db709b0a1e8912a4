"""What did one exchange use, and how does its cost come about? Its own answer, with prices put to it; pure.

Its lines are read from the answer as it was recorded. Where that is erased, or was never kept, the read model still
knows what was counted when it came.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from dashboard.details import RequestDetails
from dashboard.streams import stream_item
from dashboard.told import Sayings
from domain.billing import (
    CHARS_PER_TOKEN,
    BilledLine,
    billed_lines_of,
    delivered_chars,
    is_token_count,
    unknown_members,
    unpriced_tools,
)
from domain.costs import CostSum, summed, together
from domain.prices import PriceBook
from domain.secrets_in_text import hide, hide_in
from domain.usage import Iteration, TokenCounts, Usage, read_usage
from domain.usage_sums import Attempt
from schemas.usage_api import AttemptItem, LineItem, RequestUsage, StepItem, TermItem, UsageTokens

_OPEN = "open"
_UNBILLED = "unbilled"
_ERROR = 400
"""The first status that is an error."""


def request_usage_of(details: RequestDetails, attempts: Sequence[Attempt], said: Sayings) -> RequestUsage:
    """``attempts``: of its turn; where it is not among them (not linked yet), it is the only one."""
    reported = {hide(name): hide_in(value) for name, value in details.answer.message.usage.items()}
    usage = read_usage(reported)
    counted = next((one for one in attempts if one.request_id == details.request_id), None)
    own = _own_attempt(details, counted)
    tries = [own if one is counted else one for one in attempts] if counted else [own]
    found = {one.request_id: _found(one, said.book) for one in tries}
    lines = [line for line in own.lines if line.kind != _UNBILLED]
    return RequestUsage(
        request_id=details.request_id,
        reported=dict(reported),
        unknown=list(unknown_members(usage)),
        service_tier=usage.service_tier,
        thinking_tokens=usage.thinking_tokens,
        server_tools=dict(usage.server_tools),
        unpriced_tools=dict(unpriced_tools(usage)),
        iterations=[_step(step) for step in usage.iterations],
        lines=[_line(line, _day(own.received_at), said.book) for line in lines],
        unbilled="" if lines or own.outcome == _OPEN else _unbilled(details, own),
        cost_usd=found[own.request_id].cost,
        unrecorded=own.unrecorded,
        estimated=_is_estimated(lines),
        estimate=_estimate(details, usage) if _is_estimated(lines) else "",
        api_equivalent=_is_subscription(details, said),
        attempts=[_attempt(one, found[one.request_id]) for one in tries],
        turn_cost_usd=together(found.values()).cost,
        stream=stream_item(details),
    )


def _own_attempt(details: RequestDetails, counted: Attempt | None) -> Attempt:
    """As its own record tells it; what the record no longer tells is taken from what was counted."""
    asked = details.sent.settings.get("model")
    lines = billed_lines_of(
        details.answer.message,
        asked_model=asked if isinstance(asked, str) else "",
        path=details.received.target if details.received else "",
    )
    return Attempt(
        request_id=details.request_id,
        received_at=_received_at(details),
        outcome=details.outcome,
        status=details.started.status if details.started else None,
        lines=lines or (counted.lines if counted else ()),
        unrecorded=counted is not None and counted.unrecorded,
    )


def _received_at(details: RequestDetails) -> datetime:
    """Of an exchange whose request was not recorded, when something of it was."""
    if details.received is not None:
        return details.received.timestamp
    return min(event.timestamp for event in (*details.gaps, details.started, details.ended) if event is not None)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _found(attempt: Attempt, book: PriceBook) -> CostSum:
    """What its lines amount to. While it is open, nothing is known of its cost."""
    if attempt.outcome == _OPEN:
        return CostSum()
    found = (book.price_of(line, _day(attempt.received_at)) for line in attempt.lines)
    return summed(found, int(attempt.unrecorded))


def _attempt(attempt: Attempt, found: CostSum) -> AttemptItem:
    return AttemptItem(
        request_id=attempt.request_id,
        received_at=attempt.received_at,
        outcome=attempt.outcome,
        status=attempt.status,
        tokens=_sum(attempt.lines),
        cost_usd=found.cost,
        unrecorded=attempt.unrecorded,
        estimated=_is_estimated(attempt.lines),
    )


def _line(line: BilledLine, day: date, book: PriceBook) -> LineItem:
    priced = book.price_of(line, day)
    return LineItem(
        kind=hide(line.kind),
        model=hide(line.tariff.model),
        service_tier=hide(line.tariff.service_tier),
        speed=hide(line.tariff.speed),
        inference_geo=hide(line.tariff.inference_geo),
        long_context=line.tariff.long_context,
        tokens=_tokens(line.tokens, line.estimated_output_tokens),
        web_searches=line.web_searches,
        terms=[
            TermItem(
                kind=term.kind,
                count=term.count,
                per_million=term.per_million,
                factor=term.factor,
                amount=term.amount,
            )
            for term in priced.terms
        ],
        amount=priced.amount,
        pattern=priced.price.pattern if priced.price else "",
        effective_from=priced.price.effective_from if priced.price else None,
        source=priced.price.source if priced.price else "",
        reason=hide(priced.reason),
    )


def _step(step: Iteration) -> StepItem:
    return StepItem(kind=step.kind, model=step.model, tokens=_tokens(step.tokens))


def _tokens(tokens: TokenCounts, estimated: int = 0) -> UsageTokens:
    return UsageTokens(
        input=tokens.input_tokens,
        output=tokens.output_tokens,
        estimated_output=estimated,
        cache_read=tokens.cache_read_tokens,
        cache_write_5m=tokens.cache_write_5m_tokens,
        cache_write_1h=tokens.cache_write_1h_tokens,
    )


def _sum(lines: Iterable[BilledLine]) -> UsageTokens:
    kept = [_tokens(line.tokens, line.estimated_output_tokens) for line in lines]
    return UsageTokens(
        input=sum(each.input for each in kept),
        output=sum(each.output for each in kept),
        estimated_output=sum(each.estimated_output for each in kept),
        cache_read=sum(each.cache_read for each in kept),
        cache_write_5m=sum(each.cache_write_5m for each in kept),
        cache_write_1h=sum(each.cache_write_1h for each in kept),
    )


def _is_estimated(lines: Iterable[BilledLine]) -> bool:
    return any(line.estimated_output_tokens for line in lines)


def _estimate(details: RequestDetails, usage: Usage) -> str:
    chars = delivered_chars(details.answer.message.blocks)
    if not chars:
        return "The last count never came; it was reckoned from the text that was delivered, when it came."
    return (
        f"The last count never came. {chars:,} characters were delivered, at {CHARS_PER_TOKEN} a token: "
        f"{-(-chars // CHARS_PER_TOKEN):,}, less {usage.tokens.output_tokens:,} that had been counted."
    )


def _unbilled(details: RequestDetails, own: Attempt) -> str:
    """Why there is no line."""
    if own.unrecorded:
        return "A part of its answer could not be recorded, and with it what it used: its cost is not known."
    message, status = details.answer.message, details.started.status if details.started else None
    if details.received is not None and is_token_count(details.received.target):
        return "Counting tokens is free."
    if status is None:
        return "No answer came, so nothing was billed."
    if status >= _ERROR or message.kind == "error":
        return "An error is not billed."
    if details.answer.body.kept in {"not_kept", "erased"}:
        return "Nothing of its answer is kept, so nothing of it is counted."
    if message.kind == "message" and message.stop_reason == "refusal":
        return "It was refused before any output, which is not billed."
    return "Its answer tells of no use, so nothing of it is counted."


def _is_subscription(details: RequestDetails, said: Sayings) -> bool:
    received = details.received
    return received is not None and said.plans.get(received.account or received.scope) == "subscription"
