"""What stands near these requests? The look-ups that find the candidates a link is chosen from.

Every look-up is bounded by the thread, the session or the path of the requests it is for.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import msgspec

from domain.classification import Evidence
from domain.exchange_facts import Moment, Thread
from domain.linking import Earlier, Found, PendingTask, Subject, Summary
from projections.read_models.connection import Connection

MAX_CANDIDATES = 64
"""Attempts at one turn, or exchanges with one answer, that are looked at: the newest before the request."""

SELECT_SUBJECTS = """
SELECT request_id, received_at, session, agent, declared_class, side, history, depth, continuation, class_evidence
FROM exchanges WHERE request_id = ANY($1::uuid[])
"""
SELECT_ATTEMPTS = """
SELECT s.request_id AS subject, e.request_id, e.received_at, e.session, e.agent, e.state, 0 AS depth
FROM exchanges s CROSS JOIN LATERAL (
    SELECT * FROM exchanges e
    WHERE e.request_node = s.request_node AND e.session IS NOT DISTINCT FROM s.session
      AND e.agent IS NOT DISTINCT FROM s.agent AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE s.request_id = ANY($1::uuid[])
"""
SELECT_HOLDERS = """
WITH RECURSIVE climb AS (
    SELECT s.request_id AS subject, s.scope, s.session, s.agent, s.received_at, s.request_node AS node, s.depth,
        EXISTS (
            SELECT FROM exchanges e WHERE e.answer_node = s.request_node
              AND e.session IS NOT DISTINCT FROM s.session AND e.agent IS NOT DISTINCT FROM s.agent
              AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
        ) AS held
    FROM exchanges s WHERE s.request_id = ANY($1::uuid[]) AND s.request_node IS NOT NULL
    UNION ALL
    SELECT c.subject, c.scope, c.session, c.agent, c.received_at, n.parent, c.depth - 1,
        EXISTS (
            SELECT FROM exchanges e WHERE e.answer_node = n.parent
              AND e.session IS NOT DISTINCT FROM c.session AND e.agent IS NOT DISTINCT FROM c.agent
              AND (e.received_at, e.request_id) < (c.received_at, c.subject)
        )
    FROM climb c JOIN nodes n ON n.node = c.node WHERE NOT c.held AND n.parent IS NOT NULL
)
SELECT c.subject, e.request_id, e.received_at, e.session, e.agent, e.state, c.depth
FROM climb c CROSS JOIN LATERAL (
    SELECT * FROM exchanges e WHERE e.answer_node = c.node AND e.session IS NOT DISTINCT FROM c.session
      AND e.agent IS NOT DISTINCT FROM c.agent AND (e.received_at, e.request_id) < (c.received_at, c.subject)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE c.held
"""
SELECT_TASKS = """
SELECT s.request_id AS subject, t.request_id, p.received_at, t.tool_use_id, m.agent
FROM exchanges s
JOIN tasks t ON t.scope = s.scope AND t.session = s.session AND (
    t.prompt = s.prompt OR t.tool_use_id IN (
        SELECT tool_use_id FROM mentions WHERE scope = s.scope AND session = s.session AND agent = s.agent)
)
JOIN exchanges p ON p.request_id = t.request_id
LEFT JOIN LATERAL (
    SELECT min(agent) AS agent FROM mentions
    WHERE scope = t.scope AND session = t.session AND tool_use_id = t.tool_use_id
) m ON true
WHERE s.request_id = ANY($1::uuid[]) AND NOT s.history
ORDER BY p.received_at, t.request_id, t.ordinal
"""
SELECT_RIVALS = """
SELECT s.request_id AS subject, e.request_id, e.received_at, e.session, e.agent, e.state, 0 AS depth
FROM exchanges s
JOIN exchanges e ON e.scope = s.scope AND e.session = s.session AND e.prompt = s.prompt AND NOT e.history
    AND e.request_id <> s.request_id AND (e.agent IS DISTINCT FROM s.agent OR e.agent IS NULL)
    AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
WHERE s.request_id = ANY($1::uuid[]) AND NOT s.history
    AND EXISTS (SELECT FROM tasks t WHERE t.scope = s.scope AND t.session = s.session AND t.prompt = s.prompt)
"""
SELECT_SUMMARIES = """
SELECT s.request_id AS subject, e.request_id, e.received_at, e.summary
FROM exchanges s JOIN exchanges e ON e.scope = s.scope AND e.session = s.session AND e.summary <> ''
    AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
WHERE s.request_id = ANY($1::uuid[]) AND s.continuation <> ''
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A request to be linked, and what was found for it."""

    subject: Subject
    class_evidence: Evidence
    found: Found


async def questions(tx: Connection, request_ids: Collection[UUID]) -> list[Question]:
    """One question for each of these exchanges, in the order of their moments."""
    ids = list(request_ids)
    subjects = await tx.fetch(SELECT_SUBJECTS, ids)
    attempts = _by_subject(await tx.fetch(SELECT_ATTEMPTS, ids, MAX_CANDIDATES))
    holders = _by_subject(await tx.fetch(SELECT_HOLDERS, ids, MAX_CANDIDATES))
    tasks = _by_subject(await tx.fetch(SELECT_TASKS, ids))
    rivals = _by_subject(await tx.fetch(SELECT_RIVALS, ids))
    summaries = _by_subject(await tx.fetch(SELECT_SUMMARIES, ids))
    asked = [
        Question(
            _subject(row),
            msgspec.json.decode(row["class_evidence"], type=Evidence),
            Found(
                attempts=[_earlier(one) for one in attempts[row["request_id"]]],
                holders=[_earlier(one) for one in holders[row["request_id"]]],
                tasks=[PendingTask(_moment(one), one["tool_use_id"], one["agent"]) for one in tasks[row["request_id"]]],
                rivals=[_earlier(one) for one in rivals[row["request_id"]]],
                summaries=[Summary(_moment(one), one["summary"]) for one in summaries[row["request_id"]]],
            ),
        )
        for row in subjects
    ]
    return sorted(asked, key=lambda question: question.subject.moment)


def _by_subject(rows: Sequence[asyncpg.Record]) -> defaultdict[UUID, list[asyncpg.Record]]:
    out = defaultdict[UUID, list[asyncpg.Record]](list)
    for row in rows:
        out[row["subject"]].append(row)
    return out


def _subject(row: asyncpg.Record) -> Subject:
    return Subject(
        moment=_moment(row),
        thread=Thread(row["session"], row["agent"]),
        request_class=row["declared_class"],
        side=row["side"],
        history=row["history"],
        depth=row["depth"],
        continuation=row["continuation"],
    )


def _earlier(row: asyncpg.Record) -> Earlier:
    return Earlier(_moment(row), Thread(row["session"], row["agent"]), row["state"], row["depth"])


def _moment(row: asyncpg.Record) -> Moment:
    return Moment(row["received_at"], row["request_id"])
