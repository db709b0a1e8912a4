"""``nexus search``: where was something said, for a person or for a script?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from domain.errors import NexusError

if TYPE_CHECKING:
    from dashboard.searching import SearchQuery
    from ops.reading import Database
    from schemas.search_api import SearchAnswer, SearchHit, SnippetPiece

_NOTHING = "Nobody said that. Try fewer words, or a beginning such as time*."
_MARKED, _PLAIN = "\x1b[1;33m", "\x1b[0m"


class UnfitSearchError(NexusError):
    """This cannot be searched for; `nexus search --help` says what can be."""


def run(words: Sequence[str], filters: Mapping[str, str | None], *, as_json: bool, colour: bool) -> None:
    """``filters``: the other parameters of ``GET /api/search``. Raises UnfitSearchError."""
    found = _read(query_of(words, filters))
    print(found.model_dump_json(by_alias=True) if as_json else listed(found, colour=colour))


def query_of(words: Sequence[str], filters: Mapping[str, str | None]) -> "SearchQuery":
    """The same question that the read API is asked. Raises UnfitSearchError."""
    from multidict import MultiDict

    from dashboard.errors import InvalidQueryError
    from dashboard.queries import search_query

    given = MultiDict({name: value for name, value in filters.items() if value is not None})
    given["q"] = " ".join(words)
    try:
        return search_query(given)
    except InvalidQueryError as error:
        raise UnfitSearchError(str(error)) from error


def listed(found: "SearchAnswer", *, colour: bool) -> str:
    """A few lines for each place."""
    if not found.items:
        return _NOTHING
    which = "the newest " if found.at_least else ""
    tail = f"{len(found.items):,} of {which}{found.total:,} places"
    if found.next_cursor is not None:
        tail += f"; --cursor {found.next_cursor} shows more"
    return "\n".join([*(_place(hit, colour=colour) for hit in found.items), tail])


def _place(hit: "SearchHit", *, colour: bool) -> str:
    what = " ".join(filter(None, [hit.kind.replace("_", " "), hit.tool, "failed" if hit.is_error else None]))
    who = " · ".join(filter(None, [hit.project, hit.account, hit.model]))
    head = f"{hit.received_at:%Y-%m-%d %H:%M:%S}Z  {what}  {hit.request_id}"
    said = "".join(_marked(one, colour=colour) for one in hit.snippet)
    lines = [_shown(" ".join((hit.title or "").split())), _shown(who), said]
    return "\n".join([_shown(head), *(f"  {line}" for line in lines if line), ""])


def _marked(piece: "SnippetPiece", *, colour: bool) -> str:
    text = _shown(piece.text)
    return f"{_MARKED}{text}{_PLAIN}" if piece.found and colour else text


def _shown(text: str) -> str:
    """What a terminal would take for a command is shown as a sign."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _read(query: "SearchQuery") -> "SearchAnswer":
    from dashboard.errors import InvalidQueryError
    from domain.search_query import InvalidSearchError
    from ops.reading import with_database
    from ops.stores import data_store

    async def work(database: "Database") -> "SearchAnswer":
        return await data_store(database.pool).search(query)

    try:
        return with_database("search", work)
    except (InvalidQueryError, InvalidSearchError) as error:
        raise UnfitSearchError(str(error)) from error
