"""What is a link? A request's edge to its parent, with the evidence for it and how sure that makes us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from domain.classification import Evidence
from domain.exchange_facts import Moment
from domain.linking_facts import Earlier, Subject

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
    "correction": 1.0,
    "agent id": 1.0,
    "tool use id": 1.0,
    "history": 1.0,
    "history, answer cut": 0.95,
    "history, without answer": 0.9,
    "history in another session": 0.9,
    "history of another thread": 0.9,
    "summary": 1.0,
    "continuation phrase": 0.6,
    "same messages": 0.95,
    "task prompt": 0.9,
    "task prompt, by order": 0.7,
    "tool use id, changed history": 0.9,
    "equal answer, changed history": 0.6,
    "session": 0.3,
    "same messages again": 0.7,
    "no earlier exchange": 0.9,
    "no parent found": 0.5,
    "class": 1.0,
}
"""How sure each kind of evidence makes us; a link is as sure as its strongest evidence."""


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


def standing_on(subject: Subject, edge: Edge) -> Edge:
    """The edge of what stands on an exchange without being its continuation; else the given one."""
    if subject.request_class == "compaction":
        return "compacts"
    return "aside" if subject.side else edge


def earlier(subject: Subject, exchanges: Iterable[Earlier]) -> list[Earlier]:
    return sorted((one for one in exchanges if one.moment < subject.moment), key=lambda one: one.moment)


def on_thread(subject: Subject, exchanges: Iterable[Earlier]) -> list[Earlier]:
    return [one for one in earlier(subject, exchanges) if one.thread == subject.thread]


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
