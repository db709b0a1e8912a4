"""How is a list ordered? The plain way: measure every row, leave out those that have no measure, sort."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from domain.ranking import ConversationMeasure, RequestMeasure, Sort
from schemas.read_api import ConversationItem, RequestItem

Value = datetime | Decimal | float | None
Row = TypeVar("Row")
OF_REQUESTS: Mapping[RequestMeasure, Callable[[RequestItem], Value]] = {
    "received_at": lambda item: item.received_at,
    "prompt_tokens": lambda item: _sum(
        item.input_tokens, item.cache_read_tokens, item.cache_write_5m_tokens, item.cache_write_1h_tokens
    ),
    "output_tokens": lambda item: item.output_tokens,
    "cost_usd": lambda item: item.cost_usd,
    "time_to_first_byte_ms": lambda item: item.time_to_first_byte_ms,
    "duration_ms": lambda item: item.duration_ms,
}
OF_CONVERSATIONS: Mapping[ConversationMeasure, Callable[[ConversationItem], Value]] = {
    "last_at": lambda item: item.last_at,
    "started_at": lambda item: item.started_at,
    "requests": lambda item: item.requests - item.open_requests,
    "failures": lambda item: item.failures,
    "tokens": lambda item: _sum(item.input_tokens, item.output_tokens, item.cache_read_tokens, item.cache_write_tokens),
    "cost_usd": lambda item: item.cost_usd,
}


def sorted_requests(items: Iterable[RequestItem], sort: Sort[RequestMeasure]) -> list[RequestItem]:
    return _ordered(items, OF_REQUESTS[sort.by], lambda item: item.request_id, ascending=sort.ascending)


def sorted_conversations(items: Iterable[ConversationItem], sort: Sort[ConversationMeasure]) -> list[ConversationItem]:
    return _ordered(items, OF_CONVERSATIONS[sort.by], lambda item: item.conversation_id, ascending=sort.ascending)


def _ordered(
    items: Iterable[Row], measure: Callable[[Row], Value], row_id: Callable[[Row], UUID], *, ascending: bool
) -> list[Row]:
    measured = [(value, row_id(item), item) for item in items if (value := measure(item)) is not None]
    return [item for *_, item in sorted(measured, key=lambda one: one[:2], reverse=not ascending)]


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
