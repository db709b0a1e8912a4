"""How does usage read on a page? An answer of the read API in, the bars of the chart and the rows of the tables out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from dashboard.formatting import compact, model, money, one_line, plural, short_id
from dashboard.usage import By
from dashboard.usage_figures import KINDS, OTHER, SERIES, Bars, Part, Stack
from dashboard.views.usage_ranges import Span, bucket_end
from schemas.usage_api import UsageAnswer, UsageFigures, UsageItem

Measure = Literal["cost", "tokens", "requests"]
MEASURES: tuple[Measure, ...] = ("cost", "tokens", "requests")
BY_NAMES: Mapping[By, str] = MappingProxyType(
    {
        "model": "Model",
        "project": "Project",
        "user": "User",
        "account": "Account",
        "class": "Class",
        "agent_type": "Agent type",
        "subtask": "Sub-task",
        "client_domain": "Client domain",
    }
)
KIND_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "kind-read": "cache read",
        "kind-write": "cache write, 5 minutes",
        "kind-hour": "cache write, 1 hour",
        "kind-input": "other input",
        "kind-output": "output",
    }
)
LABEL_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    item: UsageItem
    label: str
    whole: str
    """The label at its full length."""
    tint: str
    share: float | None
    """Of the cost of all; None: there is none."""
    hit_rate: float | None
    """Tokens read from the cache, of all that were sent; None: none were."""
    narrower: Mapping[str, str] | None
    """The filter that it is; None: what it is the sum of has no name."""

    @property
    def depth(self) -> int:
        """Of a sub-task below its main thread."""
        return self.item.subtask.depth if self.item.subtask else 0

    @property
    def change(self) -> Decimal | None:
        """What it would have cost more."""
        supposed, cost = self.item.what_if_cost_usd, self.item.cost_usd
        return None if supposed is None or cost is None else supposed - cost


def rows_of(
    answer: UsageAnswer, by: By, tints: Mapping[str, str], titles: Mapping[str, str] = MappingProxyType({})
) -> list[Row]:
    """In the order of the answer; the rest beyond the limit last. ``titles``: of conversations, as far as they are
    known: a main thread is called by its conversation's."""
    rows = [_titled(_row(item, answer.total, by, tints), titles) for item in answer.items]
    others = [_row(item, answer.total, None, tints) for item in answer.other]
    return rows + others


def total_row(answer: UsageAnswer) -> Row:
    return _row(answer.total, answer.total, None, {})


def tints_of(answer: UsageAnswer, by: By) -> dict[str, str]:
    """Which colour a value has: what cost most in all has the first, then by requests; beyond the last is none."""
    costs, requests = dict[str, Decimal](), dict[str, int]()
    for item in answer.items:
        key = _key(item, by)
        costs[key] = costs.get(key, Decimal(0)) + (item.cost_usd or Decimal(0))
        requests[key] = requests.get(key, 0) + item.requests
    ranked = sorted(costs, key=lambda key: (-costs[key], -requests[key], key))
    return dict(zip(ranked, SERIES, strict=False))


def bars_of(answer: UsageAnswer, span: Span, by: By, measure: Measure, tints: Mapping[str, str]) -> Bars:
    """A bar for each bucket that holds something; tokens are told apart by their kind, money and requests by value."""
    stacks: dict[datetime | None, list[Part]] = {}
    for item in [*answer.items, *answer.other]:
        is_other = not item.group
        label = "other" if is_other else label_of(item, by)
        tint = OTHER if is_other else tints.get(_key(item, by), OTHER)
        parts = _kinds(item) if measure == "tokens" else [_part(item, tint, label, measure)]
        stacks.setdefault(item.bucket, []).extend(part for part in parts if part.amount > 0)
    order = [*SERIES, OTHER, *KINDS]
    return Bars(
        since=span.since,
        until=span.until,
        stacks=[
            Stack(start, bucket_end(start, span.bucket, span.zone), sorted(parts, key=lambda p: order.index(p.tint)))
            for item in _buckets(answer)
            if (start := item.bucket) is not None
            if (parts := stacks.get(start, []))
        ],
        measure=measure,
        brush=span.brush,
    )


def label_of(item: UsageItem, by: By) -> str:
    """What people call it; ``none`` for what says nothing of it."""
    value = item.group.get(by)
    if value is None:
        return "none"
    if by == "model":
        return model(item.label)
    if by == "class" and value == "subagent":
        return "sub-agent"
    if by == "subtask" and item.subtask and item.subtask.parent is None:
        return f"Main thread of conversation {short_id(item.subtask.conversation_id)}"
    return one_line(item.label, 200)


