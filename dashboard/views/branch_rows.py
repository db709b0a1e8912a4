"""What does the list of branches say? The branches of a tree in, rows in the order in which they hang out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from schemas.read_api import BranchItem

MOST_ROWS = 200
MOST_LEVELS = 8


@dataclass(frozen=True, slots=True)
class BranchRow:
    """One line of the list."""

    item: BranchItem
    level: int
    """How many branches are above it, up to MOST_LEVELS."""
    tokens: int
    tokens_with_descendants: int


@dataclass(frozen=True, slots=True)
class BranchList:
    """The list."""

    rows: tuple[BranchRow, ...]
    left_out: int
    branches: int
    """That are no sub-tasks."""
    subtasks: int
    running: int


def branch_list(branches: Sequence[BranchItem]) -> BranchList:
    rows = [
        BranchRow(item, min(level, MOST_LEVELS), item.tokens.all, item.tokens_with_descendants.all)
        for item, level in _hanging(branches)
    ]
    subtasks = sum(item.subtask for item in branches)
    return BranchList(
        rows=tuple(rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
        branches=len(branches) - subtasks,
        subtasks=subtasks,
        running=sum(item.state == "running" for item in branches),
    )


def _hanging(branches: Sequence[BranchItem]) -> Iterator[tuple[BranchItem, int]]:
    """Each one before those that hang on it, siblings in the order they appeared; with how deep it hangs."""
    known = {branch.branch_id for branch in branches}
    below: dict[UUID | None, list[BranchItem]] = {}
    for branch in branches:
        parent = branch.parent_branch_id if branch.parent_branch_id in known else None
        below.setdefault(parent, []).append(branch)
    waiting = [(branch, 0) for branch in reversed(below.get(None, []))]
    while waiting:
        branch, level = waiting.pop()
        yield branch, level
        waiting += [(child, level + 1) for child in reversed(below.get(branch.branch_id, []))]
