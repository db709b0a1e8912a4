"""How does a conversation stand, now and at a moment, with its branches and what they cost? Put together; pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from dashboard.agent_figures import with_reports
from dashboard.as_of import (
    Standing,
    by_branch,
    conversation_as_of,
    costs_as_of,
    has_ended,
    moments_of,
    nodes_as_of,
    status_of,
    stream_as_of,
)
from dashboard.compactions import compactions_of
from dashboard.costs import found_of, priced_attempts, priced_branches, retried
from dashboard.recordings import Stream
from dashboard.told import Sayings
from dashboard.trees import branches_of
from domain.usage_sums import CostRow
from schemas.read_api import ConversationItem, ConversationTree, TreeNode


def standing_now(
    item: ConversationItem,
    nodes: Sequence[TreeNode],
    used: tuple[Iterable[CostRow], Iterable[CostRow]],
    reports: Mapping[UUID, int],
    said: Sayings,
) -> Standing:
    """``used``: by each branch, and by the exchanges that were tried again; ``reports``: what agents say they used."""
    of_branches, of_attempts = used
    priced = priced_attempts(nodes, found_of(of_attempts, said))
    branches = with_reports(priced_branches(branches_of(nodes), found_of(of_branches, said)), priced, reports)
    compactions = compactions_of(priced)
    tree = ConversationTree(conversation=item, branches=branches, compactions=compactions, nodes=priced)
    return Standing(tree, moments_of(nodes), nodes)


def begun(nodes: Iterable[TreeNode], moment: datetime) -> list[UUID]:
    """Those that had begun by then: what they used is asked for."""
    return [node.request_id for node in nodes if node.received_at <= moment]


def open_then(nodes: Iterable[TreeNode], moment: datetime) -> list[UUID]:
    """Those of them that had not ended: their streams say how far they had come."""
    return [node.request_id for node in nodes if node.received_at <= moment and not has_ended(node, moment)]


def standing_then(
    item: ConversationItem,
    nodes: Sequence[TreeNode],
    moment: datetime,
    told: tuple[Iterable[CostRow], Iterable[Stream]],
    said: Sayings,
) -> Standing:
    """``told``: what those used that had begun, and the streams of those that were open."""
    rows, streams = told
    cut = [stood for stream in streams if (stood := stream_as_of(stream, moment))]
    then = nodes_as_of(nodes, moment, {stream.events[0].originator_id: status_of(stream) for stream in cut})
    used, again = costs_as_of(rows, then), set(retried(then))
    then = priced_attempts(then, found_of([row for row in used if row.id in again], said))
    found = found_of(by_branch(used, then), said)
    tree = ConversationTree(
        conversation=conversation_as_of(item, then, found),
        branches=priced_branches(branches_of(then), found),
        compactions=compactions_of(then),
        nodes=then,
    )
    return Standing(tree, moments_of(nodes), nodes)
