"""How does the read API say what differs? A comparison in, its answer out: the same is counted, texts are cut."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

import msgspec

from dashboard.compared_facts import Fact, facts_of_branches, facts_of_requests
from dashboard.comparing import (
    Aligned,
    BranchesCompared,
    CompactionCompared,
    Comparison,
    Line,
    Member,
    NotCompared,
    RequestsCompared,
    Wanted,
    comparison,
)
from dashboard.data import DataStore
from dashboard.details import RequestDetails
from dashboard.views.comparing import MOST_PARTS
from dashboard.views.comparisons import is_same, notes_of, prompt_tokens
from domain.comparable import Piece, piece_of_entry, words_of_block, words_of_piece
from domain.comparing import Pairing
from domain.prompt_changes import Change
from domain.transcript import Turn
from schemas.compare_api import (
    CompactionWork,
    CompareAnswer,
    DifferenceItem,
    FactItem,
    PartItem,
    PlaceItem,
    PromptChangeItem,
    SideItem,
    TextItem,
    WorkItem,
)
from schemas.read_api import TreeNode

MOST_CHARS = 4_000
"""Of one text."""
MOST_ITEMS = 1_000
"""Runs and differences in one answer."""
MOST_LINES = 400
REASONS = {
    "unknown": "There is no request {id}.",
    "alone": "Request {id} is in no conversation, so it is on no branch; compare it with of=requests.",
    "missing": "b is missing; give b=ID, or an a that is a compaction.",
}


async def answered(store: DataStore, wanted: Wanted) -> CompareAnswer | NotCompared:
    """Raises StoreUnavailableError."""
    found = await comparison(store, wanted)
    if isinstance(found, NotCompared):
        return found
    return await asyncio.to_thread(answer_of, found)  # long histories take a while


def reason_of(refused: NotCompared, wanted: Wanted) -> str:
    return REASONS[refused.reason].format(id=wanted.a if refused.side == "a" else wanted.b)


def answer_of(found: Comparison) -> CompareAnswer:
    match found:
        case RequestsCompared():
            return _requests(found)
        case BranchesCompared():
            return _branches(found)
        case CompactionCompared():
            return _compaction(found)


def _requests(found: RequestsCompared) -> CompareAnswer:
    differences, left_out = _differences(found.messages)
    answers, _ = _differences(found.answers)
    return CompareAnswer(
        of="requests",
        a=_request(found.left),
        b=_request(found.right),
        same=is_same(found),
        shared=0,
        facts=_facts(facts_of_requests(found)),
        changes=[_change(change) for change in found.changes],
        differences=differences,
        answers=answers,
        work_a=None,
        work_b=None,
        compaction=None,
        not_compared=[*notes_of(found), *left_out],
    )


def _branches(found: BranchesCompared) -> CompareAnswer:
    differences, left_out = _differences(found.turns)
    return CompareAnswer(
        of="branches",
        a=_line(found.left, found.shared),
        b=_line(found.right, found.shared),
        same=is_same(found),
        shared=len(found.shared),
        facts=_facts(facts_of_branches(found)),
        changes=[],
        differences=differences,
        answers=[],
        work_a=_work(found.left),
        work_b=_work(found.right),
        compaction=None,
        not_compared=[*notes_of(found), *left_out],
    )


def _compaction(found: CompactionCompared) -> CompareAnswer:
    conversation, call, resumed = found.tree.conversation, found.call, found.resumed
    side = SideItem(
        request_id=call.request_id,
        conversation_id=conversation.conversation_id,
        branch_id=call.branch_id,
        name="what was replaced",
        title=conversation.title,
        received_at=call.received_at,
        outcome=call.outcome,
    )
    return CompareAnswer(
        of="compaction",
        a=side,
        b=side.model_copy(update={"name": "the summary"}),
        same=False,
        shared=0,
        facts=[],
        changes=[],
        differences=[_replaced(turn) for turn in found.turns],
        answers=[],
        work_a=None,
        work_b=None,
        compaction=CompactionWork(
            requests=found.item.requests,
            messages=found.item.messages,
            tokens_before=prompt_tokens(call),
            tokens_after=prompt_tokens(resumed[0]) if resumed else None,
            summary="\n\n".join(words_of_piece(piece) for piece in found.summary),
            is_whole=found.is_whole,
            resumed_by=[node.request_id for node in resumed],
        ),
        not_compared=list(notes_of(found)),
    )


def _replaced(turn: Turn) -> DifferenceItem:
    pieces = [piece_of_entry(entry) for entry in turn.entries]
    return DifferenceItem(
        kind="left",
        count=1,
        a=PlaceItem(number=turn.number, role="turn", request_id=turn.facts.request_id),
        b=None,
        parts=[PartItem(kind="left", a=_text(piece), b=None) for piece in pieces[:MOST_PARTS]],
        left_out=max(0, len(pieces) - MOST_PARTS),
    )


def _request(details: RequestDetails) -> SideItem:
    item = details.item
    return SideItem(
        request_id=details.request_id,
        conversation_id=item.conversation_id if item else None,
        branch_id=item.branch_id if item else None,
        name=(item.model if item else None) or "",
        title=None,
        received_at=details.received.timestamp if details.received else None,
        outcome=details.outcome,
        unrecorded=item is not None and item.unrecorded,
    )


def _line(line: Line, shared: Sequence[TreeNode]) -> SideItem:
    first = line.nodes[0] if line.nodes else shared[-1]
    return SideItem(
        request_id=first.request_id,
        conversation_id=line.tree.conversation.conversation_id,
        branch_id=line.branch.branch_id,
        name=line.branch.name,
        title=line.tree.conversation.title,
        received_at=first.received_at,
        outcome=None,
    )


def _work(line: Line) -> WorkItem:
    totals = line.totals
    return WorkItem(
        requests=totals.own.requests,
        prompts=totals.prompts,
        tokens=totals.own.tokens,
        cost_usd=totals.own.cost_usd,
        unrecorded=totals.own.unrecorded,
        agents=totals.agents,
        tokens_with_agents=totals.whole.tokens,
        cost_usd_with_agents=totals.whole.cost_usd,
        unrecorded_with_agents=totals.whole.unrecorded,
        lasted_ms=totals.lasted_ms,
        model_ms=totals.model_ms,
        failures=totals.failures,
        tools=dict(line.work.tools),
        files=list(line.work.files),
        failed_calls=line.work.failed,
    )


def _facts(facts: Sequence[Fact]) -> list[FactItem]:
    return [FactItem(name=fact.name, a=_value(fact.left), b=_value(fact.right), same=fact.same) for fact in facts]


def _value(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return msgspec.json.encode(value).decode().strip('"')


def _change(change: Change) -> PromptChangeItem:
    lines = [f"{line.sign}{line.text}" for hunk in change.hunks for line in hunk]
    return PromptChangeItem(
        part=change.part,
        kind=change.kind,
        name=change.name,
        a=None if change.before is None else _json(change.before),
        b=None if change.now is None else _json(change.now),
        lines=lines[:MOST_LINES],
    )


def _json(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _differences(it: Aligned) -> tuple[list[DifferenceItem], list[str]]:
    """And what was left out, in words."""
    items = list[DifferenceItem]()
    for alike, group in groupby(it.pairs, key=lambda pair: pair.kind == "same"):
        pairs = list(group)
        items += [_difference(it, pairs[0], len(pairs))] if alike else [_difference(it, pair, 1) for pair in pairs]
        if len(items) > MOST_ITEMS:
            return items[:MOST_ITEMS], [f"Only the first {MOST_ITEMS:,} differences and runs are listed."]
    return items, []


def _difference(it: Aligned, pair: Pairing, count: int) -> DifferenceItem:
    left = None if pair.left is None else it.left[pair.left]
    right = None if pair.right is None else it.right[pair.right]
    parts = list(_parts(pair, left, right))
    return DifferenceItem(
        kind=pair.kind,
        count=count,
        a=_place(left),
        b=_place(right),
        parts=parts[:MOST_PARTS],
        left_out=max(0, len(parts) - MOST_PARTS),
    )


def _place(member: Member | None) -> PlaceItem | None:
    if member is None:
        return None
    return PlaceItem(number=member.number, role=member.role, request_id=member.request_id)


def _parts(pair: Pairing, left: Member | None, right: Member | None) -> Iterator[PartItem]:
    match pair.kind:
        case "left" if left is not None:
            yield from (PartItem(kind="left", a=_text(piece), b=None) for piece in left.pieces)
        case "right" if right is not None:
            yield from (PartItem(kind="right", a=None, b=_text(piece)) for piece in right.pieces)
        case "changed" if left is not None and right is not None:
            for part in pair.parts:
                if part.kind != "same":
                    one = None if part.left is None else _text(left.pieces[part.left])
                    other = None if part.right is None else _text(right.pieces[part.right])
                    yield PartItem(kind=part.kind, a=one, b=other)


def _text(piece: Piece) -> TextItem:
    said = words_of_piece(piece)
    if piece.result is not None:
        said = f"{said}\n\n{words_of_block(piece.result)}"
    return TextItem(kind=piece.kind, name=piece.name, text=said[:MOST_CHARS], cut=max(0, len(said) - MOST_CHARS))
