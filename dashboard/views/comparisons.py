"""What does a comparison say before its differences? Both sides with their names, their facts, what is missing."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from dashboard.compared_facts import Fact, facts_of_branches, facts_of_requests
from dashboard.comparing import (
    PAGE_TURNS,
    BranchesCompared,
    CompactionCompared,
    Comparison,
    Line,
    RequestsCompared,
)
from dashboard.details import RequestDetails
from dashboard.formatting import NOTHING, duration, money, number, one_line, plural, short_id, size, stamp
from dashboard.views.blocks import Shown
from dashboard.views.comparing import ShownRuns, shown_pieces, shown_runs
from dashboard.views.novelty import ShownChange, shown_changes
from dashboard.views.reading import ShownTurn, shown_turns
from domain.comparable import words_of_piece
from schemas.read_api import TreeNode

VALUE_CHARS = 300
_KEPT = {
    "erased": "was erased",
    "not_kept": "could not be recorded",
    "none": "is empty",
    "kept": "is no JSON object; its bytes are kept",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One side."""

    name: str
    detail: str
    link: str
    at: datetime | None
    note: str
    """What is special about it; empty: nothing."""


@dataclass(frozen=True, slots=True)
class ShownFact:
    """A line of the table."""

    name: str
    left: str
    right: str
    same: bool
    delta: str
    """By how much the right one is more or less; empty: it is no number, or they are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCompaction:
    """A summary and what it replaced."""

    replaced: str
    """How much, in words."""
    turns: tuple[tuple[str, ShownTurn], ...]
    """Each with what it is about."""
    earlier: int
    """Exchanges before those that are shown."""
    summary: tuple[Shown, ...]
    characters: int
    before: int | None
    """Tokens of the prompt that was summarised, and of the first that goes on from it."""
    after: int | None
    resumed: tuple[TreeNode, ...]
    call: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownComparison:
    """All that a page shows."""

    of: str
    """requests, branches, compaction."""
    verdict: str
    left: Card | None = None
    right: Card | None = None
    facts: tuple[ShownFact, ...] = ()
    changes: tuple[ShownChange, ...] = ()
    more_changes: int = 0
    runs: ShownRuns | None = None
    answers: ShownRuns | None = None
    compaction: ShownCompaction | None = None
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    offers_turns: bool = False
    """More of them can be read."""


def shown_comparison(found: Comparison, most: int, opened: Container[int]) -> ShownComparison:
    match found:
        case RequestsCompared():
            return _requests(found, most, opened)
        case BranchesCompared():
            return _branches(found, most, opened)
        case CompactionCompared():
            return _compaction(found)


def notes_of(found: Comparison) -> Iterator[str]:
    """What was not compared, in words."""
    match found:
        case RequestsCompared():
            for side, details in (("left", found.left), ("right", found.right)):
                yield from _lost(side, details)
        case BranchesCompared() if found.unread:
            read, unread = plural(found.read, "turn"), number(found.unread)
            yield f"The first {read} of either side were read; the longer one has {unread} more."
        case CompactionCompared() if found.first:
            yield f"Only the newest of what was replaced is shown; {plural(found.first, 'exchange')} stand before."


def verdict_of(found: RequestsCompared | BranchesCompared) -> str:
    """In one sentence."""
    if isinstance(found, RequestsCompared):
        return _of_requests(found)
    turns, shared = found.turns.differences, len(found.shared)
    same = sum(pair.kind == "same" for pair in found.turns.pairs)
    if not (found.left.nodes or found.right.nodes):
        return "Both sides are the same branch."
    said = f"{plural(turns, 'turn')} differ{'s' if turns == 1 else ''}" if turns else "no turn differs"
    begin = f"They share {plural(shared, 'exchange') if shared else 'no exchange'}; "
    return f"{begin}{'behind, ' if shared else ''}{said}{f', {number(same)} read the same' if same else ''}."


def is_same(found: RequestsCompared | BranchesCompared) -> bool:
    """Nothing differs, and nothing was left out."""
    if isinstance(found, RequestsCompared):
        differs = found.changes or found.messages.differences or found.answers.differences
    else:
        differs = found.turns.differences
    return not differs and not list(notes_of(found))


def _of_requests(found: RequestsCompared) -> str:
    if found.left.request_id == found.right.request_id:
        return "Both sides are the same request."
    if not found.is_readable:
        return "Their messages cannot be compared."
    differ = found.messages.differences
    same = len(found.messages.pairs) - differ
    said = [f"{plural(differ, 'message')} differ{'s' if differ == 1 else ''}" if differ else "no message differs"]
    said += [f"{number(same)} the same"] if same else []
    said += [f"{plural(len(found.changes), 'difference')} beside them"] if found.changes else []
    said += ["another answer" if found.answers.differences else "the same answer"]
    text = ", ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _requests(found: RequestsCompared, most: int, opened: Container[int]) -> ShownComparison:
    changes, more = shown_changes(found.changes)
    runs = shown_runs(found.messages, most, opened)
    return ShownComparison(
        of="requests",
        verdict=verdict_of(found),
        left=_request_card(found.left),
        right=_request_card(found.right),
        facts=tuple(map(_fact, facts_of_requests(found))),
        changes=changes,
        more_changes=more,
        runs=runs if found.is_readable else None,
        answers=shown_runs(found.answers, 1, {0}, first=found.messages.differences),
        notes=tuple(notes_of(found)),
    )


def _branches(found: BranchesCompared, most: int, opened: Container[int]) -> ShownComparison:
    return ShownComparison(
        of="branches",
        verdict=verdict_of(found),
        left=_line_card(found.left, found.shared),
        right=_line_card(found.right, found.shared),
        facts=tuple(map(_fact, facts_of_branches(found))),
        runs=shown_runs(found.turns, most, opened),
        notes=tuple(notes_of(found)),
        offers_turns=bool(found.unread) and found.read < PAGE_TURNS,
    )


def _compaction(found: CompactionCompared) -> ShownComparison:
    text = sum(len(words_of_piece(piece)) for piece in found.summary)
    item, resumed = found.item, found.resumed
    return ShownComparison(
        of="compaction",
        verdict=f"A summary stands for {plural(item.requests, 'exchange')} with {plural(item.messages, 'message')}.",
        compaction=ShownCompaction(
            replaced=plural(len(found.replaced), "exchange"),
            turns=tuple((_about(turn), turn) for turn in shown_turns(found.turns, "")),
            earlier=found.first,
            summary=shown_pieces(found.summary),
            characters=text,
            before=prompt_tokens(found.call),
            after=prompt_tokens(resumed[0]) if resumed else None,
            resumed=resumed,
            call=found.call.request_id,
        ),
        notes=tuple(notes_of(found)) + (() if found.is_whole else ("The summary did not come to its end.",)),
        offers_turns=bool(found.first) and len(found.turns) < PAGE_TURNS,
    )


def prompt_tokens(node: TreeNode) -> int | None:
    """All of it: read from the cache, written to it, and neither."""
    counts = (node.input_tokens, node.cache_read_tokens, node.cache_write_tokens)
    return None if None in counts else sum(count or 0 for count in counts)


def _about(turn: ShownTurn) -> str:
    """What was typed; else what the model said, or which tools it called."""
    texts = {entry.kind: entry.text.preview for entry in reversed(turn.entries) if entry.text and entry.text.preview}
    said = next((texts[kind] for kind in ("prompt", "summary", "text") if kind in texts), "")
    calls = [entry.block.title for entry in turn.entries if entry.kind == "call" and entry.block]
    return said or one_line(", ".join(calls), 120) or plural(len(turn.entries), "entry", "entries")


def _request_card(details: RequestDetails) -> Card:
    item = details.item
    received = details.received.timestamp if details.received else item.received_at if item else None
    words = [one for one in (item.request_class, item.edge) if one and one != "none"] if item else []
    return Card(
        name=f"Request {short_id(details.request_id)}",
        detail=" · ".join(words),
        link=f"/requests/{details.request_id}",
        at=received,
        note="its answer is still coming" if details.ended is None else "",
    )


def _line_card(line: Line, shared: Sequence[TreeNode]) -> Card:
    conversation = line.tree.conversation
    first = line.nodes[0] if line.nodes else shared[-1]
    return Card(
        name=line.branch.name,
        detail=one_line(conversation.title, 120),
        link=f"/conversations/{conversation.conversation_id}?request={first.request_id}",
        at=first.received_at,
        note="" if line.nodes else "it ends where they part",
    )


def _lost(side: str, details: RequestDetails) -> Iterator[str]:
    if not details.sent.parsable:
        yield f"The body of the request on the {side} {_KEPT[details.sent.body.kept]}."
    if details.ended is None:
        yield f"The answer on the {side} is still coming."
    elif details.answer.body.kept in {"erased", "not_kept"}:
        yield f"The answer on the {side} {_KEPT[details.answer.body.kept]}."
    elif details.answer.message.kind == "message" and not details.answer.message.whole:
        yield f"The answer on the {side} was cut off."


def _fact(fact: Fact) -> ShownFact:
    return ShownFact(fact.name, _value(fact, fact.left), _value(fact, fact.right), fact.same, _delta(fact))


def _value(fact: Fact, value: object) -> str:
    match fact.form, value:
        case _, None | "":
            return NOTHING
        case "count", int(count):
            return number(count)
        case "bytes", int(count):
            return size(count)
        case "money", Decimal() as amount:
            return money(amount)
        case "ms", float() | int() as ms:
            return duration(ms)
        case "time", datetime() as at:
            return stamp(at)
    return one_line(str(value), VALUE_CHARS)


def _delta(fact: Fact) -> str:
    """As a share of the left one; of times, how much later."""
    match fact.left, fact.right:
        case datetime() as one, datetime() as other if one != other:
            later = (other - one).total_seconds() * 1000
            return f"{duration(abs(later))} {'later' if later > 0 else 'earlier'}"
        case int() | float() | Decimal() as one, int() | float() | Decimal() as other if one and one != other:
            share = 100 * (float(other) / float(one) - 1)
            return f"{share:+,.0f} %" if abs(share) >= 1 else f"{'+' if share > 0 else '-'}<1 %"
    return ""
