"""What did a tool call do to files and lists? Edits as differences by line, and lists of things to do; pure and total.

The tools and their inputs are Claude Code's (1.0.128 to 2.1.330); any other input says nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from schemas.anthropic.stream import JsonObject, JsonValue

Sign = Literal[" ", "+", "-"]
MAX_COMPARED = 400
"""Lines of either side; of more, all old lines stand before all new ones."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line that stayed, came or went."""

    sign: Sign
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one file."""

    path: str
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do."""

    text: str
    state: str
    """pending, in_progress, completed, or whatever was sent."""


def edits_of(name: str, given: JsonValue) -> tuple[Edit, ...]:
    """Empty: the call is no edit."""
    match name, given:
        case "Edit", {"file_path": str(path), "old_string": str(old), "new_string": str(new)}:
            return (Edit(path, difference(old, new)),)
        case "MultiEdit", {"file_path": str(path), "edits": list(edits)}:
            return tuple(edit for one in edits for edit in edits_of("Edit", _with_path(one, path)))
        case "Write", {"file_path": str(path), "content": str(content)}:
            return (Edit(path, difference("", content)),)
    return ()


def todos_of(name: str, given: JsonValue) -> tuple[Todo, ...]:
    """Empty: the call writes no list."""
    match name, given:
        case "TodoWrite", {"todos": list(todos)}:
            return tuple(
                Todo(_string(todo, "content"), _string(todo, "status")) for todo in todos if isinstance(todo, dict)
            )
    return ()


def difference(old: str, new: str) -> tuple[DiffLine, ...]:
    """Of two texts, line by line."""
    return difference_of_lines(old.splitlines(), new.splitlines())


def difference_of_lines(before: Sequence[str], after: Sequence[str]) -> tuple[DiffLine, ...]:
    """What stayed, came and went; of more than MAX_COMPARED lines nothing is said to have stayed."""
    if len(before) > MAX_COMPARED or len(after) > MAX_COMPARED:
        return replaced(before, after)
    lines = list[DiffLine]()
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += _lines(" ", before[a0:a1])
        else:
            lines += replaced(before[a0:a1], after[b0:b1])
    return tuple(lines)


def replaced(before: Sequence[str], after: Sequence[str]) -> tuple[DiffLine, ...]:
    """All old lines before all new ones."""
    return (*_lines("-", before), *_lines("+", after))


def _lines(sign: Sign, texts: Sequence[str]) -> list[DiffLine]:
    return [DiffLine(sign, text) for text in texts]


def _with_path(edit: JsonValue, path: str) -> JsonValue:
    return {**edit, "file_path": path} if isinstance(edit, dict) else None


def _string(value: JsonObject, name: str) -> str:
    member = value.get(name)
    return member if isinstance(member, str) else ""
