"""Which lines of a JSON tree are open? A value and the opened places in, lines for a template out.

Places are numbers: "0.3" is the fourth member of the first member, so that a name from the wire is never a path.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import msgspec

from dashboard.details import OpenedBody
from dashboard.formatting import one_line
from dashboard.views.prose import Prose, verbatim
from domain.secrets_in_text import hide_in
from schemas.anthropic.stream import JsonValue, NotJsonError, read_json

MAX_TREE_BYTES = 8_000_000
"""A larger body is offered for download only."""
MAX_LINES = 3_000
MAX_MEMBERS = 400
"""Of one object or array."""
SHORT_CHARS, NAMES_CHARS = 160, 80
LONG_CHARS = 60_000

Kind = Literal["object", "array", "string", "number", "literal"]


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line of the tree."""

    place: str
    depth: int
    name: str | None
    """None: it is the whole, or an array's member."""
    kind: Kind
    text: str
    """Of an object its names, of an array how many it has."""
    opens: bool
    """There is more to see."""
    opened: bool


@dataclass(frozen=True, slots=True)
class RawSide:
    """One half of an exchange: as a tree, as text, or not at all."""

    name: str
    """request or response: also the last word of the bytes' address."""
    body: OpenedBody
    lines: Sequence[JsonLine]
    """Empty: it is no JSON."""
    text: Prose | None
    """None: it is a tree, or there is nothing to show."""


def raw_side(name: str, body: OpenedBody, opened: Collection[str]) -> RawSide:
    """``opened``: places, each with the side's name and a colon before it."""
    if not body.data or len(body.data) > MAX_TREE_BYTES:
        return RawSide(name, body, (), None)
    try:
        value = hide_in(read_json(body.text))  # escaped letters hide a key from a search in the bytes
    except NotJsonError:
        return RawSide(name, body, (), verbatim(body.text))
    mine = {place.removeprefix(f"{name}:") for place in opened if place.startswith(f"{name}:")}
    return RawSide(name, body, json_lines(value, mine), None)


def json_lines(value: JsonValue, opened: Collection[str]) -> Sequence[JsonLine]:
    """The lines to show; the whole stands at the place "", opened."""
    lines = list[JsonLine]()
    for line in _lines(value, None, (), opened):
        lines.append(line)
        if len(lines) >= MAX_LINES:
            break
    return lines


def _lines(value: JsonValue, name: str | None, place: tuple[int, ...], opened: Collection[str]) -> Iterator[JsonLine]:
    where = ".".join(map(str, place))
    is_open = not place or where in opened
    match value:
        case dict() | list():
            members = _members(value)
            kind: Kind = "object" if isinstance(value, dict) else "array"
            yield JsonLine(where, len(place), name, kind, _contents(value), bool(value), is_open)
            if is_open:
                for number, (member_name, member) in enumerate(members):
                    yield from _lines(member, member_name, (*place, number), opened)
        case str():
            yield _string(value, name, where, len(place), is_open=where in opened)
        case bool() | None:
            yield JsonLine(where, len(place), name, "literal", _written(value), opens=False, opened=False)
        case _:
            yield JsonLine(where, len(place), name, "number", _written(value), opens=False, opened=False)


def _members(value: dict[str, JsonValue] | list[JsonValue]) -> Sequence[tuple[str | None, JsonValue]]:
    pairs: Iterable[tuple[str | None, JsonValue]] = (
        value.items() if isinstance(value, dict) else ((None, member) for member in value)
    )
    return list(islice(pairs, MAX_MEMBERS))


def _contents(value: dict[str, JsonValue] | list[JsonValue]) -> str:
    hidden = f", the first {MAX_MEMBERS} shown" if len(value) > MAX_MEMBERS else ""
    if isinstance(value, list):
        return f"[{len(value):,}]{hidden}"
    return one_line(f"{{{', '.join(islice(value, MAX_MEMBERS))}}}", NAMES_CHARS) + hidden


def _string(value: str, name: str | None, where: str, depth: int, *, is_open: bool) -> JsonLine:
    long = len(value) > SHORT_CHARS or "\n" in value
    shown = value[:LONG_CHARS] if is_open else value[:SHORT_CHARS]
    rest = len(value) - len(shown)
    text = shown if is_open and long else _written(shown)
    return JsonLine(
        where, depth, name, "string", text + (f" … {rest:,} more characters" if rest else ""), long, is_open
    )


def _written(value: JsonValue) -> str:
    return msgspec.json.encode(value).decode()
