"""``nexus compare``: what is different between two requests, or two branches, for a person or for a script?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.errors import NexusError

if TYPE_CHECKING:
    from ops.reading import Database
    from schemas.compare_api import CompareAnswer, DifferenceItem, PartItem, PlaceItem

MOST_DIFFERENCES = 60
TEXT_CHARS = 96
_SIGNS = {"changed": "~", "left": "-", "right": "+", "same": "="}


class UnfitComparisonError(NexusError):
    """These cannot be compared; `nexus compare --help` says what can be."""


def run(a: str, b: str | None, of: str | None, *, as_json: bool) -> None:
    """Raises UnfitComparisonError."""
    found = _read(a, b, of)
    print(found.model_dump_json() if as_json else told(found))


def told(found: "CompareAnswer") -> str:
    """Facts that differ, then what differs, a line each."""
    return "\n".join([*_head(found), *_facts(found), *_changes(found), *_differences(found), *_notes(found)])


def _head(found: "CompareAnswer") -> Iterator[str]:
    for sign, side in (("-", found.a), ("+", found.b)):
        title = f"  {_line(side.title)}" if side.title else ""
        yield f"{sign} {side.request_id}  {_line(side.name)}{title}"
    if found.shared:
        yield f"= {found.shared:,} shared"
    if found.same:
        yield "no difference"


def _facts(found: "CompareAnswer") -> Iterator[str]:
    differ = [fact for fact in found.facts if not fact.same]
    if differ:
        from ops.text_table import text_table

        rows = [(one.name, _line(one.a or "–"), _line(one.b or "–")) for one in differ]
        yield f"\n{text_table(('', 'left', 'right'), rows)}"


def _changes(found: "CompareAnswer") -> Iterator[str]:
    if found.changes:
        yield ""
    for one in found.changes:
        values = f": {_line(one.a or '')} → {_line(one.b or '')}" if one.a or one.b else ""
        yield f"~ {one.part} {_line(one.name)} {one.kind}{values}"


def _differences(found: "CompareAnswer") -> Iterator[str]:
    listed = [*found.differences, *found.answers]
    if listed:
        yield ""
    for one in listed[:MOST_DIFFERENCES]:
        yield from _difference(one)
    if len(listed) > MOST_DIFFERENCES:
        yield f"… and {len(listed) - MOST_DIFFERENCES:,} more; --json has them"


def _difference(one: "DifferenceItem") -> Iterator[str]:
    place = " | ".join(_place(side) for side in (one.a, one.b))
    if one.kind == "same":
        yield f"= {place}: {one.count:,} the same"
        return
    yield f"{_SIGNS[one.kind]} {place}"
    for part in one.parts:
        yield from _part(part)


def _part(part: "PartItem") -> Iterator[str]:
    for sign, side in (("-", part.a), ("+", part.b)):
        if side is not None:
            name = f"{side.kind} {_line(side.name)}".strip()
            yield f"    {sign} {name}: {_line(side.text)}"


def _place(side: "PlaceItem | None") -> str:
    return "–" if side is None else f"{_line(side.role)} {side.number}"


def _notes(found: "CompareAnswer") -> Iterator[str]:
    if found.compaction is not None:
        yield ""
        yield f"summary of {found.compaction.requests:,} exchanges: {_line(found.compaction.summary)}"
    if found.not_compared:
        yield ""
        yield from found.not_compared


def _line(text: str) -> str:
    """On one line, and nothing that a terminal would obey."""
    from dashboard.formatting import one_line

    return one_line(text, TEXT_CHARS)


def _read(a: str, b: str | None, of: str | None) -> "CompareAnswer":
    from multidict import MultiDict

    from dashboard.compare_answer import answered, reason_of
    from dashboard.comparing import NotCompared
    from dashboard.errors import InvalidQueryError
    from dashboard.queries import compare_query
    from ops.reading import with_database
    from ops.stores import data_store

    given = MultiDict({name: value for name, value in (("a", a), ("b", b), ("of", of)) if value is not None})

    try:
        query = compare_query(given)
    except InvalidQueryError as error:
        raise UnfitComparisonError(str(error)) from error

    async def work(database: "Database") -> "CompareAnswer | NotCompared":
        return await answered(data_store(database.pool), query)

    found = with_database("compare", work)
    if isinstance(found, NotCompared):
        raise UnfitComparisonError(reason_of(found, query))
    return found
