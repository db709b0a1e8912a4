"""How does a transcript read as Markdown? Entries in, text out; pure. What is from the wire brings no HTML with it."""

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType

import msgspec

from dashboard.views.reading import DETAILS, MARKS
from domain.tool_calls import edits_of, todos_of
from domain.transcript import Turn
from domain.transcript_entries import Entry, result_text, without_tags
from schemas.anthropic.stream import JsonObject, JsonValue

_TITLES = MappingProxyType(
    {
        "prompt": "User",
        "text": "Model",
        "thinking": "Thinking",
        "system": "System prompt",
        "summary": "Summary of what came before",
        "note": "Put in by the client",
    }
)
_CODE = re.compile(r"((?ms:^ {0,3}```[^`\n]*\n.*?^ {0,3}```[ \t]*$))")
"""A block of code that every reader of Markdown takes for one."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"(\]\(\s*<?|\]:\s*<?)(?:javascript|data|vbscript|file):", re.IGNORECASE)


def markdown(title: str, about: str, turns: Sequence[Turn]) -> str:
    lines = [f"# {_line(title) or 'Conversation'}", "", _line(about), ""]
    for turn in turns:
        if turn.entries:
            lines += [*_turn_head(turn), ""]
        for entry in turn.entries:
            lines += [*_entry_lines(entry), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _turn_head(turn: Turn) -> Iterator[str]:
    facts = turn.facts
    said = [f"{facts.received_at:%Y-%m-%d %H:%M:%S} UTC", facts.model or ""]
    said.append("" if facts.cost_usd is None else f"${facts.cost_usd:f}")
    yield f"## {turn.number} · {' · '.join(filter(None, map(_line, said)))}"


def _entry_lines(entry: Entry) -> Iterator[str]:
    match entry.kind:
        case "mark":
            detail = DETAILS.get(entry.detail, entry.detail)
            yield f"*{MARKS[entry.mark or 'cut']}{': ' if detail else ''}{_line(detail)}*"
        case "prompt" | "text":
            yield from (f"**{_TITLES[entry.kind]}**", "", tame(entry.text))
        case "thinking" | "system" | "summary" | "note":
            yield from _folded(_TITLES[entry.kind], entry.text or "\n".join(map(without_tags, entry.reminders)))
        case "call":
            yield from _call_lines(entry)
        case "result":
            yield from ("**Result**", "", *_fenced(_result(entry.block)))
        case "image":
            yield "*An image, which is left out here.*"
        case "other":
            yield from _fenced(_pretty(entry.block), "json")
    if entry.cut:
        yield from ("", "*cut here*")


def _call_lines(entry: Entry) -> Iterator[str]:
    name, given = entry.block.get("name"), entry.block.get("input")
    tool = name if isinstance(name, str) else "tool"
    yield from (f"**Tool: {_line(tool)}**", "")
    edits, todos = edits_of(tool, given), todos_of(tool, given)
    for edit in edits:
        yield from (f"`{_line(edit.path).replace('`', '')}`", "")
        yield from _fenced("\n".join(f"{line.sign}{line.text}" for line in edit.lines), "diff")
    for todo in todos:
        yield f"- [{'x' if todo.state == 'completed' else ' '}] {_line(todo.text)}"
    if not edits and not todos:
        yield from _fenced(_pretty(given) if entry.raw_input is None else entry.raw_input, "json")
    if entry.result is None:
        yield from ("", "*No result is recorded.*")
    else:
        failed = entry.result.get("is_error") is True
        yield from ("", "**Error**" if failed else "**Result**", "", *_fenced(_result(entry.result)))


def _result(block: JsonObject) -> str:
    return result_text(block) or "(nothing that is text)"


def _pretty(value: JsonValue) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _folded(title: str, text: str) -> Iterator[str]:
    """As a quotation: Markdown has no folds of its own."""
    yield f"> **{title}**"
    yield from (f"> {line}" for line in tame(text).splitlines())


def _fenced(text: str, language: str = "") -> Iterator[str]:
    """With a fence that is longer than any in the text."""
    runs = [len(line) - len(line.lstrip("`")) for line in map(str.lstrip, text.splitlines())]
    fence = "`" * max(3, 1 + max(runs, default=0))
    yield from (f"{fence}{language}", text, fence)


def tame(text: str) -> str:
    """Markdown in which no HTML stands, and no link that runs something; code stays as it is."""
    return "".join(piece if number % 2 else _without_html(piece) for number, piece in enumerate(_CODE.split(text)))


def _without_html(text: str) -> str:
    return _TAG.sub(r"\<", _LINK.sub(r"\1blocked:", text))


def _line(text: str) -> str:
    return _without_html(" ".join(text.split()))
