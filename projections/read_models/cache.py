"""What is kept to explain the prompt cache? Each request's blocks in shared segments, and the verdicts.

A request's blocks are written in segments of up to 32, each once a scope, so a turn of a long session costs its new
segments and a list of the others.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

import asyncpg
import msgspec

from domain.cached_prompt import CachedPrompt, Mark, Piece, PromptUse
from projections.read_models.connection import Connection
from projections.read_models.rows import as_json

SEGMENT = 32
_DIGEST_BYTES = 16
DELETE_PROMPTS = "DELETE FROM cache_prompts WHERE request_id = ANY($1::uuid[])"
INSERT_PROMPTS = "INSERT INTO cache_prompts SELECT * FROM jsonb_populate_recordset(NULL::cache_prompts, $1::jsonb)"
INSERT_SEGMENTS = """
INSERT INTO cache_segments SELECT * FROM unnest($1::uuid[], $2::bytea[]) ON CONFLICT DO NOTHING
"""
DELETE_VERDICTS = "DELETE FROM cache_verdicts WHERE request_id = ANY($1::uuid[])"
INSERT_VERDICTS = "INSERT INTO cache_verdicts SELECT * FROM jsonb_populate_recordset(NULL::cache_verdicts, $1::jsonb)"
SELECT_TOUCHED = """
SELECT s.request_id
FROM cache_prompts t
LEFT JOIN LATERAL (
    SELECT n.received_at, n.request_id FROM cache_prompts n
    WHERE n.scope = t.scope AND n.session = t.session AND n.agent = t.agent AND n.opening = t.opening
        AND n.talks AND n.answered AND n.whole AND (n.received_at, n.request_id) > (t.received_at, t.request_id)
    ORDER BY n.received_at, n.request_id LIMIT 1
) o ON true
LEFT JOIN LATERAL (
    SELECT n.received_at, n.request_id FROM cache_prompts n
    WHERE n.scope = t.scope AND n.session = t.session AND n.agent = t.agent AND n.frame = t.frame
        AND n.talks AND n.answered AND n.whole AND (n.received_at, n.request_id) > (t.received_at, t.request_id)
    ORDER BY n.received_at, n.request_id LIMIT 1
) f ON true
JOIN cache_prompts s ON s.scope = t.scope AND s.session = t.session AND s.agent = t.agent
    AND (s.received_at, s.request_id) > (t.received_at, t.request_id)
WHERE t.request_id = ANY($1::uuid[]) AND (
    NOT t.whole OR t.answered AND (
        NOT t.talks OR NOT s.whole
        OR s.opening = t.opening
            AND (o.request_id IS NULL OR (s.received_at, s.request_id) <= (o.received_at, o.request_id))
        OR s.frame = t.frame
            AND (f.request_id IS NULL OR (s.received_at, s.request_id) <= (f.received_at, f.request_id))
    )
)
"""
"""Whoever may now have another request before it."""
SELECT_CASES = """
SELECT s.request_id, p.request_id AS previous_request_id,
    EXISTS (
        SELECT FROM cache_prompts g
        WHERE g.scope = s.scope AND g.session = s.session AND g.agent = s.agent AND NOT g.whole
            AND (g.received_at, g.request_id) < (s.received_at, s.request_id)
            AND (p.request_id IS NULL OR (g.received_at, g.request_id) > (p.received_at, p.request_id))
    ) AS incomplete,
    (
        SELECT max(u.received_at) FROM cache_prompts u
        WHERE u.scope = s.scope AND u.session = s.session AND u.agent = s.agent AND NOT u.talks
            AND (u.received_at, u.request_id) < (s.received_at, s.request_id)
            AND (u.received_at, u.request_id) > (p.received_at, p.request_id) AND u.cached >= p.cached
    ) AS used_at
