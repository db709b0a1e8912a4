"""What does a turn of a transcript look like to a reader? Entries in, plain values for a template out; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import UUID

from dashboard.views.blocks import Shown, raw_input, shown_block
from dashboard.views.prose import Prose, prose, verbatim
from domain.tool_calls import DiffLine, Todo, edits_of, todos_of
from domain.transcript import Turn, TurnFacts
from domain.transcript_entries import Entry, Mark, without_tags
from schemas.read_api import TreeNode

MAX_ENTRIES = 300
"""Of one turn on a page."""
MAX_DIFF = 400
"""Lines of one edit on a page."""
MARKS: Mapping[Mark, str] = MappingProxyType(
    {
        "retry": "Tried again",
        "open": "The answer is still coming",
        "failed": "Failed",
        "cut": "The answer was cut off",
        "interrupted": "Interrupted by the user",
        "lost request": "What was sent is missing",
        "lost answer": "An answer is missing",
    }
)
DETAILS = MappingProxyType(
    {
        "not_kept": "it could not be recorded",
        "erased": "it was erased",
        "unreadable": "its body cannot be read; its bytes are kept",
        "unseen": "it did not pass here; this is what the client sent back",
        "client": "by the client",
        "upstream": "by the other side",
        "timeout": "it took too long",
        "shutdown": "the gateway was stopped",
        "gateway_crash": "the gateway died",
    }
)


@dataclass(frozen=True, slots=True)
class ShownEdit:
    """A change of a file."""

    path: str
    lines: tuple[DiffLine, ...]
    hidden: int
    """Lines that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """An entry as a reader sees it."""

    id: str
    kind: str
    role: str
    chosen: bool
    """It is the one in the address."""
    text: Prose | None = None
    block: Shown | None = None
    reminders: tuple[str, ...] = ()
    edits: tuple[ShownEdit, ...] = ()
    todos: tuple[Todo, ...] = ()
    subtask: UUID | None = None
    unanswered: bool = False
    """A call that nothing came back for."""
    cut: bool = False
    mark: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A turn as a reader sees it."""

    number: int
    facts: TurnFacts
    entries: tuple[ShownEntry, ...]
    hidden: int
    """Entries that are not shown: the history may have begun before it passed here."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt in the list beside the text."""

    number: int
    request_id: UUID
    text: str
    edge: str


def shown_turns(turns: Sequence[Turn], chosen: str, *, whole: bool = False) -> tuple[ShownTurn, ...]:
    """Those that add something. ``chosen``: id of an entry, or of a request: its first entry then.

    ``whole``: however many entries a turn has.
    """
    return tuple(_turn(turn, chosen, len(turn.entries) if whole else MAX_ENTRIES) for turn in turns if turn.entries)


def _turn(turn: Turn, chosen: str, most: int) -> ShownTurn:
    place = next((place for place, entry in enumerate(turn.entries) if _is_chosen(entry, chosen)), None)
    start = max(0, len(turn.entries) - most)
    if place is not None:
        start = min(start, place)
    entries = turn.entries[start : start + most]
    shown = tuple(_shown(entry, chosen=place == number) for number, entry in enumerate(entries, start=start))
    return ShownTurn(turn.number, turn.facts, shown, len(turn.entries) - len(shown))


def _is_chosen(entry: Entry, chosen: str) -> bool:
    return bool(chosen) and (entry.id == chosen or entry.id.startswith(f"{chosen}."))


def prompts_of(line: Sequence[TreeNode]) -> tuple[Prompt, ...]:
    """What was typed on the line, in order; what is tried again stands once."""
    return tuple(
        Prompt(number, node.request_id, node.prompt, node.edge)
        for number, node in enumerate(line, start=1)
        if node.prompt and node.edge not in {"retries", "compacts"}
    )


def _shown(entry: Entry, *, chosen: bool) -> ShownEntry:
    plain = ShownEntry(id=entry.id, kind=entry.kind, role=entry.role, chosen=chosen, reminders=entry.reminders)
    match entry.kind:
        case "mark":
            return replace(plain, mark=MARKS[entry.mark or "cut"], detail=_detail(entry))
        case "call":
            return _call(plain, entry)
        case "note" if not entry.text:
            inside = "\n".join(map(without_tags, entry.reminders))
            return replace(plain, text=verbatim(inside), reminders=())
        case "prompt" | "text" | "thinking" | "summary" | "note":
            return replace(plain, text=prose(entry.text), cut=entry.cut)
        case "system":
            return replace(plain, text=verbatim(entry.text))
    return replace(plain, block=shown_block(entry.block), cut=entry.cut)


def _detail(entry: Entry) -> str:
    return DETAILS.get(entry.detail, entry.detail)


def _call(plain: ShownEntry, entry: Entry) -> ShownEntry:
    block = shown_block(entry.block)
    given = entry.block.get("input")
    edits = tuple(
        ShownEdit(edit.path, edit.lines[:MAX_DIFF], max(0, len(edit.lines) - MAX_DIFF))
        for edit in edits_of(block.title, given)
    )
    todos = todos_of(block.title, given)
    if entry.raw_input is not None:
        block = replace(block, arguments=raw_input(entry.raw_input))
    elif edits or todos:
        block = replace(block, arguments=())
    if entry.result is not None:
        block = replace(block, result=shown_block(entry.result))
    return replace(
        plain,
        block=block,
        edits=edits,
        todos=todos,
        subtask=entry.subtask,
        unanswered=entry.result is None,
        cut=entry.cut,
    )
