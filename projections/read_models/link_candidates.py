"""What stands near these requests? The look-ups that find the candidates a link is chosen from.

Every look-up is bounded by the thread, the session or the path of the requests it is for. Most links are decided by
what the trie alone gives; only the other requests are looked at further (``domain.linking.is_settled``).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg
import msgspec

from domain.classification import Evidence
from domain.exchange_facts import Moment, Thread
from domain.held_answers import HeldAnswer, TextPrint
from domain.link_by_summary import MIN_UNANNOUNCED_CHARS
from domain.linking import is_settled
from domain.linking_facts import Author, Correction, Earlier, Found, PendingTask, Subject, Summary
from projections.read_models.connection import Connection

MAX_CANDIDATES = 64
"""Attempts at one turn, or exchanges with one answer, that are looked at: the newest before the request."""

SELECT_SUBJECTS = """
SELECT s.*, opening.content AS opening_text, continuation.content AS continuation_text
FROM exchanges s
LEFT JOIN texts continuation ON continuation.text_id = s.continuation
LEFT JOIN texts opening ON opening.text_id = s.opening AND EXISTS (
    SELECT FROM exchanges e WHERE e.scope = s.scope AND e.session = s.session AND e.summary <> '')
WHERE s.request_id = ANY($1::uuid[])
"""
SELECT_ATTEMPTS = """
SELECT s.request_id AS subject, e.*, 0 AS at_depth
FROM exchanges s CROSS JOIN LATERAL (
    SELECT * FROM exchanges e
    WHERE e.request_node = s.request_node AND e.session = s.session AND e.agent = s.agent AND e.helper <= s.helper
      AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE s.request_id = ANY($1::uuid[])
"""
SELECT_HOLDERS_AND_ASKERS = """
WITH RECURSIVE climb AS (
    SELECT s.request_id AS subject, s.session, s.agent, s.helper, s.received_at, s.request_node AS node,
        s.depth AS at_depth,
        EXISTS (
            SELECT FROM exchanges e WHERE e.answer_node = s.request_node AND e.session = s.session
              AND e.agent = s.agent AND e.helper <= s.helper
              AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
        ) AS held, false AS beyond
    FROM exchanges s WHERE s.request_id = ANY($1::uuid[]) AND s.request_node IS NOT NULL
    UNION ALL
    SELECT c.subject, c.session, c.agent, c.helper, c.received_at, n.parent, c.at_depth - 1,
        EXISTS (
            SELECT FROM exchanges e WHERE e.answer_node = n.parent AND e.session = c.session
              AND e.agent = c.agent AND e.helper <= c.helper
              AND (e.received_at, e.request_id) < (c.received_at, c.subject)
        ), true
    FROM climb c JOIN nodes n ON n.node = c.node WHERE NOT c.held AND n.parent IS NOT NULL
)
SELECT c.subject, e.*, c.at_depth, true AS is_held
FROM climb c CROSS JOIN LATERAL (
    SELECT * FROM exchanges e WHERE e.answer_node = c.node AND e.session = c.session
      AND e.agent = c.agent AND e.helper <= c.helper AND (e.received_at, e.request_id) < (c.received_at, c.subject)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE c.held
UNION ALL
SELECT c.subject, e.*, c.at_depth, false AS is_held
FROM climb c CROSS JOIN LATERAL (
    SELECT * FROM exchanges e WHERE e.request_node = c.node AND e.session = c.session
      AND e.agent = c.agent AND e.helper <= c.helper AND (e.received_at, e.request_id) < (c.received_at, c.subject)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE c.beyond
"""
SELECT_STRANGERS = """
WITH RECURSIVE openers AS (
    SELECT s.* FROM exchanges s
    WHERE s.request_id = ANY($1::uuid[]) AND s.history AND s.session <> '' AND s.agent = ''
      AND s.declared_class IN ('main', 'compaction') AND NOT EXISTS (
        SELECT FROM exchanges o WHERE o.scope = s.scope AND o.session = s.session AND o.agent = ''
          AND o.history AND o.declared_class IN ('main', 'compaction')
          AND (o.received_at, o.request_id) < (s.received_at, s.request_id))
), climb AS (
    SELECT s.request_id AS subject, s.session, s.device AS own_device, s.held_signed, s.received_at,
        s.request_node AS node, s.depth AS at_depth, false AS held
    FROM openers s WHERE s.request_node IS NOT NULL
    UNION ALL
    SELECT c.subject, c.session, c.own_device, c.held_signed, c.received_at, n.parent, c.at_depth - 1,
        EXISTS (
            SELECT FROM exchanges e WHERE e.answer_node = n.parent AND e.session <> c.session AND e.session <> ''
              AND e.agent = '' AND (e.received_at, e.request_id) < (c.received_at, c.subject)
        )
    FROM climb c JOIN nodes n ON n.node = c.node WHERE NOT c.held AND n.parent IS NOT NULL
)
SELECT c.subject, e.*, c.at_depth, e.device = c.own_device AS same_device,
    e.signed IS NOT DISTINCT FROM c.held_signed AS same_signatures, true AS is_held
FROM climb c CROSS JOIN LATERAL (
    SELECT * FROM exchanges e WHERE e.answer_node = c.node AND e.session <> c.session AND e.session <> ''
      AND e.agent = '' AND (e.received_at, e.request_id) < (c.received_at, c.subject)
    ORDER BY e.signed IS NOT DISTINCT FROM c.held_signed DESC, e.device = c.own_device DESC, e.received_at DESC,
        e.request_id DESC LIMIT $2
) e
WHERE c.held
UNION ALL
SELECT s.request_id AS subject, e.*, s.held_before_depth AS at_depth, e.device = s.device AS same_device,
    false AS same_signatures, false AS is_held
FROM openers s CROSS JOIN LATERAL (
    SELECT * FROM exchanges e WHERE e.request_node = s.held_before AND e.state = 'cut' AND e.session <> s.session
      AND e.session <> '' AND e.agent = '' AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE s.held_depth > 0
"""
SELECT_DONORS = """
WITH RECURSIVE climb AS (
    SELECT s.request_id AS subject, s.scope, s.session, s.agent, s.received_at, s.request_node AS node,
        s.depth AS at_depth, false AS held
    FROM exchanges s
    WHERE s.request_id = ANY($1::uuid[]) AND s.history AND s.session <> '' AND s.agent <> '' AND NOT EXISTS (
        SELECT FROM exchanges o WHERE o.scope = s.scope AND o.session = s.session AND o.agent = s.agent
          AND (o.received_at, o.request_id) < (s.received_at, s.request_id))
    UNION ALL
    SELECT c.subject, c.scope, c.session, c.agent, c.received_at, n.parent, c.at_depth - 1,
        EXISTS (
            SELECT FROM exchanges e WHERE e.answer_node = n.parent AND e.session = c.session AND e.agent <> c.agent
              AND (e.received_at, e.request_id) < (c.received_at, c.subject)
        )
    FROM climb c JOIN nodes n ON n.node = c.node WHERE NOT c.held AND n.parent IS NOT NULL
)
SELECT c.subject, e.*, c.at_depth
FROM climb c CROSS JOIN LATERAL (
    SELECT * FROM exchanges e WHERE e.answer_node = c.node AND e.session = c.session AND e.agent <> c.agent
      AND (e.received_at, e.request_id) < (c.received_at, c.subject)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT $2
) e
WHERE c.held
"""
SELECT_AUTHORS = """
SELECT s.request_id AS subject, e.request_id, e.received_at,
    CASE WHEN e.answer_tool_uses && s.held_tool_uses THEN 'tool use id' ELSE 'equal answer' END AS by
FROM exchanges s CROSS JOIN LATERAL (
    SELECT * FROM exchanges e
    WHERE e.scope = s.scope AND e.session = s.session AND e.agent = s.agent
      AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
      AND (e.declared_class <> 'auxiliary' OR e.side) AND (e.answer_tool_uses && s.held_tool_uses
        OR e.answer_content IN (s.held_content, s.held_last_content))
    ORDER BY e.answer_tool_uses && s.held_tool_uses DESC, e.received_at DESC, e.request_id DESC LIMIT 1
) e
WHERE s.request_id = ANY($1::uuid[]) AND s.session <> '' AND s.held_depth > 0
"""
SELECT_TASKS = """
SELECT s.request_id AS subject, t.request_id, p.received_at, p.state, t.tool_use_id, m.agent
FROM exchanges s
CROSS JOIN LATERAL (
    SELECT t.* FROM tasks t WHERE t.scope = s.scope AND t.session = s.session AND t.prompt = s.prompt AND NOT s.history
    UNION
    SELECT t.* FROM tasks t
    WHERE t.scope = s.scope AND t.session = s.session AND s.agent <> '' AND t.tool_use_id = ANY(s.held_tool_uses)
    UNION
    SELECT t.* FROM mentions o JOIN tasks t ON t.scope = o.scope AND t.session = o.session
        AND t.tool_use_id = o.tool_use_id
    WHERE o.scope = s.scope AND o.session = s.session AND o.agent = s.agent
) t
JOIN exchanges p ON p.request_id = t.request_id AND (p.declared_class <> 'auxiliary' OR p.side OR p.helper)
LEFT JOIN LATERAL (
    SELECT min(agent) AS agent FROM mentions
    WHERE scope = t.scope AND session = t.session AND tool_use_id = t.tool_use_id
) m ON true
WHERE s.request_id = ANY($1::uuid[]) AND s.session <> ''
ORDER BY p.received_at, t.request_id, t.ordinal
"""
SELECT_RIVALS = """
SELECT s.request_id AS subject, e.*, 0 AS at_depth
FROM exchanges s
JOIN exchanges e ON e.scope = s.scope AND e.session = s.session AND e.prompt = s.prompt AND NOT e.history
    AND e.request_id <> s.request_id AND (e.agent <> s.agent OR e.agent = '')
    AND (e.received_at, e.request_id) < (s.received_at, s.request_id) AND e.helper <= s.helper
    AND (e.declared_class <> 'auxiliary' OR e.side OR e.helper)
WHERE s.request_id = ANY($1::uuid[]) AND NOT s.history AND s.session <> ''
    AND EXISTS (SELECT FROM tasks t WHERE t.scope = s.scope AND t.session = s.session AND t.prompt = s.prompt)
"""
SELECT_SUMMARIES = """
SELECT s.request_id AS subject, e.request_id, e.received_at, e.summary, e.agent, true AS same_session
FROM exchanges s JOIN exchanges e ON e.scope = s.scope AND e.session = s.session AND e.summary <> ''
    AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
WHERE s.request_id = ANY($1::uuid[]) AND s.session <> ''
    AND (s.continuation IS NOT NULL OR s.opening IS NOT NULL)
UNION ALL
SELECT s.request_id AS subject, e.request_id, e.received_at, e.summary, e.agent, false AS same_session
FROM exchanges s JOIN texts t ON t.text_id = s.continuation
CROSS JOIN LATERAL (
    SELECT * FROM exchanges e
    WHERE e.scope = s.scope AND e.session <> s.session AND e.session <> '' AND e.agent = ''
      AND char_length(e.summary) >= $2 AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
      AND strpos(t.content, e.summary) > 0
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT 1
) e
WHERE s.request_id = ANY($1::uuid[]) AND s.session <> '' AND s.agent = '' AND NOT EXISTS (
    SELECT FROM exchanges o WHERE o.scope = s.scope AND o.session = s.session AND o.agent = ''
      AND o.declared_class IN ('main', 'compaction') AND (o.received_at, o.request_id) < (s.received_at, s.request_id))
"""
SELECT_NEWEST = """
SELECT s.request_id AS subject, e.request_id, e.received_at
FROM exchanges s CROSS JOIN LATERAL (
    SELECT * FROM exchanges e
    WHERE e.scope = s.scope AND e.session = s.session
      AND e.agent = CASE WHEN s.history THEN s.agent ELSE s.parent_agent END
      AND e.declared_class IN ('main', 'subagent') AND (e.received_at, e.request_id) < (s.received_at, s.request_id)
    ORDER BY e.received_at DESC, e.request_id DESC LIMIT 1
) e
WHERE s.request_id = ANY($1::uuid[]) AND s.session <> '' AND (s.history OR s.agent <> '')
"""
SELECT_CORRECTIONS = """
SELECT c.request_id AS subject, c.parent_request_id, c.who, c.why, p.request_id, p.received_at, p.session, p.agent,
    p.declared_class
FROM corrections c LEFT JOIN exchanges p ON p.request_id = c.parent_request_id
WHERE c.request_id = ANY($1::uuid[]) AND (c.parent_request_id IS NULL OR p.request_id IS NOT NULL)
"""
Rows = Mapping[UUID, Sequence[asyncpg.Record]]
"""By the request they are for."""


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
    near = _by_subject(await tx.fetch(SELECT_HOLDERS_AND_ASKERS, ids, MAX_CANDIDATES))
    corrections = _by_subject(await tx.fetch(SELECT_CORRECTIONS, ids))
    asked = [_question(row, attempts, near, corrections) for row in subjects]
    open_ids = [one.subject.moment.request_id for one in asked if not is_settled(one.subject, one.found)]
    further = await _Further.read(tx, open_ids) if open_ids else None
    if further is not None:
        asked = [further.added_to(one) if one.subject.moment.request_id in further.ids else one for one in asked]
    return sorted(asked, key=lambda question: question.subject.moment)


def _question(row: asyncpg.Record, attempts: Rows, near: Rows, corrections: Rows) -> Question:
    request_id = row["request_id"]
    found = Found(
        correction=next(map(_correction, corrections[request_id]), None),
        attempts=[_earlier(one) for one in attempts[request_id]],
        holders=[_earlier(one) for one in near[request_id] if one["is_held"]],
        askers=[_earlier(one) for one in near[request_id] if not one["is_held"]],
    )
    return Question(_subject(row), msgspec.json.decode(row["class_evidence"], type=Evidence), found)


@dataclass(frozen=True, slots=True)
class _Further:
    """What is looked for where the trie does not decide."""

    ids: frozenset[UUID]
    strangers: Rows
    donors: Rows
    authors: Rows
    tasks: Rows
    rivals: Rows
    summaries: Rows
    newest: Rows

    @classmethod
    async def read(cls, tx: Connection, ids: Sequence[UUID]) -> "_Further":
        return cls(
            ids=frozenset(ids),
            strangers=_by_subject(await tx.fetch(SELECT_STRANGERS, ids, MAX_CANDIDATES)),
            donors=_by_subject(await tx.fetch(SELECT_DONORS, ids, MAX_CANDIDATES)),
            authors=_by_subject(await tx.fetch(SELECT_AUTHORS, ids)),
            tasks=_by_subject(await tx.fetch(SELECT_TASKS, ids)),
            rivals=_by_subject(await tx.fetch(SELECT_RIVALS, ids)),
            summaries=_by_subject(await tx.fetch(SELECT_SUMMARIES, ids, MIN_UNANNOUNCED_CHARS)),
            newest=_by_subject(await tx.fetch(SELECT_NEWEST, ids)),
        )

    def added_to(self, question: Question) -> Question:
        request_id = question.subject.moment.request_id
        elsewhere = [(_stranger(one), one["is_held"]) for one in self.strangers[request_id]]
        found = replace(
            question.found,
            strangers=[one for one, is_held in elsewhere if is_held],
            cut_strangers=[one for one, is_held in elsewhere if not is_held],
            donors=[_earlier(one) for one in self.donors[request_id]],
            authors=[Author(_moment(one), one["by"]) for one in self.authors[request_id]],
            tasks=[_task(one) for one in self.tasks[request_id]],
            rivals=[_earlier(one) for one in self.rivals[request_id]],
            summaries=[_summary(one) for one in self.summaries[request_id]],
            newest=next(map(_moment, self.newest[request_id]), None),
        )
        return replace(question, found=found)


def _by_subject(rows: Sequence[asyncpg.Record]) -> defaultdict[UUID, list[asyncpg.Record]]:
    out = defaultdict[UUID, list[asyncpg.Record]](list)
    for row in rows:
        out[row["subject"]].append(row)
    return out


def _subject(row: asyncpg.Record) -> Subject:
    return Subject(
        moment=_moment(row),
        thread=_thread(row),
        request_class=row["declared_class"],
        side=row["side"],
        helper=row["helper"],
        history=row["history"],
        depth=row["depth"],
        held=_held(row),
        opening=row["opening_text"] or "",
        continuation=row["continuation_text"] or "",
    )


def _held(row: asyncpg.Record) -> HeldAnswer:
    return HeldAnswer(
        before=_digest(row["held_before"]) or b"",
        before_depth=row["held_before_depth"],
        depth=row["held_depth"],
        content=_digest(row["held_content"]),
        last_content=_digest(row["held_last_content"]),
        text=TextPrint(row["held_chars"], _digest(row["held_text"]) or b""),
        tool_uses=tuple(row["held_tool_uses"]),
        signed=_digest(row["held_signed"]),
    )


def _earlier(row: asyncpg.Record) -> Earlier:
    return Earlier(
        moment=_moment(row),
        thread=_thread(row),
        state=row["state"],
        depth=row["at_depth"],
        ended_at=row["ended_at"],
        empty=row["answer_content"] is None,
        prompted=bool(row["asked"]),
        cut_text=row["cut_text"],
        tool_uses=tuple(row["answer_tool_uses"]),
    )


def _stranger(row: asyncpg.Record) -> Earlier:
    return replace(_earlier(row), same_device=row["same_device"], same_signatures=row["same_signatures"])


def _task(row: asyncpg.Record) -> PendingTask:
    ran = row["state"] in {"finished", "open"}
    return PendingTask(_moment(row), row["tool_use_id"], row["agent"], ran=ran)


def _summary(row: asyncpg.Record) -> Summary:
    return Summary(_moment(row), row["summary"], row["agent"] or None, same_session=row["same_session"])


def _correction(row: asyncpg.Record) -> Correction:
    if row["request_id"] is None:
        return Correction(row["who"], row["why"], None)
    return Correction(row["who"], row["why"], _moment(row), _thread(row), row["declared_class"])


def _thread(row: asyncpg.Record) -> Thread:
    return Thread(row["session"] or None, row["agent"] or None)


def _moment(row: asyncpg.Record) -> Moment:
    return Moment(row["received_at"], row["request_id"])


def _digest(node: UUID | None) -> bytes | None:
    return None if node is None else node.bytes
