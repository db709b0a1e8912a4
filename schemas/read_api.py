"""What does the read API answer? The shapes of its JSON, which the pages use too.

Lists come newest first. Times are RFC 3339 in UTC, money is a decimal string, null means not known or not yet.
"""

from datetime import datetime
from decimal import Decimal
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Answer(BaseModel):
    """Base of all answers: frozen; members are named as in the JSON."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class Listing(Answer, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None


class EvidenceItem(Answer):
    """Why something is said."""

    kind: str
    detail: str


class RequestItem(Answer):
    """One exchange."""

    request_id: UUID
    received_at: datetime
    completed_at: datetime | None
    method: str | None
    path: str | None
    client_domain: str | None
    account: str | None
    key: str | None
    project: str | None
    session_id: str | None
    agent_id: str | None
    request_class: str | None = Field(alias="class")
    """main, subagent, compaction, auxiliary; null until it is linked."""
    edge: str | None
    confidence: float | None
    evidence: list[EvidenceItem]
    parent_request_id: UUID | None
    conversation_id: UUID | None
    branch_id: UUID | None
    tool_use_id: str | None = None
    """Of a sub-task's first request: the call that started it."""
    model: str | None
    status: int | None
    outcome: str
    """open, completed, client, upstream, timeout, shutdown, gateway_crash."""
    attempts: int
    """Requests that tried this turn, this one among them."""
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    cost_usd: Decimal | None
    """The sum of all of it that has a price; null: nothing has, or its answer is still open."""
    time_to_first_byte_ms: float | None
    duration_ms: float | None
    upstream_request_id: str | None
    position: int
    """Of its newest event; give the largest as ``after`` to follow live."""
    stop_reason: str | None
    error_type: str | None
    error_message: str | None
    detail: str
    """What is known of how it was cut off."""
    parsable: bool
    """False: the body is no JSON object; it went upstream untouched."""
    missing_bytes: int
    """Bytes that could not be recorded."""
    unrecorded: bool = False
    """Its answer could not be recorded whole, and with it what it used: that is not known, or not all of it."""


class ConversationItem(Answer):
    """One conversation in a list."""

    conversation_id: UUID
    title: str
    client_domain: str
    account: str | None
    project: str | None
    session_ids: list[str]
    started_at: datetime
    last_at: datetime
    """When its newest request came."""
    open_requests: int
    requests: int
    branches: int
    """The main branch among them."""
    subtasks: int
    failures: int
    """Requests that did not complete, or answered with an error status."""
    models: list[str]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal | None = None
    """The sum of all of it that has a price; null: nothing has."""
    unrecorded: int = 0
    """Answers that could not be recorded whole: what they used is not in the sums, or not all of it."""


class TreeNode(Answer):
    """One exchange in a conversation's tree."""

    request_id: UUID
    parent_request_id: UUID | None
    edge: str
    request_class: str = Field(alias="class")
    branch_id: UUID
    depth: int
    """Of sub-tasks: 0 on the main thread."""
    session_id: str | None = None
    agent_id: str | None
    agent_type: str | None
    """Of the sub-task it begins."""
    tool_use_id: str | None = None
    """The call that started the sub-task it begins."""
    task: str | None
    """Description of the sub-task it begins."""
    prompt: str | None = None
    """The beginning of what was typed for it; null: it only brings tool results."""
    received_at: datetime
    completed_at: datetime | None
    outcome: str
    status: int | None
    error_type: str | None = None
    model: str | None
    stop_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    duration_ms: float | None
    cost_usd: Decimal | None = None
    """Of each attempt of a turn that was tried again; null for all others, which tell it themselves."""
    unrecorded: bool = False
    """Its answer could not be recorded whole: what it used is not in the sums, or not all of it."""
    confidence: float
    evidence: list[EvidenceItem]


class TokenCounts(Answer):
    """Tokens of many exchanges; what is not known of one counts nothing."""

    input_tokens: int = 0
    """Neither read from the cache nor written to it."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def all(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class BranchItem(Answer):
    """A branch of a conversation, or a sub-task's line of talk."""

    branch_id: UUID
    name: str
    """``main``, then ``branch 2`` … in order of appearance; a sub-task has its description."""
    kind: Literal["main", "branch", "fork", "subtask"]
    """``fork``: the same history in a new session."""
    state: Literal["running", "done", "failed", "cut"]
    """``running``: an answer is open; else how its newest exchange ended, side questions aside."""
    first_request_id: UUID
    fork_point: UUID | None
    """The exchange it branches off from, or that started it."""
    parent_branch_id: UUID | None
    """The branch of its fork point."""
    subtask: bool
    depth: int
    """Of sub-tasks: 0 on the main thread."""
    requests: int
    messages: int
    """Prompts (each once, however often it was tried) and answers that were finished, on this branch alone."""
    first_at: datetime
    """When its first request came."""
    last_at: datetime
    """When its newest answer ended; while none has, when its newest request came."""
    duration_ms: float | None
    """From the one to the other; null while it is running."""
    tokens: TokenCounts
    """Of its own exchanges."""
    tokens_with_descendants: TokenCounts
    """And of all branches and sub-tasks that hang on it, at any depth."""
    cost_usd: Decimal | None = None
    """Of its own exchanges: the sum of all that has a price; null: nothing has."""
    cost_usd_with_descendants: Decimal | None = None
    unrecorded: int = 0
    """Of its own exchanges: answers that could not be recorded whole, and are not in the sums, or not all of them."""
    unrecorded_with_descendants: int = 0
    agent_type: str | None
    """These, of sub-tasks alone: null for others."""
    agent_id: str | None
    task: str | None
    """The description its caller gave."""
    task_prompt: str | None
    """The beginning of what it was asked."""
    parent_request_id: UUID | None
    """Whose answer called for it."""
    tool_use_id: str | None
    """The call that started it."""
    reported_tokens: int | None = None
    """What the client itself says that the sub-task used (``subagent_tokens``); null: it said nothing."""
    reported_explained: str | None = None
    """Why that is another number than ours, or that it is the same."""


class CompactionItem(Answer):
    """A summarising call: what it summarised, and who went on from its summary."""

    request_id: UUID
    branch_id: UUID
    from_request_id: UUID | None
    """The oldest exchange in the summarised history: the first, or the one that resumed the compaction before."""
    to_request_id: UUID | None
    """The newest; null: the history is not known."""
    requests: int
    """Exchanges from the one to the other, attempts among them."""
    messages: int
    """Prompts and answers of these."""
    resumed_by: list[UUID]


class ConversationTree(Answer):
    """A whole conversation as a tree; nodes in the order they were received."""

    conversation: ConversationItem
    branches: list[BranchItem]
    """In the order of their first exchanges."""
    compactions: list[CompactionItem] = []
    nodes: list[TreeNode]


class EventItem(Answer):
    """One event of an exchange's stream, without payload."""

    position: int
    version: int
    topic: str
    timestamp: datetime
    data: dict[str, object]