FROM cache_prompts s
LEFT JOIN LATERAL (
    SELECT * FROM (
        (SELECT 1 AS rank, o.* FROM cache_prompts o
        WHERE o.scope = s.scope AND o.session = s.session AND o.agent = s.agent AND o.opening = s.opening
            AND o.talks AND o.answered AND o.whole AND (o.received_at, o.request_id) < (s.received_at, s.request_id)
        ORDER BY o.received_at DESC, o.request_id DESC LIMIT 1)
        UNION ALL
        (SELECT 2 AS rank, f.* FROM cache_prompts f
        WHERE f.scope = s.scope AND f.session = s.session AND f.agent = s.agent AND f.frame = s.frame
            AND f.talks AND f.answered AND f.whole AND (f.received_at, f.request_id) < (s.received_at, s.request_id)
        ORDER BY f.received_at DESC, f.request_id DESC LIMIT 1)
        UNION ALL
        (SELECT 3 AS rank, a.* FROM cache_prompts a
        WHERE NOT s.whole AND a.scope = s.scope AND a.session = s.session AND a.agent = s.agent
            AND a.talks AND a.answered AND a.whole AND (a.received_at, a.request_id) < (s.received_at, s.request_id)
        ORDER BY a.received_at DESC, a.request_id DESC LIMIT 1)
    ) AS candidates ORDER BY rank LIMIT 1
) p ON true
WHERE s.request_id = ANY($1::uuid[]) AND (s.answered OR s.answering_at IS NOT NULL AND s.ended_at IS NOT NULL)
"""
"""Each request that was answered, with the newest earlier one of its line of talk and what lies between."""
SELECT_PROMPTS = "SELECT * FROM cache_prompts WHERE request_id = ANY($1::uuid[])"
SELECT_SEGMENTS = "SELECT segment, pieces FROM cache_segments WHERE segment = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRow:
    """One request of a line of talk."""

    request_id: UUID
    received_at: datetime
    answering_at: datetime | None
    ended_at: datetime | None
    scope: str
    session: str
    agent: str
    talks: bool
    whole: bool
    opening: UUID | None
    frame: UUID | None
    continues: bool
    segments: tuple[UUID, ...]
    marks: tuple[Mark, ...]
    model: str
    organisation: str
    settings: tuple[tuple[str, str], ...]
    betas: tuple[str, ...]
    answered: bool
    cached: int
    used: PromptUse | None
    client_domain: str
    account: str
    project: str | None
    service_tier: str
    speed: str
    inference_geo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """What became of the cache in one request."""

    request_id: UUID
    received_at: datetime
    previous_request_id: UUID | None
    cause: str
    certainty: str
    detail: str
    stable_blocks: int | None
    stable_tokens: int | None
    stable_estimated: bool
    divergence: dict[str, str | int] | None
    lost_tokens: int
    rewritten_5m_tokens: int
    rewritten_1h_tokens: int
    rewritten_input_tokens: int
    rewritten_estimated: bool
    prompt_tokens: int
    long_context: bool
    model: str
    client_domain: str
    account: str
    project: str | None
    service_tier: str
    speed: str
    inference_geo: str


@dataclass(frozen=True, slots=True)
class Case:
    """A request that was answered, and what is to be compared with it."""

    now: PromptRow
    before: PromptRow | None
    incomplete: bool
    used_at: datetime | None


Segments = Mapping[UUID, bytes]


def segments_of(scope: str, prompt: CachedPrompt) -> tuple[tuple[UUID, ...], dict[UUID, bytes]]:
    """The prompt's blocks: segments in order, and what is in each. No segment holds blocks of two sections."""
    order, found = list[UUID](), dict[UUID, bytes]()
    for _, section in groupby(prompt.pieces, lambda piece: piece.section):
        pieces = list(section)
        for start in range(0, len(pieces), SEGMENT):
            data = msgspec.msgpack.encode(pieces[start : start + SEGMENT])
            order.append(digest_id(scope.encode("utf-8", "replace") + b"\0" + data))
            found[order[-1]] = data
    return tuple(order), found


def digest_id(data: bytes) -> UUID:
    return UUID(bytes=hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest())


def prompt_in(row: PromptRow, segments: Segments) -> CachedPrompt | None:
    """None: it is not recorded whole."""
    if not row.whole:
        return None
    pieces = [piece for one in row.segments for piece in msgspec.msgpack.decode(segments[one], type=list[Piece])]
    return CachedPrompt(tuple(pieces), row.marks, row.continues)


async def save(
    tx: Connection, request_ids: Sequence[UUID], rows: Sequence[PromptRow], segments: Mapping[UUID, bytes]
) -> None:
    """Put the rows in the place of what stood there for these exchanges."""
    await tx.execute(DELETE_PROMPTS, request_ids)
    if rows:
        await tx.execute(INSERT_SEGMENTS, list(segments), list(segments.values()))
        await tx.execute(INSERT_PROMPTS, as_json(rows))


async def touched(tx: Connection, request_ids: Collection[UUID]) -> set[UUID]:
    """These, and every later request that may be compared with another one because of them."""
    found = await tx.fetch(SELECT_TOUCHED, list(request_ids))
    return {*request_ids, *(row["request_id"] for row in found)}


async def cases(tx: Connection, request_ids: Collection[UUID]) -> list[Case]:
    found = await tx.fetch(SELECT_CASES, list(request_ids))
    wanted = {row["request_id"] for row in found} | {row["previous_request_id"] for row in found} - {None}
    rows = {row["request_id"]: _prompt_row(row) for row in await tx.fetch(SELECT_PROMPTS, list(wanted))}
    return [
        Case(rows[row["request_id"]], rows.get(row["previous_request_id"]), row["incomplete"], row["used_at"])
        for row in found
    ]


async def segments_in(tx: Connection, found: Sequence[Case]) -> Segments:
    rows = [row for case in found for row in (case.now, case.before) if row is not None]
    wanted = {one for row in rows for one in row.segments}
    return {row["segment"]: row["pieces"] for row in await tx.fetch(SELECT_SEGMENTS, list(wanted))}


async def replace_verdicts(tx: Connection, request_ids: Collection[UUID], verdicts: Sequence[VerdictRow]) -> None:
    await tx.execute(DELETE_VERDICTS, list(request_ids))
    if verdicts:
        await tx.execute(INSERT_VERDICTS, as_json(verdicts))


def _prompt_row(row: asyncpg.Record) -> PromptRow:
    values = dict(row)
    values["marks"] = msgspec.json.decode(row["marks"], type=tuple[Mark, ...])
    values["settings"] = msgspec.json.decode(row["settings"], type=tuple[tuple[str, str], ...])
    values["used"] = None if row["used"] is None else msgspec.json.decode(row["used"], type=PromptUse)
    return PromptRow(**values)
