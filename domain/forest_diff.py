"""What would another linking change? Which conversations merge, split or are renamed, and what moves with that.

Theory of operation. Both linkings sort the same exchanges into conversations. An ``Overlap`` says how much of one
conversation before stands in one conversation after; the overlaps together are all there is to know. A conversation
*goes on* as the one of the same id; those left over are paired by the largest overlap, and are renamed. What of an
overlap is not between such a pair has changed its conversation, in exactly one of these ways:

* ``merges``: the conversation before goes on as none, so its members are taken in by one that does.
* ``splits``: the conversation after comes from none, so its members part from one that goes on.
* ``moves``: both go on; members only change sides.
* ``joins`` and ``leaves``: members that stood in no conversation before, or stand in none after.

Seen from the other side merges are splits, joins are leaves, and moves and renames run backwards.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Weight:
    """How much some exchanges are."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )


@dataclass(frozen=True, slots=True)
class Overlap:
    """The exchanges of one conversation before that stand in one conversation after; None: in no conversation."""

    before: UUID | None
    after: UUID | None
    weight: Weight
    examples: tuple[UUID, ...] = ()
    """Some of the exchanges."""


@dataclass(frozen=True, slots=True)
class Regrouping:
    """A conversation that goes on, and what it takes in (a merge) or gives away (a split)."""

    conversation: UUID
    parts: tuple[Overlap, ...]

    @property
    def weight(self) -> Weight:
        return total(self.parts)


@dataclass(frozen=True, slots=True)
class ForestDiff:
    """Everything that changes its conversation; the largest first."""

    merges: tuple[Regrouping, ...]
    """By the conversation after."""
    splits: tuple[Regrouping, ...]
    """By the conversation before."""
    moves: tuple[Overlap, ...]
    joins: tuple[Overlap, ...]
    leaves: tuple[Overlap, ...]
    renames: tuple[Overlap, ...]
    """Conversations that go on under another id, with what stays in them."""

    @property
    def moved(self) -> Weight:
        """All that stands in another conversation afterwards, a new name aside."""
        parts = [part for group in (*self.merges, *self.splits) for part in group.parts]
        return total([*parts, *self.moves, *self.joins, *self.leaves])

    @property
    def is_empty(self) -> bool:
        return not (self.moved.requests or self.renames)


def total(overlaps: Iterable[Overlap]) -> Weight:
    return sum((one.weight for one in overlaps), Weight())


def compare(overlaps: Sequence[Overlap]) -> ForestDiff:
    """``overlaps``: one for each pair of conversations that share exchanges."""
    goes_on = successors(overlaps)
    kept = set(goes_on.values())
    kinds = defaultdict[str, list[Overlap]](list)
    for one in sorted(overlaps, key=_by_size):
        kinds[_kind(one, goes_on, kept)].append(one)
    return ForestDiff(
        merges=_grouped((one.after, one) for one in kinds["merge"]),
        splits=_grouped((one.before, one) for one in kinds["split"]),
        moves=tuple(kinds["move"]),
        joins=tuple(kinds["join"]),
        leaves=tuple(kinds["leave"]),
        renames=tuple(kinds["rename"]),
    )


def successors(overlaps: Sequence[Overlap]) -> dict[UUID, UUID]:
    """As which conversation each one goes on: as that of the same id, else by the largest overlap of those left."""
    before = {one.before for one in overlaps if one.before is not None}
    after = {one.after for one in overlaps if one.after is not None}
    found = {one: one for one in before & after}
    taken = set(found.values())
    for one in sorted(overlaps, key=_by_size):
        if one.before is None or one.after is None or one.before in found or one.after in taken:
            continue
        found[one.before] = one.after
        taken.add(one.after)
    return found


def _kind(one: Overlap, goes_on: Mapping[UUID, UUID], kept: set[UUID]) -> str:
    if one.before is None:
        return "alone" if one.after is None else "join"
    if one.after is None:
        return "leave"
    if goes_on.get(one.before) == one.after:
        return "stay" if one.before == one.after else "rename"
    if one.before not in goes_on:
        return "merge"
    return "move" if one.after in kept else "split"


def _grouped(parts: Iterable[tuple[UUID | None, Overlap]]) -> tuple[Regrouping, ...]:
    groups = defaultdict[UUID, list[Overlap]](list)
    for conversation, part in parts:
        assert conversation is not None, "what merges or splits has both ends"
        groups[conversation].append(part)
    found = [Regrouping(conversation, tuple(members)) for conversation, members in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.weight.requests, one.conversation)))


def _by_size(one: Overlap) -> tuple[int, str, str]:
    """The largest first. Of two that have an end in common the same one comes first from either side."""
    return -one.weight.requests, str(one.before), str(one.after)
