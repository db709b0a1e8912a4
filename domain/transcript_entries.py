"""What is one entry of a transcript? A block from the wire in, what it is to a reader out; total.

A block of a kind that nobody knows is ``other``: it is shown as it is.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from domain.blocks import BlockFacts
from domain.content_blocks import Block
from domain.phrases import CONTINUATION, REMINDER, REMINDER_TAG
from schemas.anthropic.stream import JsonObject, JsonValue

Kind = Literal["prompt", "text", "thinking", "call", "result", "image", "summary", "note", "system", "mark", "other"]
Mark = Literal["", "retry", "open", "failed", "cut", "interrupted", "lost request", "lost answer"]
TRACES = (
    "<local-command-caveat>",
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<command-name>",
    "<command-message>",
    "<bash-stdout>",
    "<task-notification>",
)
"""Starts of user texts in which the client tells of commands and background tasks (1.0.128 to 2.1.330)."""
_REMINDER_END = "</system-reminder>"
INTERRUPTED = "[Request interrupted by user"
"""Start of the text that tells the model of an interruption (1.0.128 to 2.1.330)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was said."""

    id: str
    """Stays the same for the same block, whoever reads it and how often."""
    kind: Kind
    role: str = ""
    block: JsonObject
    """As it was sent."""
    text: str = ""
    """Of what is text: without what the client put in."""
    reminders: tuple[str, ...] = ()
    """What the client put in."""
    call_id: str = ""
    """Of a call, and of a result."""
    result: JsonObject | None = None
    """Of a call: what came back; None: nothing did, as far as is known."""
    subtask: UUID | None = None
    """Of a call: the branch that it began."""
    mark: Mark = ""
    detail: str = ""
    """Of a mark."""
    cut: bool = False
    """There may have been more of it."""
    raw_input: str | None = None
    """Of a call: its input, if that is no whole JSON."""


def sent(name: str, role: str, block: JsonObject, facts: BlockFacts) -> Entry:
    """A block of a request. ``facts``: the same block's."""
    text, reminders = split_reminders(_string(block, "text"))
    kind = kind_of(block)
    if kind == "text" and role != "assistant":
        if text.startswith(INTERRUPTED):
            return Entry(id=name, kind="mark", role=role, block=block, text=text, mark="interrupted")
        kind = _said_by(role, text, facts)
    if kind == "text" and facts.passing == "assistant":
        kind = "note"
    return _entry(name, kind, role, block, text, reminders)


def by_client(name: str, block: JsonObject) -> Entry:
    """A block of a request that the client sent on its own: nobody typed it."""
    text, reminders = split_reminders(_string(block, "text"))
    kind = kind_of(block)
    return _entry(name, "note" if kind == "text" else kind, "user", block, text, reminders)


def answered(name: str, block: Block) -> Entry:
    """A block of an answer."""
    value = block.value
    kind = kind_of(value)
    return Entry(
        id=name,
        kind=kind,
        role="assistant",
        block=value,
        text=_text_of(kind, value),
        call_id=_call_id(kind, value),
        cut=block.cut,
        raw_input=block.raw_input,
    )


def system_entry(name: str, texts: tuple[str, ...]) -> Entry:
    return Entry(id=name, kind="system", role="system", block={}, text="\n\n".join(texts))


def mark(name: str, what: Mark, detail: str = "") -> Entry:
    return Entry(id=name, kind="mark", block={}, mark=what, detail=detail)


def without_tags(reminder: str) -> str:
    return reminder.removeprefix(REMINDER_TAG).removesuffix(_REMINDER_END).strip()


def kind_of(block: JsonObject) -> Kind:
    match block:
        case {"type": "text", "text": str()}:
            return "text"
        case {"type": "thinking", "thinking": str()} | {"type": "redacted_thinking"}:
            return "thinking"
        case {"type": "image", "source": dict()}:
            return "image"
        case {"type": str(kind)} if kind.endswith("tool_use"):
            return "call"
        case {"type": str(kind)} if kind.endswith("tool_result"):
            return "result"
    return "other"


def result_text(block: JsonObject) -> str:
    """What a result says, as text; what is no text in it is left out."""
    content = block.get("content")
    return "\n".join(_texts(content if isinstance(content, list) else [content]))


def split_reminders(text: str) -> tuple[str, tuple[str, ...]]:
    """What was said, and what the client put in."""
    if REMINDER_TAG not in text:
        return text, ()
    return REMINDER.sub("", text).strip(), tuple(REMINDER.findall(text))


def _said_by(role: str, text: str, facts: BlockFacts) -> Kind:
    if text.startswith(CONTINUATION):
        return "summary"
    by_itself = role == "system" or not text or facts.passing == "user" or text.lstrip().startswith(TRACES)
    return "note" if by_itself else "prompt"


def _entry(name: str, kind: Kind, role: str, block: JsonObject, text: str, reminders: tuple[str, ...]) -> Entry:
    shown = text if kind in {"prompt", "text", "note", "summary"} else _text_of(kind, block)
    return Entry(
        id=name, kind=kind, role=role, block=block, text=shown, reminders=reminders, call_id=_call_id(kind, block)
    )


def _text_of(kind: Kind, block: JsonObject) -> str:
    if kind == "thinking":
        return _string(block, "thinking")
    return _string(block, "text") if kind == "text" else ""


def _call_id(kind: Kind, block: JsonObject) -> str:
    member = {"call": "id", "result": "tool_use_id"}.get(kind)
    return _string(block, member) if member else ""


def _texts(items: list[JsonValue]) -> list[str]:
    texts = [item if isinstance(item, str) else _string(item, "text") for item in items if isinstance(item, str | dict)]
    return [text for text in texts if text]


def _string(block: JsonObject, name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
