"""What else of a request is not as in the one before it? System prompt, tools, settings and cache marks; pure.

Blocks are compared as linking compares them: a mark that moved or a reminder that came makes no other text. The line
for billing in front of the system prompt says something else each time and is no part of it. Marks in messages are
counted from the end, where clients set them: they move on with every request.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from typing import Literal

import msgspec

from domain.alignment import common_start
from domain.blocks import Lifetime, block_facts, lifetime_of
from domain.phrases import BILLING_LINE
from domain.tool_calls import DiffLine, difference_of_lines, replaced
from domain.whats_new import Message, aligned
from schemas.anthropic.stream import JsonObject, JsonValue

CONTEXT = 2
"""Lines that stay, on either side of what changed."""
COMPARED = 8
"""Texts that are compared line by line; of more, what went stands before what came."""
Part = Literal["model", "setting", "tool", "tool order", "system", "marks"]
Kind = Literal["added", "removed", "changed"]
Hunk = tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """All of a request's body, taken apart."""

    system: Sequence[JsonObject] = ()
    tools: Sequence[JsonObject] = ()
    messages: Sequence[Message] = ()
    settings: JsonObject = field(default_factory=dict)
    """All other members."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place up to which the prompt is to be cached."""

    section: Literal["tool", "system", "message"]
    place: str
    """A tool's name; a system block's number, from 1; a message's number from the end, the last being 1."""
    lifetime: Lifetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as before."""

    part: Part
    kind: Kind
    name: str
    """Of a setting or a tool; a system block's number, from 1: in this request, or in the one before if it is gone."""
    before: JsonValue = None
    now: JsonValue = None
    """Of the model and of settings: what they say."""
    hunks: tuple[Hunk, ...] = ()
    """Of texts: the lines that differ, with some around them."""
    marks_before: tuple[Mark, ...] = ()
    marks: tuple[Mark, ...] = ()


def changes(before: Prompt, now: Prompt) -> tuple[Change, ...]:
    comparer = _Comparer()
    return (
        *_settings(before.settings, now.settings),
        *_tools(before.tools, now.tools, comparer),
        *_system(before.system, now.system, comparer),
        *_marks(marks_of(before), marks_of(now)),
    )


def marks_of(prompt: Prompt) -> tuple[Mark, ...]:
    return tuple(_marked(prompt))


def hunks_of(old: str, new: str, *, closely: bool = True) -> tuple[Hunk, ...]:
    """The lines that differ; what both begin and end with is not compared again."""
    before, after = old.splitlines(), new.splitlines()
    start = common_start(before, after)
    end = common_start(before[start:][::-1], after[start:][::-1])
    went, came = before[start : len(before) - end], after[start : len(after) - end]
    return tuple(
        _cut_up(
            [
                *(DiffLine(" ", text) for text in before[:start]),
                *(difference_of_lines(went, came) if closely else replaced(went, came)),
                *(DiffLine(" ", text) for text in before[len(before) - end :]),
            ]
        )
    )


class _Comparer:
    """Comparing costs the square of the lines, so only so many texts of a request are compared."""

    def __init__(self) -> None:
        self._left = COMPARED

    def hunks(self, old: str, new: str) -> tuple[Hunk, ...]:
        self._left -= bool(old and new)
        return hunks_of(old, new, closely=self._left >= 0)


def _settings(before: JsonObject, now: JsonObject) -> Iterator[Change]:
    """The model first, then by name."""
    for name in sorted(before.keys() | now.keys(), key=lambda name: (name != "model", name)):
        old, new = before.get(name), now.get(name)
        if old != new or (name in before) != (name in now):
            kind: Kind = "added" if name not in before else "removed" if name not in now else "changed"
            yield Change(part="model" if name == "model" else "setting", kind=kind, name=name, before=old, now=new)


def _tools(before: Sequence[JsonObject], now: Sequence[JsonObject], comparer: _Comparer) -> Iterator[Change]:
    """In the order of this request; a name that comes twice is told by its last one."""
    old, new = ({_name(tool): _without_mark(tool) for tool in tools} for tools in (before, now))
    for name, tool in new.items():
        if name not in old:
            yield Change(part="tool", kind="added", name=name)
        elif old[name] != tool:
            yield Change(
                part="tool", kind="changed", name=name, hunks=comparer.hunks(_as_json(old[name]), _as_json(tool))
            )
    yield from (Change(part="tool", kind="removed", name=name) for name in old if name not in new)
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield Change(part="tool order", kind="changed", name="")


def _system(before: Sequence[JsonObject], now: Sequence[JsonObject], comparer: _Comparer) -> Iterator[Change]:
    """What stands between two blocks that stayed is told one by one, as long as there is one to hold it against."""
    old, new = (_texts(blocks) for blocks in (before, now))
    found = aligned([key for _, key, _ in old], [key for _, key, _ in new])
    ends = [(-1, -1), *found.items(), (len(new), len(old))]
    for (here, there), (next_here, next_there) in pairwise(ends):
        for was, is_now in zip_longest(old[there + 1 : next_there], new[here + 1 : next_here]):
            kind: Kind = "added" if was is None else "removed" if is_now is None else "changed"
            number, _, _ = is_now or was
            texts = (one[2] if one else "" for one in (was, is_now))
            yield Change(part="system", kind=kind, name=str(number), hunks=comparer.hunks(*texts))


def _texts(blocks: Sequence[JsonObject]) -> list[tuple[int, bytes, str]]:
    """(number, digest, text) of each block that says something."""
    read = ((number, block, block_facts(block)) for number, block in enumerate(blocks, 1))
    return [
        (number, facts.digest, facts.text or _as_json(_without_mark(block)))
        for number, block, facts in read
        if facts.digest is not None and not facts.text.startswith(BILLING_LINE)
    ]


def _marks(before: tuple[Mark, ...], now: tuple[Mark, ...]) -> Iterator[Change]:
    if before != now:
        kind: Kind = "added" if not before else "removed" if not now else "changed"
        yield Change(part="marks", kind=kind, name="", marks_before=before, marks=now)


def _marked(prompt: Prompt) -> Iterator[Mark]:
    for tool in prompt.tools:
        if "cache_control" in tool:
            yield Mark("tool", _name(tool), lifetime_of(tool["cache_control"]))
    for number, block in enumerate(prompt.system, 1):
        if "cache_control" in block:
            yield Mark("system", str(number), lifetime_of(block["cache_control"]))
    for number, message in enumerate(prompt.messages):
        place = str(len(prompt.messages) - number)
        for block in message.blocks:
            if "cache_control" in block:
                yield Mark("message", place, lifetime_of(block["cache_control"]))


def _cut_up(lines: Sequence[DiffLine]) -> Iterator[Hunk]:
    """Runs of changed lines with CONTEXT around them; empty: nothing changed."""
    wanted = [place for place, line in enumerate(lines) if line.sign != " "]
    start = end = 0
    for place in wanted:
        if place - CONTEXT > end:
            if end:
                yield tuple(lines[start:end])
            start = place - CONTEXT
        end = min(place + CONTEXT + 1, len(lines))
    if end:
        yield tuple(lines[start:end])


def _name(tool: JsonObject) -> str:
    name = tool.get("name")
    return name if isinstance(name, str) else ""


def _without_mark(block: JsonObject) -> JsonObject:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _as_json(value: JsonObject) -> str:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic")).decode()
