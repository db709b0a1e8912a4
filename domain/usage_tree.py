"""What did a sub-task use, by itself and with all that it started? The branches and the sub-tasks below each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SubTask:
    """The line of talk of a sub-agent with the forks in it, by the words of who called it; or a conversation's own."""

    task_id: UUID
    """Its first exchange; of a conversation's main thread the conversation's id."""
    conversation_id: UUID
    parent_id: UUID | None
    """Who called it; None: it is the main thread."""
    name: str | None
    """The description its caller gave."""
    agent_type: str | None
    branches: tuple[UUID, ...] = ()
    """Those of its branches that were asked for."""


@dataclass(frozen=True, slots=True)
class SubTaskTrees:
    """Sub-tasks with all that stand above them."""

    tasks: Mapping[UUID, SubTask] = field(default_factory=dict)
    """By their id."""
    by_branch: Mapping[UUID, UUID] = field(default_factory=dict)
    """Their ids."""

    def task_of(self, branch: UUID) -> UUID:
        """A branch whose sub-task is not known stands for itself."""
        return self.by_branch.get(branch, branch)

    def line_up(self, task: UUID) -> Iterator[UUID]:
        """Itself, who called it, who called that one, up to the main thread."""
        passed, above = set[UUID](), task
        while above not in passed:
            yield above
            passed.add(above)
            known = self.tasks.get(above)
            if known is None or known.parent_id is None:
                return
            above = known.parent_id


def trees_of(tasks: Iterable[SubTask]) -> SubTaskTrees:
    """``tasks``: with those above them."""
    known = list(tasks)
    by_branch = {branch: task.task_id for task in known for branch in task.branches}
    return SubTaskTrees({task.task_id: task for task in known}, by_branch)


def below_each(parents: Mapping[UUID, UUID | None]) -> dict[UUID, frozenset[UUID]]:
    """For each branch of a conversation: itself and every branch that left it or that it called, however deep.

    ``parents``: the branch above each; None, or a branch that is not named: there is none.
    """
    found: dict[UUID, set[UUID]] = {branch: {branch} for branch in parents}
    for branch in parents:
        above, passed = parents[branch], {branch}
        while above is not None and above in found and above not in passed:
            found[above].add(branch)
            passed.add(above)
            above = parents[above]
    return {branch: frozenset(below) for branch, below in found.items()}
