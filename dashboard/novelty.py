"""What does a request bring that the one before it did not? The details of both in, the comparison out; pure.

The request before is the parent of its link. Where there is none, or it cannot be read any more, that is said.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from dashboard.details import RequestDetails, SentRequest
from domain.prompt_changes import Change, Prompt, changes
from domain.whats_new import News, nothing_before, whats_new

Basis = Literal["before", "nothing", "unlinked", "missing", "erased", "not_kept", "unreadable"]
"""What it is held against. ``nothing``: no request is before it; the last four: there was one, but not its messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """A request against the one before."""

    basis: Basis
    edge: str = ""
    """To the request before."""
    before: UUID | None = None
    news: News | None = None
    """None: it cannot be told."""
    changes: tuple[Change, ...] = ()


def novelty(now: RequestDetails, before: RequestDetails | None) -> Novelty:
    """``before``: of the parent; None: it has none, or nothing of it is recorded."""
    item = now.item
    if item is None or item.edge is None:
        return Novelty(basis="unlinked")
    parent = item.parent_request_id
    if parent is None:
        return Novelty(basis="nothing", edge=item.edge, news=nothing_before(now.sent.messages))
    basis = _basis(before.sent if before else None)
    if before is None or basis != "before":
        return Novelty(basis=basis, edge=item.edge, before=parent)
    return Novelty(
        basis="before",
        edge=item.edge,
        before=parent,
        news=whats_new(now.sent.messages, before.sent.messages, before.answer.message.content),
        changes=changes(prompt_of(before.sent), prompt_of(now.sent)),
    )


def _basis(sent: SentRequest | None) -> Basis:
    if sent is None:
        return "missing"
    if sent.parsable:
        return "before"
    return sent.body.kept if sent.body.kept in {"erased", "not_kept"} else "unreadable"


def prompt_of(sent: SentRequest) -> Prompt:
    return Prompt(
        system=sent.system,
        tools=[tool.value for tool in sent.tools],
        messages=sent.messages,
        settings=sent.settings,
    )
