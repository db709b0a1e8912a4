"""Which bars does the timeline show? The exchanges of a conversation, a lane for each line of talk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard import formatting as fmt
from dashboard.figures import CLASSES, Bar
from dashboard.states import State
from dashboard.views.tree_rows import Row
from schemas.read_api import ConversationTree, TreeNode

MOST_NAMED = 24
"""Lines of talk that have a lane and a name each."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """A timeline's content."""

    names: tuple[str, ...]
    bars: tuple[Bar, ...]


def lanes_of(tree: ConversationTree, rows: Mapping[str, Row], now: datetime) -> Lanes:
    """``rows``: of the tree, by id. Each line of talk has a lane, in order; very many share the tree's lanes."""
    if len(tree.branches) > MOST_NAMED:
        names = ["main", *[""] * max((row.lane for row in rows.values()), default=0)]
        return Lanes(tuple(names), tuple(_bar(node, row.lane, row, now) for node, row in _paired(tree, rows)))
    places = {branch.branch_id: place for place, branch in enumerate(tree.branches)}
    return Lanes(
        names=tuple(branch.name for branch in tree.branches),
        bars=tuple(_bar(node, places.get(node.branch_id, 0), row, now) for node, row in _paired(tree, rows)),
    )


def _paired(tree: ConversationTree, rows: Mapping[str, Row]) -> Iterator[tuple[TreeNode, Row]]:
    return ((node, rows[name]) for node in tree.nodes if (name := str(node.request_id)) in rows)


def _bar(node: TreeNode, lane: int, row: Row, now: datetime) -> Bar:
    end = node.completed_at or now
    return Bar(
        request_id=str(node.request_id),
        lane=lane,
        start=node.received_at,
        end=max(end, node.received_at),
        tint=_tint(node, row.state),
        label=f"{row.tag}: {row.label}" if row.tag else row.label,
        said=_said(node, row.state),
    )


def _tint(node: TreeNode, state: State) -> str:
    if state in {"running", "failed"}:
        return state
    return node.request_class if node.request_class in CLASSES else "auxiliary"


def _said(node: TreeNode, state: State) -> str:
    lasted = "running" if state == "running" else fmt.duration(node.duration_ms)
    output = "" if node.output_tokens is None else f"{fmt.compact(node.output_tokens)} tokens out"
    return " · ".join(filter(None, (fmt.model(node.model) if node.model else "", lasted, output)))
