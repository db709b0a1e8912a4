"""What does ``GET /api/compare`` answer? Two sides, what they are, and what of them differs."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from schemas.read_api import Answer, TokenCounts


class SideItem(Answer):
    """What stands on one side."""

    request_id: UUID
    """Of a branch: its first exchange behind the place where both part; if it has none there, the last shared one."""
    conversation_id: UUID | None
    branch_id: UUID | None
    name: str
    """Of the branch; of a request: its model."""
    title: str | None
    """Of its conversation; null for requests."""
    received_at: datetime | None
    outcome: str | None
    """Of a request."""
    unrecorded: bool = False
    """Of a request: its answer could not be recorded whole, and with it what it used."""


class FactItem(Answer):
    """One thing that both have, or one of them."""

    name: str
    a: str | None
    b: str | None
    same: bool


class TextItem(Answer):
    """What one side says at a place."""

    kind: str
    name: str
    """Of a tool; empty: it has no name."""
    text: str
    """Its beginning."""
    cut: int
    """Characters that are left out behind it."""


class PartItem(Answer):
    """A block, or an entry of a turn, against another one."""

    kind: Literal["same", "changed", "left", "right"]
    a: TextItem | None
    b: TextItem | None


class PlaceItem(Answer):
    """A message or a turn."""

    number: int
    role: str
    request_id: UUID


class DifferenceItem(Answer):
    """A message or a turn against another one; of a run that is the same on both sides, its first."""

    kind: Literal["same", "changed", "left", "right"]
    count: int
    """How many stand in the run; 1 for all that is not the same."""
    a: PlaceItem | None
    b: PlaceItem | None
    parts: list[PartItem]
    """Those that are not the same."""
    left_out: int
    """Parts beyond those."""


class PromptChangeItem(Answer):
    """A difference of two requests beside their messages."""

    part: str
    kind: Literal["added", "removed", "changed"]
    name: str
    a: str | None
    b: str | None
    lines: list[str]
    """Of texts: those that differ, with some around them; each begins with ``+``, ``-`` or a blank."""


class WorkItem(Answer):
    """What was used and done on a branch behind the place where both part."""

    requests: int
    prompts: int
    tokens: TokenCounts
    cost_usd: Decimal | None
    """The sum of all that has a price; null: nothing has, or it is not known."""
    unrecorded: int
    """Answers that could not be recorded whole: what they used is not in the sums, or not all of it."""
    agents: int
    tokens_with_agents: TokenCounts
    cost_usd_with_agents: Decimal | None
    unrecorded_with_agents: int
    lasted_ms: float | None
    model_ms: float
    failures: int
    tools: dict[str, int]
    """Calls, in the turns that were read; so are files and failed calls."""
    files: list[str]
    failed_calls: int


class CompactionWork(Answer):
    """A summary and what it replaced."""

    requests: int
    messages: int
    tokens_before: int | None
    """Of the prompt that was summarised."""
    tokens_after: int | None
    """Of the first prompt that goes on from the summary."""
    summary: str
    is_whole: bool
    resumed_by: list[UUID]


class CompareAnswer(Answer):
    """Two sides held against each other."""

    of: Literal["requests", "branches", "compaction"]
    a: SideItem
    b: SideItem
    same: bool
    """Nothing that was compared differs, and all of it was compared."""
    shared: int
    """Exchanges that both branches begin with."""
    facts: list[FactItem]
    changes: list[PromptChangeItem]
    differences: list[DifferenceItem]
    """Messages, or turns; of a compaction the turns that it replaced, all on the left."""
    answers: list[DifferenceItem]
    """Of requests."""
    work_a: WorkItem | None
    work_b: WorkItem | None
    compaction: CompactionWork | None
    not_compared: list[str]
    """What was left out, and why, in words."""
