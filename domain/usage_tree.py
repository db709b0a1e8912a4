"""What did a sub-task use, by itself and with all that it started? The branches below each branch."""

from collections.abc import Mapping
from uuid import UUID


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
