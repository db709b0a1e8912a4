"""Rows as the read models give them, for tests of the screens: every member has a believable default."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from dashboard.compactions import compactions_of
from dashboard.trees import branches_of
from schemas.read_api import ConversationItem, ConversationTree, EvidenceItem, RequestItem, TreeNode
from schemas.stream_api import Spread, StreamGroup

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
STEP = timedelta(seconds=12)


def request_id(number: int) -> UUID:
    """A UUIDv7 that is easy to recognise."""
    return UUID(int=(0x0192F5A0 << 96) + (0x7000 << 64) + (0x8 << 60) + number)


def request_item(number: int = 1, **changes: object) -> RequestItem:
    received = START + number * STEP
    members: dict[str, object] = {
        "request_id": request_id(number),
        "received_at": received,
        "completed_at": received + timedelta(seconds=4),
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "client_domain": "localhost",
        "account": "0b7c",
        "key": None,
        "project": "nexus",
        "session_id": "6f1c2d3e-0000-4000-8000-000000000001",
        "agent_id": None,
        "request_class": "main",
        "edge": "continues" if number > 1 else "root",
        "confidence": 1.0,
        "evidence": [EvidenceItem(kind="history", detail="4 of 6 blocks are its request and our answer")],
        "parent_request_id": request_id(number - 1) if number > 1 else None,
        "conversation_id": request_id(1),
        "branch_id": request_id(1),
        "model": "claude-opus-4-5-20251101",
        "status": 200,
        "outcome": "completed",
        "attempts": 1,
        "input_tokens": 12,
        "output_tokens": 480,
        "cache_read_tokens": 48_000,
        "cache_write_5m_tokens": 1_200,
        "cache_write_1h_tokens": 0,
        "cost_usd": None,
        "time_to_first_byte_ms": 640.0,
        "duration_ms": 4_000.0,
        "upstream_request_id": "req_011CS",
        "position": number * 10,
        "stop_reason": "tool_use",
        "error_type": None,
        "error_message": None,
        "detail": "",
        "parsable": True,
        "missing_bytes": 0,
    }
    return RequestItem.model_validate(members | changes)


def tree_node(number: int = 1, parent: int | None = None, branch: int = 1, **changes: object) -> TreeNode:
    received = START + number * STEP
    members: dict[str, object] = {
        "request_id": request_id(number),
        "parent_request_id": None if parent is None else request_id(parent),
        "edge": "root" if parent is None else "continues",
        "request_class": "main",
        "branch_id": request_id(branch),
        "depth": 0,
        "agent_id": None,
        "agent_type": None,
        "task": None,
        "received_at": received,
        "completed_at": received + timedelta(seconds=4),
        "outcome": "completed",
        "status": 200,
        "model": "claude-opus-4-5-20251101",
        "stop_reason": "tool_use",
        "input_tokens": 12,
        "output_tokens": 480,
        "cache_read_tokens": 48_000,
        "cache_write_tokens": 1_200,
        "duration_ms": 4_000.0,
        "confidence": 1.0,
        "evidence": [],
    }
    return TreeNode.model_validate(members | changes)


def conversation_item(number: int = 1, **changes: object) -> ConversationItem:
    members: dict[str, object] = {
        "conversation_id": request_id(number),
        "title": f"Conversation {number}",
        "client_domain": "localhost",
        "account": "0b7c",
        "project": "nexus",
        "session_ids": ["6f1c2d3e-0000-4000-8000-000000000001"],
        "started_at": START,
        "last_at": START + number * STEP,
        "open_requests": 0,
        "requests": 12,
        "branches": 1,
        "subtasks": 0,
        "failures": 0,
        "models": ["claude-opus-4-5-20251101"],
        "input_tokens": 1_200,
        "output_tokens": 8_000,
        "cache_read_tokens": 480_000,
        "cache_write_tokens": 22_000,
    }
    return ConversationItem.model_validate(members | changes)


def conversation_tree(nodes: Sequence[TreeNode], **changes: object) -> ConversationTree:
    """Branches and compactions follow from the nodes."""
    branches = branches_of(nodes)
    item = conversation_item(1, **{"requests": len(nodes), "branches": len(branches), **changes})
    return ConversationTree(conversation=item, branches=branches, compactions=compactions_of(nodes), nodes=list(nodes))


@dataclass(frozen=True)
class _Step:
    """How a node of a random tree hangs on those before it."""

    kind: str
    back: int
    stop: str | None
    prompt: str | None
    outcome: str
    tokens: int | None


NEW_BRANCH = ("spawned", "branches", "forks")
_CLASS_OF = {"compacts": "compaction", "aside": "auxiliary", "spawned": "subagent"}
SAME_BRANCH = ("continues", "retries", "interrupted", "compacts", "resumes", "aside")
_STEPS = st.builds(
    _Step,
    kind=st.sampled_from((*SAME_BRANCH, "continues", "continues", "spawned", "spawned", "branches", "forks")),
    back=st.integers(0, 200),
    stop=st.sampled_from(("tool_use", "end_turn", "max_tokens", None)),
    prompt=st.sampled_from((None, None, "Mend it", "This session is being continued from a previous conversation")),
    outcome=st.sampled_from(("completed", "completed", "completed", "open", "client", "upstream")),
    tokens=st.none() | st.integers(0, 1000),
)


@st.composite
def node_trees(draw: st.DrawFn, max_size: int = 60) -> list[TreeNode]:
    """Trees of nodes in the order they were received: parents before children, every edge that is known."""
    nodes = [tree_node(1)]
    for number, step in enumerate(draw(st.lists(_STEPS, max_size=max_size)), 2):
        parent = nodes[-1 - step.back % len(nodes)]
        new_branch = step.kind in NEW_BRANCH
        nodes.append(
            tree_node(
                number,
                parent=parent.request_id.int & 0xFFFF,
                branch=number if new_branch else parent.branch_id.int & 0xFFFF,
                edge=step.kind,
                depth=parent.depth + (step.kind == "spawned"),
                request_class=_CLASS_OF.get(step.kind, parent.request_class),
                stop_reason=step.stop,
                prompt=step.prompt,
                outcome=step.outcome,
                completed_at=None if step.outcome == "open" else START + (number + 40 * bool(step.tokens)) * STEP,
                input_tokens=step.tokens,
                output_tokens=step.tokens,
            )
        )
    return nodes


def stream_group(name: str | None = None, **counts: int) -> StreamGroup:
    """Nothing stands out but what is given."""
    words = ("requests", "open", "abandoned", "cut", "failed", "unanswered", "stalled", "slow_start")
    none = Spread(p50_ms=None, p95_ms=None)
    return StreamGroup(
        name=name, time_to_first_byte=none, duration=none, **{word: counts.get(word, 0) for word in words}
    )
