"""On what does the time of a conversation go? The model, tools, people, and waiting, on each line of talk; pure.

Between two exchanges of a line stands a pause. What it was spent on is read off its ends: an answer that calls tools is
followed by the tools, and as long as sub-agents work that it called, by waiting for them; another attempt is waited
for; a prompt is typed by a person. What runs side by side counts on each of its lines. Of the time before a line's
first exchange and behind its last one nobody knows what it was spent on.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from dashboard.talk import typed
from schemas.read_api import TreeNode

Spent = Literal["tools", "person", "waiting"]
Stretch = tuple[datetime, datetime]
_NEVER = datetime.max.replace(tzinfo=UTC)


class Pause(msgspec.Struct, frozen=True, gc=False):
    """A time in which a line of talk did not ask the model."""

    request_id: UUID
    """The exchange that ended it."""
    start: datetime
    end: datetime
    spent: Spent


@dataclass(frozen=True, slots=True)
class TimeSums:
    """Times of several lines, added up."""

    model: timedelta = timedelta(0)
    tools: timedelta = timedelta(0)
    person: timedelta = timedelta(0)
    waiting: timedelta = timedelta(0)


def pauses_of(nodes: Sequence[TreeNode]) -> list[Pause]:
    """``nodes``: of a conversation, in the order they were received; the pauses in the order of what ended them."""
    working = _working(nodes)
    newest: dict[int, TreeNode] = {}
    found = list[Pause]()
    for node in nodes:
        if node.edge == "aside":
            continue
        branch = node.branch_id.int
        before = newest.get(branch)
        newest[branch] = node
        if before is not None and before.completed_at is not None and before.completed_at < node.received_at:
            found += _between(before, node, (before.completed_at, node.received_at), working)
    return found


def sums_of(nodes: Iterable[TreeNode], pauses: Iterable[Pause], now: datetime) -> TimeSums:
    """``now``: until when an open exchange has run."""
    spent = defaultdict[str, timedelta](timedelta)
    for pause in pauses:
        spent[pause.spent] += pause.end - pause.start
    for node in nodes:
        spent["model"] += max((node.completed_at or now) - node.received_at, timedelta(0))
    return TimeSums(**spent)


def _between(
    before: TreeNode, node: TreeNode, pause: Stretch, working: Mapping[int, Sequence[Stretch]]
) -> Iterator[Pause]:
    spent = _spent(before, node)
    if spent != "tools":
        yield Pause(node.request_id, *pause, spent)
        return
    at, end = pause
    for start, behind in working.get(before.request_id.int, ()):
        start, behind = max(start, at), min(behind, end)
        if start >= behind:
            continue
        if at < start:
            yield Pause(node.request_id, at, start, "tools")
        yield Pause(node.request_id, start, behind, "waiting")
        at = behind
    if at < end:
        yield Pause(node.request_id, at, end, "tools")


def _spent(before: TreeNode, node: TreeNode) -> Spent:
    if node.edge == "retries":
        return "waiting"
    if before.stop_reason == "tool_use" and node.edge != "interrupted":
        return "tools"
    return "waiting" if typed(node) is None else "person"


def _working(nodes: Sequence[TreeNode]) -> Mapping[int, list[Stretch]]:
    """When sub-agents worked, by the exchange that called them; the first one first.

    Ids are asked for as numbers: a talk of thousands of exchanges would spend its time on hashing them.
    """
    callers: dict[int, int] = {}
    stretches: dict[int, Stretch] = {}
    for node in nodes:
        branch = node.branch_id.int
        if node.edge == "spawned" and node.parent_request_id is not None:
            callers[branch] = node.parent_request_id.int
        if branch in callers:
            start, end = stretches.get(branch, (node.received_at, node.received_at))
            stretches[branch] = start, max(end, node.completed_at or _NEVER)
    found: dict[int, list[Stretch]] = defaultdict(list)
    for branch, caller in callers.items():
        found[caller].append(stretches[branch])
    return found
