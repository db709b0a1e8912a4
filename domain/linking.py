"""Which exchange does a request go on from, and how do we know?

Theory of operation. A decision is a pure function of facts: those of the request and those of the exchanges that may
stand before it (``Found``). It never looks at other decisions, so the links of a set of exchanges do not depend on
the order in which they became known; a late exchange only means that those it touches are asked again.

The rules are tried in order; the first that finds a parent wins:

1. ``retries``: the same messages on the same thread, and the attempt before did not finish normally. The parent is
   the first attempt of that turn.
2. ``continues``: the path holds an earlier request of the thread *and the answer we recorded to it*; the deepest such
   exchange is the parent. An answer that was cut makes it ``interrupted``. A summarising call that stands on a known
   exchange ``compacts`` it, a side question is an ``aside``.
3. ``resumes``: the first text hands on the summary that a summarising call of the session gave.
4. ``spawned``: a sub-task's first request, known by its agent id in the tool result, or by the task's prompt.
5. ``root``; for what is auxiliary, ``none``.

Whether a continuation is the first of its parent or a branch is decided afterwards among all its siblings
(``branch_edges``), because it is a question about them all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from domain.classification import Evidence, RequestClass
from domain.exchange_facts import AnswerState, Moment, Thread

Edge = Literal[
    "root",
    "continues",
    "branches",
    "forks",
    "retries",
    "interrupted",
    "spawned",
    "compacts",
    "resumes",
    "aside",
    "none",
]

CONFIDENCE: Mapping[str, float] = {
    "agent id": 1.0,
    "history": 1.0,
    "summary": 1.0,
    "same messages": 0.95,
    "task prompt": 0.9,
    "task prompt, by order": 0.7,
    "no earlier exchange": 0.9,
    "no parent found": 0.5,
    "class": 1.0,
}
"""How sure each kind of evidence makes us; a link is as sure as its strongest evidence."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The request that is asked about."""

    moment: Moment
    thread: Thread
    request_class: RequestClass
    side: bool
    """It stands on the main history without continuing it."""
    history: bool
    """It holds earlier answers."""
    depth: int
    """Blocks on its path."""
    continuation: str
    """Its first text, if that hands on a summary."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An exchange that may stand before the request."""

    moment: Moment
    thread: Thread
    state: AnswerState
    depth: int = 0
    """Where on the request's path its answer ends: the number of blocks up to there."""


@dataclass(frozen=True, slots=True)
class PendingTask:
    """A task that an answer started, in the order of the answers and of the calls in them."""

    moment: Moment
    """Of the exchange whose answer holds the call."""
    tool_use_id: str
    agent: str | None = None
    """The agent it started, where the client has said so."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A summarising call that was answered."""

    moment: Moment
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for one request, all in its scope. Whatever is not earlier than it is passed over."""

    attempts: Sequence[Earlier] = ()
    """Exchanges with the same messages."""
    holders: Sequence[Earlier] = ()
    """Exchanges whose request and answer the path holds."""
    tasks: Sequence[PendingTask] = ()
    """Tasks of the session with the request's prompt, or started as its agent."""
    rivals: Sequence[Earlier] = ()
    """First requests of other sub-tasks of the session with the same prompt."""
    summaries: Sequence[Summary] = ()
    """Answered summarising calls of the session."""


@dataclass(frozen=True, slots=True)
class Link:
    """A request's edge to its parent."""

    edge: Edge
    parent: UUID | None
    evidence: tuple[Evidence, ...]
    tool_use_id: str | None = None
    """The call that started this sub-task."""

    @property
    def confidence(self) -> float:
        return max(CONFIDENCE[one.kind] for one in self.evidence)


