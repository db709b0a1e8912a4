"""Where does each exchange of a conversation stand in its tree? Nodes in, rows and lanes out.

Theory of operation. A row is one exchange, in the order of their arrival: time runs downwards, what ran side by side
stands side by side, and a parent is always above its children. A lane is a column. A line of talk (a branch, or a
sub-task) keeps its lane as long as it goes on, and starts to the right of the line that it left, so that sub-tasks
are nested by their indentation. Nothing that is placed ever moves: the place of a node depends on the nodes before it
and on nothing after it, so a tree can grow for hours under the reader's eyes.

A lane is given to another line when its own one seems to be over: its newest answer ended a turn, or nothing came for
a while. If the line goes on after all, it goes on in a new lane: lines never share one at the same height. An edge
runs down the lane of its child, so the lane must be free from the parent's row on. Where the parent is far above, the
edge is only a stub and the reader jumps.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import msgspec

from schemas.read_api import TreeNode

REST_ROWS = 24
"""A line without a new node for so many rows gives its lane away."""
FAR_ROWS = 60
"""An edge that would be longer is drawn as a stub."""
TWIGS = frozenset({"aside"})
"""Edges of nodes that stand beside their line and are never gone on from."""
_GOES_ON = frozenset({None, "tool_use", "pause_turn", "max_tokens"})
"""Stop reasons after which the same line is expected to go on; None: the answer is not over."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A node's place."""

    request_id: UUID
    row: int
    lane: int
    twig: bool
    """It stands half a lane to the right of its line."""
    parent_row: int | None
    """None: no parent is above it."""
    parent_lane: int
    stub: bool
    """Its parent is too far above for a line."""
    opens: bool
    """The first node of its branch."""


@dataclass(slots=True)
class _Line:
    """What is known of a branch while it grows."""

    lane: int
    last_row: int
    resting: bool
    """Its newest answer ended a turn."""


class TreeLayout:
    """Places nodes one after the other; keep one for as long as the tree is shown."""

    def __init__(self) -> None:
        self._placed: dict[UUID, Placed] = {}
        self._lines: dict[UUID, _Line] = {}
        self._owners: list[UUID] = []
        """Which branch each lane belongs to now."""

    @property
    def placed(self) -> tuple[Placed, ...]:
        """One after the other, the first above."""
        return tuple(self._placed.values())

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        return len(self._owners)

    def extend(self, nodes: Iterable[TreeNode]) -> list[Placed]:
        """Place the nodes that are not placed yet, which come behind all that are."""
        return [self._place(node) for node in nodes if node.request_id not in self._placed]

    def _place(self, node: TreeNode) -> Placed:
        row = len(self._placed)
        parent = self._placed.get(node.parent_request_id) if node.parent_request_id else None
        line = self._lines.get(node.branch_id)
        above = row if parent is None else parent.row
        start = max(above, row - 1) if row - above > FAR_ROWS else above
        if line is None or not self._still_owns(node.branch_id, line):
            lane = self._free_lane(row, start, 0 if parent is None else parent.lane + 1)
            self._own(lane, node.branch_id)
        else:
            lane = line.lane
        self._lines[node.branch_id] = _Line(lane, row, node.stop_reason not in _GOES_ON)
        placed = Placed(
            request_id=node.request_id,
            row=row,
            lane=lane,
            twig=node.edge in TWIGS,
            parent_row=None if parent is None else parent.row,
            parent_lane=lane if parent is None else parent.lane,
            stub=start > above,
            opens=line is None,
        )
        self._placed[node.request_id] = placed
        return placed

    def _still_owns(self, branch: UUID, line: _Line) -> bool:
        return self._owners[line.lane] == branch

    def _free_lane(self, row: int, start: int, leftmost: int) -> int:
        """The first lane from ``leftmost`` on that nobody needs from row ``start`` on; else a new one."""
        for lane in range(max(leftmost, 1), len(self._owners)):
            line = self._lines[self._owners[lane]]
            quiet = line.resting or row - line.last_row > REST_ROWS
            if quiet and line.last_row < start:
                return lane
        return len(self._owners)

    def _own(self, lane: int, branch: UUID) -> None:
        if lane == len(self._owners):
            self._owners.append(branch)
        else:
            self._owners[lane] = branch


def lay_out(nodes: Iterable[TreeNode]) -> TreeLayout:
    """A whole tree at once."""
    layout = TreeLayout()
    layout.extend(nodes)
    return layout
