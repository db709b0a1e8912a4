"""Where can everything that was said be found again? Each text once, at the place where a line of talk says it first.

Of a request only what stands behind the last mark that an earlier request of its thread has is looked at in the
tables; the texts of parts are read before the transaction. Which of them are there already is known from memory; what
memory is wrong about, because a transaction came to nothing, is read after all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.classification import classify
from domain.exchange_facts import Moment, kept_headers
from domain.ids import Position
from domain.said import Said, said_in
from domain.sayings import EVERY, Saying, Thread, marks_of, sayings_of
from projections.exchanges import Exchange, ExchangeReader, header, session_of
from projections.projector import Write
from projections.read_models import search
from projections.read_models.connection import Connection
from projections.read_models.rows import storable
from projections.read_models.search import MarkRow, PlaceRow, said_id
from projections.remembered import Remembered

_TEXTS_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class _Talk:
    """What one exchange says."""

    scope: str
    moment: Moment
    thread: UUID
    aside: bool
    sayings: tuple[Saying, ...]
    marks: tuple[MarkRow, ...]

    def behind(self, earlier: Collection[tuple[UUID, UUID]]) -> tuple[Saying, ...]:
        """What no earlier request of the thread is known to have said in the same way."""
        known = next((n for n in range(len(self.marks), 0, -1) if self.marks[n - 1].key in earlier), 0)
        return self.sayings[known * EVERY :]


Words = tuple[str, bytes]
"""Scope, and digest of the words."""


class SearchProjector:
    """Keeps ``search_pieces``, ``search_places`` and ``search_marks``."""

    def __init__(self, reader: ExchangeReader) -> None:
        self._reader = reader
        self._saved = Remembered[Words, bool](_TEXTS_REMEMBERED)

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        talks = [talk for one in await self._reader.read(request_ids, upto) if (talk := _talk_of(one)) is not None]
        sources = {(talk.scope, one.digest): one for talk in talks for one in talk.sayings}
        fresh = {words: one for words, one in sources.items() if self._saved.get(words) is None}
        texts = await self._texts(fresh)

        async def write(tx: Connection) -> None:
            marks = [row for talk in talks for row in talk.marks]
            earlier = await search.said_earlier(tx, marks)
            await search.save_marks(tx, [row for row in marks if row.key not in earlier])
            told = [(talk, one) for talk in talks for one in talk.behind(earlier)]
            await search.save_places(tx, [_place(talk, one) for talk, one in told])
            by_id = {said_id(talk.scope, one.digest): (talk.scope, one.digest) for talk, one in told}
            lacking = {said: by_id[said] for said in await search.unknown(tx, by_id)}
            late = await self._texts({words: sources[words] for words in lacking.values() if words not in texts})
            await search.save_pieces(tx, _pieces(lacking, {**texts, **late}))
            for words in fresh:
                self._saved.put(words, value=True)

        return write

    async def _texts(self, sources: Mapping[Words, Saying]) -> dict[Words, Said]:
        """Without those that were erased."""
        parts = {words: (words[0], one.part) for words, one in sources.items() if one.part is not None}
        blocks = await self._reader.blocks(set(parts.values())) if parts else {}
        found = {
            words: said_in(blocks.get(parts[words]) if words in parts else one.block) for words, one in sources.items()
        }
        return {words: said for words, said in found.items() if said is not None}


def _talk_of(one: Exchange) -> _Talk | None:
    request = one.request
    sayings = sayings_of(one.view, one.message)
    if request is None or not sayings:
        return None
    found = classify(request.target, kept_headers(request), one.view)
    thread = Thread(
        scope=request.scope,
        session=session_of(request, one.view),
        agent=header(request.headers, "x-claude-code-agent-id"),
        aside=found.request_class == "auxiliary" and not found.side,
    )
    key, moment = thread.key(sayings), Moment(request.timestamp, one.request_id)
    marks = tuple(MarkRow(UUID(bytes=mark), moment) for mark in marks_of(key, sayings))
    return _Talk(request.scope, moment, UUID(bytes=key), thread.aside, sayings, marks)


def _place(talk: _Talk, one: Saying) -> PlaceRow:
    return PlaceRow(
        thread=talk.thread,
        said=said_id(talk.scope, one.digest),
        received_at=talk.moment.received_at,
        request_id=talk.moment.request_id,
        in_answer=one.in_answer,
        place=one.place,
        role=storable(one.role, 100),
        tool_name=storable(one.tool_name, 200),
        aside=talk.aside,
    )


def _pieces(wanted: Mapping[UUID, Words], texts: Mapping[Words, Said]) -> list[tuple[UUID, str, Said]]:
    """By id and scope, without those that are gone."""
    return [(said, words[0], texts[words]) for said, words in sorted(wanted.items()) if words in texts]
