"""With what may something be compared? What stands near it in its conversation, and other ones; a link for each.

The earlier one stands on the left, whichever of the two somebody began with.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from dashboard.comparing import Of
from dashboard.data import ConversationFilter, DataStore
from schemas.read_api import BranchItem, ConversationItem, ConversationTree, RequestItem, TreeNode

CONVERSATIONS, NEAR = 12, 8
PATH = "/compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing to compare with."""

    link: str
    label: str
    what: str
    """How it is related; empty: nothing is to be said."""
    at: datetime
    request_id: UUID


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of one kind."""

    title: str
    listed: tuple[Choice, ...]


async def choices(store: DataStore, one: UUID | None, words: str) -> tuple[Choices, ...]:
    """For the other side of ``one``; None: for the first side. ``words``: of a conversation's title; empty: any."""
    item = await store.request(one) if one else None
    tree = await store.tree(one) if one and item and item.conversation_id else None
    found = await store.conversations(ConversationFilter(title=words or None), limit=CONVERSATIONS)
    groups = (
        Choices("Requests near it", tuple(_near(tree, item)) if tree and item else ()),
        Choices("Branches and sub-tasks of its conversation", tuple(_branches(tree, item)) if tree and item else ()),
        Choices("Conversations" if item is None else "Other conversations", tuple(_others(found.items, tree, item))),
    )
    return tuple(group for group in groups if group.listed)


def link_to(one: UUID, other: UUID | None, of: Of | None) -> str:
    """The address that compares them."""
    given = {"a": one, "b": other, "of": of}
    return f"{PATH}?{urlencode({name: value for name, value in given.items() if value is not None})}"


def _near(tree: ConversationTree, item: RequestItem) -> Iterator[Choice]:
    nodes = {node.request_id: node for node in tree.nodes}
    related = [
        *(("before it", nodes[one]) for one in _before(nodes, item)),
        *(("another attempt", node) for node in tree.nodes if _is_attempt(node, item)),
        *(("goes on from the same place", node) for node in tree.nodes if _is_sibling(node, item)),
        *(("behind it", node) for node in tree.nodes if _follows(node, item)),
    ]
    for what, node in related[:NEAR]:
        pair = _in_order((node.received_at, node.request_id), (item.received_at, item.request_id))
        yield Choice(
            link=link_to(*pair, "requests"),
            label=node.prompt or "(tool results)",
            what=what,
            at=node.received_at,
            request_id=node.request_id,
        )


def _before(nodes: Iterable[UUID], item: RequestItem) -> list[UUID]:
    parent = item.parent_request_id
    return [parent] if parent is not None and parent in nodes and item.edge != "retries" else []


def _is_attempt(node: TreeNode, item: RequestItem) -> bool:
    """A retry's parent is the first attempt."""
    first = item.parent_request_id if item.edge == "retries" else item.request_id
    of_turn = node.request_id == first or (node.edge == "retries" and node.parent_request_id == first)
    return of_turn and node.request_id != item.request_id


def _is_sibling(node: TreeNode, item: RequestItem) -> bool:
    others = node.parent_request_id == item.parent_request_id is not None and node.request_id != item.request_id
    return others and item.edge != "retries" and node.edge not in {"retries", "spawned", "aside"}


def _follows(node: TreeNode, item: RequestItem) -> bool:
    return node.parent_request_id == item.request_id and node.edge not in {"retries", "spawned", "aside"}


def _branches(tree: ConversationTree, item: RequestItem) -> Iterator[Choice]:
    """The one that its own left first; sub-tasks last."""
    own = next((one for one in tree.branches if one.branch_id == item.branch_id), None)
    others = [one for one in tree.branches if own is not None and one.branch_id != own.branch_id]
    ranked = sorted(others, key=lambda one: (own is not None and one.branch_id != own.parent_branch_id, one.subtask))
    for one in ranked[:NEAR]:
        if own is not None:
            yield _branch(own, one)


def _branch(own: BranchItem, other: BranchItem) -> Choice:
    pair = _in_order((other.first_at, other.first_request_id), (own.first_at, own.first_request_id))
    what = "it left this one" if other.branch_id == own.parent_branch_id else other.kind
    return Choice(
        link=link_to(*pair, "branches"),
        label=other.name,
        what="sub-task" if what == "subtask" else what,
        at=other.first_at,
        request_id=other.first_request_id,
    )


def _others(
    found: Sequence[ConversationItem], tree: ConversationTree | None, item: RequestItem | None
) -> Iterator[Choice]:
    """Without the one that the first side stands in."""
    own = tree.conversation.conversation_id if tree else None
    for one in found:
        if one.conversation_id == own:
            continue
        pair: tuple[UUID, UUID | None] = (one.conversation_id, None)
        if item is not None:
            began = tree.conversation.started_at if tree else item.received_at
            pair = _in_order((one.started_at, one.conversation_id), (began, item.branch_id or item.request_id))
        yield Choice(
            link=link_to(*pair, "branches"),
            label=one.title,
            what=one.project or one.client_domain,
            at=one.started_at,
            request_id=one.conversation_id,
        )


def _in_order(one: tuple[datetime, UUID], other: tuple[datetime, UUID]) -> tuple[UUID, UUID]:
    first, second = sorted((one, other))
    return first[1], second[1]