def filter_of(item: UsageItem, by: By) -> Mapping[str, str] | None:
    """How the address says it; None: it has no value."""
    value = item.group.get(by)
    if value is None:
        return None
    return {by: str(value)}


def conversation_label(item: UsageItem, titles: Mapping[str, str]) -> str:
    """Its title; else the end of its id."""
    value = item.group.get("conversation")
    if not isinstance(value, UUID):
        return "Not in a conversation"
    return titles.get(str(value)) or f"Conversation {short_id(value)}"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What one sub-task used, by itself and with all that it called."""

    label: str
    agent_type: str
    item: UsageItem
    whole: UsageFigures
    depth: int
    link: str | None

    @property
    def is_main(self) -> bool:
        """A conversation's main thread: what it used itself may not have been asked for."""
        return self.item.subtask is not None and self.item.subtask.parent is None


def task_rows(answer: UsageAnswer, titles: Mapping[str, str]) -> list[TaskRow]:
    """In the order of the answer: each tree stands together. ``titles``: of conversations, by id."""
    return [_task_row(item, titles) for item in answer.items]


def _task_row(item: UsageItem, titles: Mapping[str, str]) -> TaskRow:
    whole, task = item.with_descendants or item, item.subtask
    if task is None:
        return TaskRow("Not in a conversation", "", item, whole, 0, None)
    link = f"/conversations/{task.conversation_id}"
    if task.parent is None:
        label = titles.get(str(task.conversation_id)) or f"Conversation {short_id(task.conversation_id)}"
        return TaskRow(label, "", item, whole, 0, link)
    place = f"{link}?request={item.group['subtask']}"
    return TaskRow(task.name or "sub-agent", task.agent_type or "", item, whole, task.depth, place)


def notes_of(answer: UsageAnswer) -> Sequence[str]:
    """Why something has no price, each reason once."""
    return list(dict.fromkeys(answer.total.unpriced))


def _row(item: UsageItem, total: UsageItem, by: By | None, tints: Mapping[str, str]) -> Row:
    sent = item.tokens.cache_read + item.tokens.cache_write_5m + item.tokens.cache_write_1h + item.tokens.input
    whole = "other" if by is None else label_of(item, by)
    return Row(
        item=item,
        label=one_line(whole, LABEL_CHARS),
        whole=whole,
        tint=OTHER if by is None else tints.get(_key(item, by), OTHER),
        share=float(item.cost_usd / total.cost_usd) if item.cost_usd is not None and total.cost_usd else None,
        hit_rate=item.tokens.cache_read / sent if sent else None,
        narrower=None if by is None else filter_of(item, by),
    )


def _titled(row: Row, titles: Mapping[str, str]) -> Row:
    task = row.item.subtask
    title = titles.get(str(task.conversation_id)) if task is not None and task.parent is None else None
    return replace(row, label=one_line(title, LABEL_CHARS), whole=one_line(title, 200)) if title else row


def _part(item: UsageItem, tint: str, label: str, measure: Measure) -> Part:
    if measure == "cost":
        said = f"{_money(item)}, {plural(item.requests, 'request')}"
        return Part(tint, label, float(item.cost_usd or 0), said)
    return Part(tint, label, float(item.requests), f"{plural(item.requests, 'request')}, {_money(item)}")


def _money(item: UsageItem) -> str:
    lost = item.cost_usd is None and item.unrecorded and not item.unpriced_tokens
    return "cost not known" if lost else money(item.cost_usd)


def _kinds(item: UsageItem) -> list[Part]:
    tokens = item.tokens
    output = tokens.output + tokens.estimated_output
    counts = (tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h, tokens.input, output)
    return [
        Part(kind, KIND_NAMES[kind], float(count), f"{compact(count)} tokens")
        for kind, count in zip(KINDS, counts, strict=True)
    ]


def _buckets(answer: UsageAnswer) -> list[UsageItem]:
    """One item of each bucket, the oldest first."""
    firsts = {item.bucket: item for item in [*answer.items, *answer.other] if item.bucket is not None}
    return [firsts[bucket] for bucket in sorted(firsts)]


def _key(item: UsageItem, by: By) -> str:
    return str(item.group.get(by) or "")
