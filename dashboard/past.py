"""How did a conversation stand at any moment, told again and again from what was read of it once? Pure.

A fold of the beginning of what happened (``dashboard/as_of.py``), at the cost of what differs: an exchange that had
ended by then is the very object that was read, and a branch that stands as at the last moment asked for is not put
together again. Exchanges are in the order in which they were received, so an earlier moment has the first ones, and a
branch its first ones too. It says what a fresh fold says (``dashboard/standings.py``).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from dashboard.as_of import conversation_as_of, costs_as_of, has_ended, moments_of, nodes_as_of, status_of, stream_as_of
from dashboard.compactions import compactions_of
from dashboard.costs import found_of, priced_attempts, priced_branches, retried
from dashboard.recordings import Stream
from dashboard.told import Sayings
from dashboard.trees import branch_of, counted, tokens_of
from domain.costs import CostSum
from domain.usage_sums import CostRow
from schemas.read_api import BranchItem, ConversationItem, ConversationTree, TokenCounts, TreeNode


@dataclass(frozen=True, slots=True)
class Asked:
    """Which costs and streams are asked for, to tell of a moment."""

    conversation: UUID
    moment: datetime
    open: tuple[UUID, ...]
    """Begun and not ended: their streams say how far they had come, and nothing is known of what they used."""
    alone: tuple[UUID, ...]
    """Attempts of turns that had been tried again: each tells what it cost."""


@dataclass(slots=True)
class _Line:
    """A branch: where its exchanges are, and what was told of it last."""

    branch_id: UUID
    number: int
    """It is the nth line of talk that is no sub-task."""
    rows: list[int] = field(default_factory=list)
    told: tuple[tuple[object, ...], BranchItem, TokenCounts] | None = None
    """How it stood, and what was told of it then. Set at once: a moment that took too long may still be told of."""


class Past:
    """A conversation as it was read; keep one for as long as it is looked at."""

    def __init__(self, item: ConversationItem, nodes: Sequence[TreeNode]) -> None:
        """``nodes``: all of them as they stand now, in the order they were received."""
        self.nodes = nodes
        self.moments: Sequence[datetime] = moments_of(nodes)
        self._item = item
        self._came = [node.received_at for node in nodes]
        self._row_of = {node.request_id: row for row, node in enumerate(nodes)}
        self._lines: dict[UUID, _Line] = {}
        own_lines = 0
        for row, node in enumerate(nodes):
            line = self._lines.get(node.branch_id)
            if line is None:
                own_lines += node.edge != "spawned"
                line = self._lines[node.branch_id] = _Line(node.branch_id, own_lines)
            line.rows.append(row)

    def asked(self, moment: datetime) -> Asked:
        """What is needed beside what was read."""
        begun = self._begun(moment)
        waiting = tuple(node.request_id for node in begun if not has_ended(node, moment))
        return Asked(self._item.conversation_id, moment, waiting, tuple(retried(begun)))

    def at(
        self, asked: Asked, used: tuple[Iterable[CostRow], Iterable[CostRow]], streams: Iterable[Stream], said: Sayings
    ) -> ConversationTree:
        """As it stood at the moment that was asked for.

        ``used``: by each branch, those that were open left out, and by each that was open or alone, as known today;
        ``streams``: of those that were open.
        """
        (by_branch, by_request), moment = used, asked.moment
        cut = [stood for stream in streams if (stood := stream_as_of(stream, moment))]
        statuses = {stream.events[0].originator_id: status_of(stream) for stream in cut}
        then = nodes_as_of(self._begun(moment), moment, statuses)
        alone = found_of(costs_as_of(by_request, [then[self._row_of[one]] for one in asked.open]), said)
        for one in asked.alone:
            row = self._row_of[one]
            then[row : row + 1] = priced_attempts(then[row : row + 1], alone)
        found = dict(found_of(by_branch, said))
        for one in asked.open:
            found.setdefault(self.nodes[self._row_of[one]].branch_id, CostSum()).take(alone.get(one, CostSum()))
        return ConversationTree(
            conversation=conversation_as_of(self._item, then, found),
            branches=priced_branches(self._branches(then, asked.open), found),
            compactions=compactions_of(then),
            nodes=then,
        )

    def _begun(self, moment: datetime) -> Sequence[TreeNode]:
        return self.nodes[: bisect_right(self._came, moment)]

    def _branches(self, then: Sequence[TreeNode], waiting: Iterable[UUID]) -> list[BranchItem]:
        open_on = dict[UUID, list[UUID]]()
        for one in waiting:
            open_on.setdefault(self.nodes[self._row_of[one]].branch_id, []).append(one)
        parents: dict[UUID, UUID | None] = {}
        told = list[tuple[BranchItem, TokenCounts]]()
        for line in self._lines.values():
            if line.rows[0] >= len(then):
                break
            parents[line.branch_id] = self._parent(then, line, parents)
            told.append(self._told(then, line, parents[line.branch_id], open_on.get(line.branch_id, [])))
        return counted([item for item, _ in told], {item.branch_id: own for item, own in told})

    def _parent(self, then: Sequence[TreeNode], line: _Line, known: Mapping[UUID, UUID | None]) -> UUID | None:
        """The branch that it hangs on; None: its fork point is not there, or on a branch that came later."""
        fork_point = then[line.rows[0]].parent_request_id
        row = None if fork_point is None else self._row_of.get(fork_point)
        parent = None if row is None or row >= len(then) else self.nodes[row].branch_id
        return parent if parent in known else None

    def _told(
        self, then: Sequence[TreeNode], line: _Line, parent: UUID | None, waiting: Sequence[UUID]
    ) -> tuple[BranchItem, TokenCounts]:
        """``waiting``: its exchanges that are open; all others are as they were read."""
        count = bisect_left(line.rows, len(then))
        stands = (count, parent, *waiting)
        known = line.told
        if known is None or known[0] != stands:
            members = [then[row] for row in line.rows[:count]]
            known = line.told = stands, branch_of(members, line.number, parent), tokens_of(members)
        return known[1:]
