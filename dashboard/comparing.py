"""What is held against what? Two requests, two branches, or a compaction and what it replaced: read and paired.

Two branches are compared from where they part. What they share are the same exchanges, which need not be read; of what
follows, as many turns are read as are wanted, the same number on both sides.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from dashboard.data import DataStore
from dashboard.details import RequestDetails, SentMessage
from dashboard.line_totals import LineTotals, Work, agents_below, totals_of, work_of
from dashboard.lines import branch_for, line_of, subtasks_of
from dashboard.novelty import prompt_of
from dashboard.reading import turns_of
from domain.alignment import common_start
from domain.comparable import Piece, message_unit, piece_of_block, piece_of_entry, turn_unit
from domain.comparing import Pairing, Unit, compared
from domain.prompt_changes import Change, changes
from domain.transcript import Turn
from schemas.read_api import BranchItem, CompactionItem, ConversationTree, RequestItem, TreeNode

Of = Literal["requests", "branches"]
WAYS: tuple[Of, ...] = ("requests", "branches")
Side = Literal["a", "b"]
TURNS, PAGE_TURNS, MOST_TURNS = 20, 120, 600
"""Of either branch that are read at first, on a page, and at all: each request repeats all before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to see side by side, by the ids of exchanges; a branch has that of any of its exchanges."""

    a: UUID
    b: UUID | None = None
    """None: of a compaction, what it replaced."""
    of: Of | None = None
    """None: branches, if both ids are those of branches; else requests."""
    turns: int = TURNS


@dataclass(frozen=True, slots=True)
class NotCompared:
    """Why nothing can be compared."""

    side: Side
    reason: Literal["unknown", "alone", "missing"]
    """``alone``: it is in no conversation, so it is on no branch; ``missing``: there is no other side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A message, or a turn."""

    number: int
    """From 1, of all that its side has."""
    role: str
    request_id: UUID
    """Of the exchange it is read from."""
    pieces: tuple[Piece, ...]
    edge: str = ""
    """Of a turn: how its exchange is linked."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Two runs, and what of them stands side by side."""

    left: tuple[Member, ...] = ()
    right: tuple[Member, ...] = ()
    pairs: tuple[Pairing, ...] = ()

    @property
    def differences(self) -> int:
        return sum(pair.kind != "same" for pair in self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsCompared:
    """Two requests with their answers."""

    left: RequestDetails
    right: RequestDetails
    changes: tuple[Change, ...]
    """Of all but messages. Empty where a body cannot be read."""
    messages: Aligned
    answers: Aligned

    @property
    def is_readable(self) -> bool:
        """Both bodies can be taken apart."""
        return self.left.sent.parsable and self.right.sent.parsable


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A branch from where it parts from the other one."""

    tree: ConversationTree
    branch: BranchItem
    nodes: tuple[TreeNode, ...]
    totals: LineTotals
    work: Work
    """Of the turns that were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchesCompared:
    """Two branches."""

    left: Line
    right: Line
    shared: tuple[TreeNode, ...]
    """Exchanges that both begin with."""
    read: int
    """Turns of either that were read."""
    turns: Aligned

    @property
    def unread(self) -> int:
        """Turns of the longer one that were not read."""
        return max(0, max(len(self.left.nodes), len(self.right.nodes)) - self.read)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionCompared:
    """A summary beside what it replaced."""

    tree: ConversationTree
    call: TreeNode
    item: CompactionItem
    replaced: tuple[TreeNode, ...]
    first: int
    """The place of the first one that was read; those before were not."""
    turns: tuple[Turn, ...]
    summary: tuple[Piece, ...]
    """The answer of the call."""
    is_whole: bool
    """The summary came to its end."""
    resumed: tuple[TreeNode, ...]


Comparison = RequestsCompared | BranchesCompared | CompactionCompared


async def comparison(store: DataStore, wanted: Wanted) -> Comparison | NotCompared:
    """Raises StoreUnavailableError."""
    one = await store.request(wanted.a)
    if wanted.b is None:
        return await _compaction(store, one, wanted)
    other = await store.request(wanted.b)
    if (wanted.of or way_of(one, other)) == "branches":
        return await _branches(store, wanted.a, wanted.b, wanted.turns)
    return await _requests(store, wanted.a, wanted.b)


def way_of(one: RequestItem | None, other: RequestItem | None) -> Of:
    """Whether two ids are meant as those of requests or of branches: a branch has the id of its first exchange."""
    if one is None or other is None or one.request_id == other.request_id:
        return "requests"
    begins = one.branch_id == one.request_id and other.branch_id == other.request_id
    return "branches" if begins else "requests"


# -- requests --------------------------------------------------------------------------------------------------------


async def _requests(store: DataStore, a: UUID, b: UUID) -> RequestsCompared | NotCompared:
    left, right = await store.details(a), await store.details(b)
    if left is None or right is None:
        return NotCompared("a" if left is None else "b", "unknown")
    return await asyncio.to_thread(requests_compared, left, right)  # large bodies take a while


def requests_compared(left: RequestDetails, right: RequestDetails) -> RequestsCompared:
    """Pure."""
    both = left.sent.parsable and right.sent.parsable
    return RequestsCompared(
        left=left,
        right=right,
        changes=changes(prompt_of(left.sent), prompt_of(right.sent)) if both else (),
        messages=_aligned(_sent(left), _sent(right)) if both else Aligned(),
        answers=_aligned(_answered(left), _answered(right)),
    )


def _sent(details: RequestDetails) -> tuple[Member, ...]:
    return tuple(_message(details.request_id, place, one) for place, one in enumerate(details.sent.messages, 1))


def _message(request_id: UUID, number: int, message: SentMessage) -> Member:
    pieces = tuple(piece_of_block(block, message.role) for block in message.blocks)
    return Member(number=number, role=message.role, request_id=request_id, pieces=pieces)


def _answered(details: RequestDetails) -> tuple[Member, ...]:
    message = details.answer.message
    pieces = tuple(piece_of_block(block.value, "assistant") for block in message.blocks)
    return (Member(number=1, role="assistant", request_id=details.request_id, pieces=pieces),) if pieces else ()


def _aligned(left: tuple[Member, ...], right: tuple[Member, ...]) -> Aligned:
    return Aligned(left, right, compared([_unit(one) for one in left], [_unit(one) for one in right]))


def _unit(member: Member) -> Unit:
    return turn_unit(member.pieces) if member.role == "turn" else message_unit(member.role, member.pieces)


# -- branches --------------------------------------------------------------------------------------------------------


async def _branches(store: DataStore, a: UUID, b: UUID, turns: int) -> BranchesCompared | NotCompared:
    here = await store.tree(a)
    there = here if here and any(node.request_id == b for node in here.nodes) else await store.tree(b)
    if here is None or there is None:
        return await _not_on_a_branch(store, ("a", a) if here is None else ("b", b))
    ours, theirs = branch_for(here, None, a), branch_for(there, None, b)
    assert ours is not None  # both are among the nodes of their trees
    assert theirs is not None
    left, right = line_of(here.nodes, ours), line_of(there.nodes, theirs)
    shared = common_start([node.request_id for node in left], [node.request_id for node in right])
    read = min(turns, MOST_TURNS)
    one = await _read(store, here, left, shared, read)
    other = await _read(store, there, right, shared, read)
    found = await asyncio.to_thread(_turns_aligned, one, other)
    return BranchesCompared(
        left=await _line(store, here, ours, left[shared:], one),
        right=await _line(store, there, theirs, right[shared:], other),
        shared=tuple(left[:shared]),
        read=read,
        turns=found,
    )


async def _not_on_a_branch(store: DataStore, which: tuple[Side, UUID]) -> NotCompared:
    side, member = which
    return NotCompared(side, "unknown" if await store.request(member) is None else "alone")


async def _read(
    store: DataStore, tree: ConversationTree, line: Sequence[TreeNode], start: int, most: int
) -> tuple[Turn, ...]:
    end = min(len(line), start + most)
    return await turns_of(store, line, subtasks_of(tree.nodes), start, end) if end > start else ()


async def _line(
    store: DataStore, tree: ConversationTree, branch: UUID, nodes: Sequence[TreeNode], turns: Sequence[Turn]
) -> Line:
    below = agents_below(tree.nodes, nodes)
    costs = await store.costs([node.request_id for node in (*nodes, *below)])
    return Line(
        tree=tree,
        branch=next(one for one in tree.branches if one.branch_id == branch),
        nodes=tuple(nodes),
        totals=totals_of(nodes, below, costs),
        work=work_of(turns),
    )


def _turns_aligned(left: Sequence[Turn], right: Sequence[Turn]) -> Aligned:
    return _aligned(_turns(left), _turns(right))


def _turns(turns: Sequence[Turn]) -> tuple[Member, ...]:
    """Those that add something."""
    return tuple(
        Member(
            number=turn.number,
            role="turn",
            request_id=turn.facts.request_id,
            pieces=tuple(piece_of_entry(entry) for entry in turn.entries),
            edge=turn.facts.edge,
        )
        for turn in turns
        if turn.entries
    )


# -- compactions -----------------------------------------------------------------------------------------------------


async def _compaction(store: DataStore, item: RequestItem | None, wanted: Wanted) -> CompactionCompared | NotCompared:
    tree = await store.tree(wanted.a) if item is not None and item.request_class == "compaction" else None
    if item is None or tree is None:
        return NotCompared("a", "unknown") if item is None else NotCompared("b", "missing")
    nodes = {node.request_id: node for node in tree.nodes}
    call = _first_attempt(nodes, nodes[wanted.a])
    found = next((one for one in tree.compactions if one.request_id == call.request_id), None)
    if found is None:
        return NotCompared("b", "missing")
    replaced = _replaced(nodes, found)
    first = max(0, len(replaced) - min(wanted.turns, MOST_TURNS))
    turns = await turns_of(store, replaced, subtasks_of(tree.nodes), first, len(replaced)) if replaced else ()
    asked = await store.details(wanted.a)
    message = asked.answer.message if asked else None
    return CompactionCompared(
        tree=tree,
        call=nodes[wanted.a],
        item=found,
        replaced=tuple(replaced),
        first=first,
        turns=turns,
        summary=tuple(piece_of_block(block.value, "assistant") for block in message.blocks) if message else (),
        is_whole=message is not None and message.whole,
        resumed=tuple(nodes[one] for one in found.resumed_by if one in nodes),
    )


def _first_attempt(nodes: Mapping[UUID, TreeNode], node: TreeNode) -> TreeNode:
    """Who resumes a summary resumes it from the first attempt at the call, whichever gave it."""
    parent = nodes.get(node.parent_request_id) if node.edge == "retries" and node.parent_request_id else None
    return parent or node


def _replaced(nodes: Mapping[UUID, TreeNode], item: CompactionItem) -> list[TreeNode]:
    """From the newest exchange that it summarised back to the oldest one; told in order."""
    found = list[TreeNode]()
    at = item.to_request_id
    while at is not None and at in nodes and len(found) < item.requests:
        found.append(nodes[at])
        at = nodes[at].parent_request_id
    return found[::-1]