def link(subject: Subject, found: Found) -> Link:
    """Decide; total."""
    if subject.request_class == "auxiliary" and not subject.side:
        return Link("none", None, (Evidence("class", "auxiliary"),))
    for rule in (_retries, _continues, _resumes, _spawned):
        decided = rule(subject, found)
        if decided is not None:
            return decided
    if subject.request_class == "auxiliary":
        return Link("none", None, (Evidence("class", "auxiliary, its history is not known"),))
    if subject.history or subject.request_class == "subagent":
        return Link("root", None, (Evidence("no parent found", "its history was not recorded"),))
    return Link("root", None, (Evidence("no earlier exchange", "it holds no answer"),))


def _retries(subject: Subject, found: Found) -> Link | None:
    first: Earlier | None = None
    before: Earlier | None = None
    for attempt in sorted(_earlier(subject, found.attempts), key=lambda one: one.moment):
        if attempt.thread != subject.thread:
            continue
        if before is None or before.state == "finished":
            first = attempt
        before = attempt
    if first is None or before is None or before.state in {"finished", "open"}:
        return None
    return Link("retries", first.moment.request_id, (Evidence("same messages", f"the attempt before: {before.state}"),))


def _continues(subject: Subject, found: Found) -> Link | None:
    holders = [one for one in _earlier(subject, found.holders) if one.thread == subject.thread]
    if not holders:
        return None
    parent = max(holders, key=lambda one: (one.depth, one.state == "finished", one.moment))
    evidence = (Evidence("history", f"{parent.depth} of {subject.depth} blocks are its request and our answer"),)
    edge: Edge = "continues" if parent.state in {"finished", "refused"} else "interrupted"
    if subject.request_class == "compaction":
        edge = "compacts"
    elif subject.side:
        edge = "aside"
    return Link(edge, parent.moment.request_id, evidence)


def _resumes(subject: Subject, found: Found) -> Link | None:
    if not subject.continuation:
        return None
    handed_on = [one for one in found.summaries if one.moment < subject.moment and one.text in subject.continuation]
    if not handed_on:
        return None
    parent = max(handed_on, key=lambda one: (len(one.text), one.moment))
    return Link("resumes", parent.moment.request_id, (Evidence("summary", f"{len(parent.text)} characters"),))


def _spawned(subject: Subject, found: Found) -> Link | None:
    """Tasks that are known to be another agent's are not ours; of the rest the n-th starts the n-th sub-task."""
    if subject.history or subject.request_class == "compaction":
        return None
    tasks = sorted((one for one in found.tasks if one.moment < subject.moment), key=lambda one: one.moment)
    agent = subject.thread.agent
    named = [one for one in tasks if agent is not None and one.agent == agent]
    if named:
        return _spawned_by(named[0], Evidence("agent id", f"{agent} is in the result of {named[0].tool_use_id}"))
    free = [one for one in tasks if one.agent is None]
    if not free:
        return None
    taken = {one.agent for one in tasks if one.agent is not None}
    place = sum(rival.thread.agent not in taken for rival in _earlier(subject, found.rivals))
    task = free[min(place, len(free) - 1)]
    kind = "task prompt" if len(free) == 1 else "task prompt, by order"
    return _spawned_by(task, Evidence(kind, f"equal to that of {task.tool_use_id}"))


def _spawned_by(task: PendingTask, evidence: Evidence) -> Link:
    return Link("spawned", task.moment.request_id, (evidence,), task.tool_use_id)


def _earlier(subject: Subject, exchanges: Iterable[Earlier]) -> list[Earlier]:
    return [one for one in exchanges if one.moment < subject.moment]


@dataclass(frozen=True, slots=True)
class Child:
    """A continuation of a parent, as its own rule decided it."""

    moment: Moment
    edge: Edge


def branch_edges(children: Iterable[Child]) -> dict[UUID, Edge]:
    """The edges of one parent's continuations: the first goes on, every later one branches off."""
    ordered = sorted(
        (child for child in children if child.edge in {"continues", "interrupted"}), key=lambda c: c.moment
    )
    return {child.moment.request_id: child.edge if number == 0 else "branches" for number, child in enumerate(ordered)}
