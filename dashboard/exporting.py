"""How does a conversation leave the house? One branch as Markdown, as one HTML document, or as JSON.

The same bytes for the same record, whoever asks: the read API and the command share this.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from uuid import UUID

import msgspec

from dashboard.data import DataStore
from dashboard.errors import InvalidQueryError
from dashboard.lines import branch_for, line_of, subtasks_of
from dashboard.markup import render
from dashboard.reading import turns_of
from dashboard.views.markdown import markdown
from dashboard.views.reading import shown_turns
from domain.export_redaction import redacted, redacted_text
from domain.transcript import Turn
from domain.transcript_entries import Entry
from schemas.read_api import ConversationTree

Form = Literal["md", "html", "json"]
FORMS: tuple[Form, ...] = ("md", "html", "json")
CONTENT_TYPES: Mapping[Form, str] = MappingProxyType(
    {"md": "text/markdown", "html": "text/html", "json": "application/json"}
)
MOST_TURNS = 5_000
"""Exchanges in one export."""


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What is to be written."""

    form: Form = "md"
    branch: UUID | None = None
    """None: the first one."""
    redact: bool = True


@dataclass(frozen=True, slots=True)
class Exported:
    """A branch, ready to be written."""

    conversation: UUID
    branch: UUID
    title: str
    branch_name: str
    redacted: bool
    turns: tuple[Turn, ...]


async def export(store: DataStore, member: UUID, query: ExportQuery) -> bytes | None:
    """None: there is no such conversation. Raises InvalidQueryError, and NotAllowedError for one without redaction."""
    tree = await store.tree(member)
    if tree is None:
        return None
    branch = _branch(tree, member, query.branch)
    if not query.redact:
        await store.reveal("exported", tree.conversation.conversation_id)
    line = line_of(tree.nodes, branch)
    if len(line) > MOST_TURNS:
        raise InvalidQueryError(f"This branch has {len(line):,} exchanges; an export holds {MOST_TURNS:,} at most.")
    turns = await turns_of(store, line, subtasks_of(tree.nodes), 0, len(line))
    return await asyncio.to_thread(written, exported(tree, branch, turns, redact=query.redact), query.form)


def _branch(tree: ConversationTree, member: UUID, wanted: UUID | None) -> UUID:
    branch = branch_for(tree, wanted, None if wanted else member)
    if branch is None or (wanted is not None and branch != wanted):
        raise InvalidQueryError(f"branch={wanted} is no branch of this conversation; its tree lists them.")
    return branch


def exported(tree: ConversationTree, branch: UUID, turns: Sequence[Turn], *, redact: bool) -> Exported:
    name = next(one.name for one in tree.branches if one.branch_id == branch)
    title = tree.conversation.title
    return Exported(
        conversation=tree.conversation.conversation_id,
        branch=branch,
        title=redacted_text(title) if redact else title,
        branch_name=redacted_text(name) if redact else name,
        redacted=redact,
        turns=tuple(map(redacted, turns)) if redact else tuple(turns),
    )


def written(it: Exported, form: Form) -> bytes:
    text = ""
    match form:
        case "md":
            text = markdown(it.title, f"Branch {it.branch_name} of conversation {it.conversation}.", it.turns)
        case "html":
            text = str(render("export.html", it=it, turns=shown_turns(it.turns, "", whole=True)))
        case "json":
            text = msgspec.json.format(msgspec.json.encode(as_json(it))).decode() + "\n"
    return text.encode("utf-8", "replace")


def as_json(it: Exported) -> dict[str, object]:
    """Blocks are as they were sent."""
    return {
        "conversation_id": str(it.conversation),
        "branch_id": str(it.branch),
        "branch": it.branch_name,
        "title": it.title,
        "redacted": it.redacted,
        "turns": [_turn_as_json(turn) for turn in it.turns],
    }


def _turn_as_json(turn: Turn) -> dict[str, object]:
    facts = turn.facts
    return {
        "number": turn.number,
        "request_id": str(facts.request_id),
        "received_at": facts.received_at,
        "edge": facts.edge,
        "class": facts.request_class,
        "outcome": facts.outcome,
        "model": facts.model,
        "duration_ms": facts.duration_ms,
        "cost_usd": None if facts.cost_usd is None else f"{facts.cost_usd:f}",
        "prompt_tokens": facts.prompt_tokens,
        "output_tokens": facts.output_tokens,
        "entries": [_entry_as_json(entry) for entry in turn.entries],
    }


def _entry_as_json(entry: Entry) -> dict[str, object]:
    members: dict[str, object] = {
        "id": entry.id,
        "kind": entry.kind,
        "role": entry.role,
        "text": entry.text,
        "block": entry.block,
        "reminders": entry.reminders,
        "result": entry.result,
        "subtask": str(entry.subtask) if entry.subtask else "",
        "mark": entry.mark,
        "detail": entry.detail,
        "cut": entry.cut,
        "raw_input": entry.raw_input,
    }
    return {name: value for name, value in members.items() if value or name in {"id", "kind"}}
