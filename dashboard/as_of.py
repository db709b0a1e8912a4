"""How did a conversation stand at a moment? Folded from what happened up to then; pure.

What came later is not there, an exchange that ended later is open, and of its answer there is what had come. Which
exchange goes on from which is as it is known today.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from dashboard.costs import sum_of
from dashboard.recordings import Stream
from dashboard.trees import tokens_of
from domain.billing import BilledLine
from domain.costs import CostSum, together
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from schemas.read_api import ConversationItem, ConversationTree, RequestItem, TreeNode
from schemas.stored.events import ChunkStreamed, ExchangeEvent

_AFTER_ITS_END = (
    "completed_at", "error_type", "stop_reason", "input_tokens", "output_tokens", "cache_read_tokens", "duration_ms",
    "cost_usd",
)  # fmt: skip
_OF_NODES = ("cache_write_tokens",)
_OF_ITEMS = ("cache_write_5m_tokens", "cache_write_1h_tokens", "error_message")
_OPEN = {"outcome": "open", "unrecorded": False}
_LINES = frozenset({"root", "branches", "forks"})


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation as it stood at a moment, and all moments that it can be asked for as of."""

    tree: ConversationTree
    moments: Sequence[datetime]
    nodes: Sequence[TreeNode] = ()
    """All exchanges as they were read: what ``dashboard/past.py`` tells other moments from."""


def nodes_as_of(nodes: Iterable[TreeNode], moment: datetime, statuses: Mapping[UUID, int | None]) -> list[TreeNode]:
    """``statuses``: of the exchanges that were open then; none where no answer had begun."""
    return [
        node if has_ended(node, moment) else _open_node(node, statuses.get(node.request_id))
        for node in nodes
        if node.received_at <= moment
    ]


def has_ended(one: TreeNode | RequestItem, moment: datetime) -> bool:
    return one.completed_at is not None and one.completed_at <= moment


def _open_node(node: TreeNode, status: int | None) -> TreeNode:
    gone = dict.fromkeys((*_AFTER_ITS_END, *_OF_NODES))
    return node.model_copy(update={**gone, **_OPEN, "status": status})


def item_as_of(item: RequestItem, moment: datetime, stream: Stream) -> RequestItem:
    """``stream``: as of the same moment."""
    if has_ended(item, moment):
        return item
    gone = dict.fromkeys((*_AFTER_ITS_END, *_OF_ITEMS))
    began = item.time_to_first_byte_ms if stream.runs else None
    update = {**gone, **_OPEN, "detail": "", "status": status_of(stream), "time_to_first_byte_ms": began}
    return item.model_copy(update=update)


def status_of(stream: Stream) -> int | None:
    return stream.started.status if stream.started else None


def stream_as_of(stream: Stream, moment: datetime) -> Stream | None:
    """None: nothing of it had happened. Of a run of chunks there are those that had come."""
    received = stream.received
    began = received.timestamp if received is not None else stream.events[0].timestamp
    kept = list[ExchangeEvent]()
    for event in stream.events:
        if isinstance(event, ChunkStreamed):
            came = [at for at in event.arrivals_us if began + timedelta(microseconds=at) <= moment]
            if came:
                lengths = event.lengths[: len(came)]
                kept.append(event.model_copy(update={"lengths": lengths, "arrivals_us": tuple(came)}))
        elif event.timestamp <= moment:
            kept.append(event)
    return Stream(kept) if kept else None


def conversation_as_of(
    item: ConversationItem, nodes: Sequence[TreeNode], found: Mapping[UUID, CostSum]
) -> ConversationItem:
    """``nodes``: as of then; ``found``: what each branch cost up to then."""
    tokens = tokens_of(nodes)
    return item.model_copy(
        update={
            "session_ids": _in_order(node.session_id for node in nodes),
            "last_at": nodes[-1].received_at if nodes else item.started_at,
            "open_requests": sum(node.outcome == "open" for node in nodes),
            "requests": len(nodes),
            "branches": sum(node.edge in _LINES for node in nodes),
            "subtasks": sum(node.edge == "spawned" for node in nodes),
            "failures": sum(_failed(node) for node in nodes),
            "models": _in_order(node.model for node in nodes),
            "input_tokens": tokens.input_tokens,
            "output_tokens": tokens.output_tokens,
            "cache_read_tokens": tokens.cache_read_tokens,
            "cache_write_tokens": tokens.cache_write_tokens,
            **sum_of(together(found.values())),
        }
    )


def costs_as_of(rows: Iterable[CostRow], nodes: Iterable[TreeNode]) -> list[CostRow]:
    """``rows``: of requests, as known today; ``nodes``: as of then. Nothing is known to be used by what is open."""
    is_open = {node.request_id for node in nodes if node.outcome == "open"}
    return [replace(row, line=_nothing(row.line), unrecorded=0) if row.id in is_open else row for row in rows]


def by_branch(rows: Iterable[CostRow], nodes: Iterable[TreeNode]) -> list[CostRow]:
    """What requests cost, as what their branches cost."""
    branch_of = {node.request_id: node.branch_id for node in nodes}
    return [replace(row, id=branch_of[row.id]) for row in rows]


def _nothing(line: BilledLine) -> BilledLine:
    return replace(line, tokens=TokenCounts(), estimated_output_tokens=0, web_searches=0)


def moments_of(nodes: Iterable[TreeNode]) -> list[datetime]:
    """When something happened: a request came, or an answer ended. In order, each once."""
    return sorted({at for node in nodes for at in (node.received_at, node.completed_at) if at is not None})


def neighbours(moments: Sequence[datetime], moment: datetime) -> tuple[datetime | None, datetime | None]:
    """The moment before and the one after, where there are any."""
    behind, ahead = bisect_left(moments, moment), bisect_right(moments, moment)
    return (moments[behind - 1] if behind else None), (moments[ahead] if ahead < len(moments) else None)


def _failed(node: TreeNode) -> bool:
    failed = node.status is not None and node.status >= 400
    return node.outcome not in {"open", "completed"} or failed or node.error_type is not None


def _in_order(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value is not None))
