"""What do the exchanges of a line of talk add up to, by themselves and with the sub-agents they called? Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from dashboard.costs import Costs
from dashboard.states import state_of
from dashboard.talk import typed
from dashboard.trees import tokens_of
from domain.costs import together
from domain.tool_calls import edits_of
from domain.transcript import Turn
from domain.transcript_entries import Entry
from schemas.read_api import TokenCounts, TreeNode

_WRITERS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of some exchanges."""

    requests: int
    tokens: TokenCounts
    cost_usd: Decimal | None
    """None: nothing of it has a price, or it is not known."""
    unrecorded: int
    """Answers that could not be recorded whole: what they used is not, or not all, in the sums."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTotals:
    """Of a line of talk, or of a stretch of one."""

    own: Sums
    whole: Sums
    """With the sub-agents that were called from it, and those they called."""
    agents: int
    prompts: int
    """That somebody typed."""
    lasted_ms: float | None
    """From its first request to its last answer; None: it has none."""
    model_ms: float
    """Of that, how long answers were waited for, one after the other."""
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was done in some turns."""

    tools: Mapping[str, int]
    """Calls by tool, those called most first."""
    files: tuple[str, ...]
    """That were written or edited, in order."""
    failed: int
    """Calls whose result says that they failed."""


def agents_below(nodes: Sequence[TreeNode], line: Iterable[TreeNode]) -> list[TreeNode]:
    """Exchanges of the sub-agents that were called from ``line``, at any depth. ``nodes``: of the whole tree."""
    known = {node.request_id for node in line}
    branches = set[UUID]()
    found = list[TreeNode]()
    for node in nodes:
        called = node.edge == "spawned" and node.parent_request_id in known
        if node.request_id not in known and (called or node.branch_id in branches):
            branches.add(node.branch_id)
            known.add(node.request_id)
            found.append(node)
    return found


def totals_of(line: Sequence[TreeNode], below: Sequence[TreeNode], costs: Costs) -> LineTotals:
    """``below``: of sub-agents; ``costs``: of all of these."""
    ended = [node.completed_at for node in line if node.completed_at is not None]
    states = [state_of(node.outcome, node.status, node.error_type) for node in line]
    return LineTotals(
        own=_sums(line, costs),
        whole=_sums([*line, *below], costs),
        agents=sum(node.edge == "spawned" for node in below),
        prompts=sum(typed(node) is not None and node.edge != "retries" for node in line),
        lasted_ms=(max(ended) - line[0].received_at) / timedelta(milliseconds=1) if ended else None,
        model_ms=sum(node.duration_ms or 0.0 for node in line),
        failures=states.count("failed"),
    )


def work_of(turns: Iterable[Turn]) -> Work:
    calls = [entry for turn in turns for entry in turn.entries if entry.kind == "call"]
    tools = Counter(_name(call) for call in calls)
    return Work(
        tools=dict(sorted(tools.items(), key=lambda one: (-one[1], one[0]))),
        files=tuple(dict.fromkeys(path for call in calls for path in _written(call))),
        failed=sum(call.result is not None and call.result.get("is_error") is True for call in calls),
    )


def _sums(nodes: Sequence[TreeNode], costs: Costs) -> Sums:
    whole = together(costs[node.request_id] for node in nodes if node.request_id in costs)
    return Sums(requests=len(nodes), tokens=tokens_of(nodes), cost_usd=whole.cost, unrecorded=whole.unrecorded)


def _name(call: Entry) -> str:
    name = call.block.get("name")
    return name if isinstance(name, str) and name else "unknown"


def _written(call: Entry) -> list[str]:
    given = call.block.get("input")
    edits = edits_of(_name(call), given)
    if edits:
        return [edit.path for edit in edits]
    members = given if isinstance(given, dict) and _name(call) in _WRITERS else {}
    path = members.get("file_path") or members.get("notebook_path")
    return [path] if isinstance(path, str) else []
