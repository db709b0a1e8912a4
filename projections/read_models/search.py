"""How is what was said kept for searching? Each text once a scope, and for each thread the place that said it first.

A place gives way to an earlier one, and so does a mark: whatever order exchanges come in, the rows are the same.
"""

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.exchange_facts import Moment
from domain.said import Said
from domain.search_pieces import pieces_of
from domain.search_words import as_vector
from projections.read_models.connection import Connection
from projections.read_models.rows import as_json, storable

_DIGEST_BYTES = 16
_MOST = 2**31
SELECT_EARLIER = """
SELECT m.mark, asked.request_id FROM search_marks m
JOIN unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) asked (mark, received_at, request_id) ON asked.mark = m.mark
WHERE (m.received_at, m.request_id) < (asked.received_at, asked.request_id)
"""
UPSERT_MARKS = """
INSERT INTO search_marks SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[])
ON CONFLICT (mark) DO UPDATE SET received_at = excluded.received_at, request_id = excluded.request_id
WHERE (excluded.received_at, excluded.request_id) < (search_marks.received_at, search_marks.request_id)
"""
UPSERT_PLACES = """
INSERT INTO search_places SELECT * FROM jsonb_populate_recordset(NULL::search_places, $1::jsonb)
ON CONFLICT (thread, said) DO UPDATE SET received_at = excluded.received_at, request_id = excluded.request_id,
    in_answer = excluded.in_answer, place = excluded.place, role = excluded.role, tool_name = excluded.tool_name,
    aside = excluded.aside
WHERE (excluded.received_at, excluded.request_id, excluded.in_answer, excluded.place)
    < (search_places.received_at, search_places.request_id, search_places.in_answer, search_places.place)
"""
SELECT_KNOWN = "SELECT said FROM search_pieces WHERE said = ANY($1::uuid[]) AND number = 0"
INSERT_PIECES = """
INSERT INTO search_pieces
SELECT said, number, scope, kind, is_error, content, words::tsvector
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[])
    AS piece (said, number, scope, kind, is_error, content, words)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class MarkRow:
    """All that a thread's request says up to somewhere."""

    mark: UUID
    moment: Moment

    @property
    def key(self) -> tuple[UUID, UUID]:
        return self.mark, self.moment.request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow:
    """Where a thread says something."""

    thread: UUID
    said: UUID
    received_at: datetime
    request_id: UUID
    in_answer: bool
    place: int
    role: str
    tool_name: str
    aside: bool

    @property
    def order(self) -> tuple[datetime, UUID, bool, int]:
        return self.received_at, self.request_id, self.in_answer, self.place


def said_id(scope: str, digest: bytes) -> UUID:
    """``digest``: of the words."""
    hashed = hashlib.blake2b(scope.encode("utf-8", "replace") + b"\0" + digest, digest_size=_DIGEST_BYTES)
    return UUID(bytes=hashed.digest())


async def said_earlier(tx: Connection, marks: Sequence[MarkRow]) -> set[tuple[UUID, UUID]]:
    """Mark and request, where a request before this one is known to have the mark."""
    if not marks:
        return set()
    return {(row["mark"], row["request_id"]) for row in await tx.fetch(SELECT_EARLIER, *_columns(marks))}


async def save_marks(tx: Connection, marks: Iterable[MarkRow]) -> None:
    first = {row.mark: row for row in sorted(marks, key=lambda row: row.moment, reverse=True)}
    if first:
        await tx.execute(UPSERT_MARKS, *_columns([first[mark] for mark in sorted(first)]))


async def save_places(tx: Connection, places: Iterable[PlaceRow]) -> None:
    first = {(row.thread, row.said): row for row in sorted(places, key=lambda row: row.order, reverse=True)}
    if first:
        await tx.execute(UPSERT_PLACES, as_json([first[key] for key in sorted(first)]))


async def unknown(tx: Connection, said: Collection[UUID]) -> set[UUID]:
    """Those whose pieces are still to be saved."""
    if not said:
        return set()
    return set(said) - {row["said"] for row in await tx.fetch(SELECT_KNOWN, list(said))}


async def save_pieces(tx: Connection, texts: Iterable[tuple[UUID, str, Said]]) -> None:
    """``texts``: by id and scope. Their words are cut in a thread, so that nobody else waits for much new text."""
    if rows := await asyncio.to_thread(_piece_rows, list(texts)):
        await tx.execute(INSERT_PIECES, *map(list, zip(*rows, strict=True)))


def _piece_rows(texts: Sequence[tuple[UUID, str, Said]]) -> list[tuple[UUID, int, str, str, bool, str, str]]:
    return [
        (said, number, storable(scope), words.kind, words.is_error, piece, as_vector(piece))
        for said, scope, words in texts
        for number, piece in enumerate(pieces_of(storable(words.text, _MOST)))
    ]


def _columns(marks: Sequence[MarkRow]) -> tuple[list[UUID], list[datetime], list[UUID]]:
    return (
        [row.mark for row in marks],
        [row.moment.received_at for row in marks],
        [row.moment.request_id for row in marks],
    )
