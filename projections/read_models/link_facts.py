"""What does linking know, and whom does something new touch? Facts of exchanges, the trie, who must be asked again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.blocks import text_digest
from domain.classification import Evidence
from domain.corrections import Standing
from domain.exchange_facts import ExchangeFacts
from projections.read_models.connection import Connection
from projections.read_models.rows import as_json, storable

NEAR_NODES = 32
"""A turn rarely adds more blocks: whether nodes are known is asked for so many first."""
DELETE_EXCHANGES = "DELETE FROM exchanges WHERE request_id = ANY($1::uuid[])"
INSERT_EXCHANGES = "INSERT INTO exchanges SELECT * FROM jsonb_populate_recordset(NULL::exchanges, $1::jsonb)"
DELETE_TASKS = "DELETE FROM tasks WHERE request_id = ANY($1::uuid[])"
INSERT_TASKS = "INSERT INTO tasks SELECT * FROM jsonb_populate_recordset(NULL::tasks, $1::jsonb)"
INSERT_MENTIONS = """
INSERT INTO mentions SELECT * FROM jsonb_populate_recordset(NULL::mentions, $1::jsonb)
ON CONFLICT DO NOTHING RETURNING scope, session, agent, tool_use_id
"""
UPDATE_REPORTS = """
UPDATE mentions known SET reported_tokens = new.reported_tokens
FROM jsonb_populate_recordset(NULL::mentions, $1::jsonb) new
WHERE (known.scope, known.session, known.agent, known.tool_use_id)
    = (new.scope, new.session, new.agent, new.tool_use_id)
    AND new.reported_tokens > coalesce(known.reported_tokens, -1)
"""
SELECT_NODES = "SELECT node FROM nodes WHERE node = ANY($1::uuid[])"
INSERT_NODES = """
INSERT INTO nodes SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING
"""
INSERT_TEXTS = "INSERT INTO texts SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING"
SELECT_TOUCHED_IN_SESSION = """
SELECT e.request_id FROM exchanges c
JOIN exchanges e ON e.scope = c.scope AND e.session = c.session
    AND (e.received_at, e.request_id) > (c.received_at, c.request_id)
WHERE c.request_id = ANY($1::uuid[]) AND c.session <> ''
    AND (c.declared_class <> 'auxiliary' OR c.side OR c.helper)
    AND (e.declared_class <> 'auxiliary' OR e.side OR e.helper)
"""
SELECT_TOUCHED_WITHOUT_SESSION = """
SELECT e.request_id FROM exchanges c
JOIN exchanges e ON e.first_node = c.first_node AND (e.received_at, e.request_id) > (c.received_at, c.request_id)
    AND e.session = '' AND e.agent = c.agent AND e.depth >= c.depth
WHERE c.request_id = ANY($1::uuid[]) AND c.session = ''
"""
SELECT_TOUCHED_IN_OTHER_SESSIONS = """
SELECT e.request_id FROM exchanges c
JOIN exchanges e ON e.first_node = c.first_node AND (e.received_at, e.request_id) > (c.received_at, c.request_id)
    AND e.session <> c.session AND e.session <> '' AND e.agent = '' AND e.history AND e.depth >= c.depth
WHERE c.request_id = ANY($1::uuid[]) AND c.session <> '' AND c.agent = ''
"""
SELECT_TOUCHED_BY_SUMMARIES = """
SELECT e.request_id FROM exchanges c
JOIN exchanges e ON e.scope = c.scope AND e.continuation IS NOT NULL
    AND (e.received_at, e.request_id) > (c.received_at, c.request_id) AND e.session <> c.session AND e.agent = ''
WHERE c.request_id = ANY($1::uuid[]) AND c.summary <> ''
"""
SELECT_TOUCHED_BY_CORRECTIONS = """
SELECT c.request_id FROM corrections c JOIN exchanges e ON e.request_id = c.request_id
WHERE c.parent_request_id = ANY($1::uuid[])
"""
DELETE_CORRECTIONS = "DELETE FROM corrections WHERE request_id = ANY($1::uuid[])"
INSERT_CORRECTIONS = "INSERT INTO corrections SELECT * FROM jsonb_populate_recordset(NULL::corrections, $1::jsonb)"
SELECT_KNOWN = "SELECT request_id FROM exchanges WHERE request_id = ANY($1::uuid[])"
SELECT_TOUCHED = (
    f"{SELECT_TOUCHED_IN_SESSION} UNION {SELECT_TOUCHED_WITHOUT_SESSION} UNION {SELECT_TOUCHED_IN_OTHER_SESSIONS} "
    f"UNION {SELECT_TOUCHED_BY_SUMMARIES} UNION {SELECT_TOUCHED_BY_CORRECTIONS}"
)
SELECT_TOUCHED_BY_MENTIONS = """
SELECT e.request_id FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS m(scope, session, agent, tool_use_id)
JOIN exchanges e ON e.scope = m.scope AND e.session = m.session AND (
    e.agent IN (
        SELECT agent FROM mentions o
        WHERE o.scope = m.scope AND o.session = m.session AND o.tool_use_id = m.tool_use_id)
    OR NOT e.history AND e.prompt IN (
        SELECT prompt FROM tasks t
        WHERE t.scope = m.scope AND t.session = m.session AND t.tool_use_id = m.tool_use_id)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRow:
    """Facts of one exchange, as stored. Digests are kept as UUIDs; no session, agent or device is an empty text."""

    request_id: UUID
    received_at: datetime
    ended_at: datetime | None
    scope: str
    client_domain: str
    session: str
    agent: str
    parent_agent: str
    device: str
    declared_class: str
    class_evidence: Evidence
    side: bool
    helper: bool
    history: bool
    depth: int
    first_node: UUID | None
    request_node: UUID | None
    held_before: UUID | None
    held_before_depth: int
    held_depth: int
    held_content: UUID | None
    held_last_content: UUID | None
    held_chars: int
    held_text: UUID | None
    held_tool_uses: tuple[str, ...]
    held_signed: UUID | None
    answer_node: UUID | None
    answer_content: UUID | None
    answer_tool_uses: tuple[str, ...]
    signed: UUID | None
    cut_text: str
    state: str
    prompt: UUID | None
    title: str
    asked: str
    opening: UUID | None
    continuation: UUID | None
    summary: str
    session_title: str


@dataclass(frozen=True, slots=True)
class _TaskRow:
    request_id: UUID
    ordinal: int
    scope: str
    session: str
    tool_use_id: str
    prompt: UUID
    agent_type: str
    description: str


@dataclass(frozen=True, slots=True)
class _MentionRow:
    scope: str
    session: str
    agent: str
    tool_use_id: str
    reported_tokens: int | None


@dataclass(frozen=True, slots=True)
class _CorrectionRow:
    request_id: UUID
    parent_request_id: UUID | None
    who: str
    why: str


async def save_corrections(tx: Connection, corrections: Sequence[Standing]) -> set[UUID]:
    """Store what stands; returns the known exchanges whose link may be another now."""
    ids = [one.request_id for one in corrections]
    if not ids:
        return set()
    rows = [
        _CorrectionRow(one.request_id, one.parent, storable(one.who), storable(one.why))
        for one in corrections
        if one.stands
    ]
    await tx.execute(DELETE_CORRECTIONS, ids)
    await tx.execute(INSERT_CORRECTIONS, as_json(rows))
    return {row["request_id"] for row in await tx.fetch(SELECT_KNOWN, ids)}


async def save(tx: Connection, facts: Sequence[ExchangeFacts], client_domains: Sequence[str]) -> set[UUID]:
    """Store what is known now of these exchanges; returns every exchange whose link may be another now."""
    ids = [one.request_id for one in facts]
    await tx.execute(DELETE_EXCHANGES, ids)
    rows = [_row(one, domain) for one, domain in zip(facts, client_domains, strict=True)]
    await tx.execute(INSERT_EXCHANGES, as_json(rows))
    await tx.execute(DELETE_TASKS, ids)
    if tasks := [task for one in facts for task in _tasks(one)]:
        await tx.execute(INSERT_TASKS, as_json(tasks))
    await _save_paths(tx, [[*one.path, *one.answer.nodes] for one in facts])
    await _save_texts(tx, facts)
    touched = set(ids) | await _touched_by_mentions(tx, facts)
    return touched | {row["request_id"] for row in await tx.fetch(SELECT_TOUCHED, ids)}


async def _touched_by_mentions(tx: Connection, facts: Sequence[ExchangeFacts]) -> set[UUID]:
    rows = {mention for one in facts for mention in _mentions(one)}
    if not rows:
        return set()
    new = await tx.fetch(INSERT_MENTIONS, as_json(sorted(rows, key=repr)))
    if reports := _largest_reports(rows):
        await tx.execute(UPDATE_REPORTS, as_json(reports))
    columns = [[row[name] for row in new] for name in ("scope", "session", "agent", "tool_use_id")]
    return {row["request_id"] for row in await tx.fetch(SELECT_TOUCHED_BY_MENTIONS, *columns)}


async def _save_paths(tx: Connection, paths: Sequence[Sequence[bytes]]) -> None:
    """Add the nodes that are new. A known node has all its ancestors, so the newest ones are asked for first."""
    near = await _known(tx, {digest for path in paths for digest in path[-NEAR_NODES:]})
    far_paths = [path for path in paths if len(path) > NEAR_NODES and not near.intersection(path[-NEAR_NODES:])]
    known = near | await _known(tx, {digest for path in far_paths for digest in path})
    parents: dict[bytes, bytes | None] = {}
    for path in paths:
        last = max((at for at, one in enumerate(path) if one in known), default=-1)
        for at in range(last + 1, len(path)):
            parents[path[at]] = path[at - 1] if at else None
    if parents:
        columns = [_node(one) for one in parents], [_node_or_none(one) for one in parents.values()]
        await tx.execute(INSERT_NODES, *columns)


async def _known(tx: Connection, digests: set[bytes]) -> set[bytes]:
    if not digests:
        return set()
    return {row["node"].bytes for row in await tx.fetch(SELECT_NODES, [_node(digest) for digest in digests])}


async def _save_texts(tx: Connection, facts: Sequence[ExchangeFacts]) -> None:
    texts = {text_digest(text): text for one in facts for text in (one.opening, one.continuation) if text}
    if texts:
        await tx.execute(
            INSERT_TEXTS, [_node(one) for one in texts], [storable(one, len(one)) for one in texts.values()]
        )


def _row(facts: ExchangeFacts, client_domain: str) -> ExchangeRow:
    held, answer = facts.held, facts.answer
    return ExchangeRow(
        request_id=facts.request_id,
        received_at=facts.moment.received_at,
        ended_at=answer.ended_at,
        scope=storable(facts.scope),
        client_domain=storable(client_domain),
        session=storable(facts.thread.session or ""),
        agent=storable(facts.thread.agent or ""),
        parent_agent=storable(facts.parent_agent or ""),
        device=storable(facts.device or ""),
        declared_class=facts.request_class,
        class_evidence=facts.classified.evidence,
        side=facts.classified.side,
        helper=facts.classified.helper,
        history=facts.history,
        depth=len(facts.path),
        first_node=_node_or_none(facts.first_node),
        request_node=_node_or_none(facts.request_node),
        held_before=_node_or_none(held.before or None),
        held_before_depth=held.before_depth,
        held_depth=held.depth,
        held_content=_node_or_none(held.content),
        held_last_content=_node_or_none(held.last_content),
        held_chars=held.text.characters,
        held_text=_node_or_none(held.text.digest or None),
        held_tool_uses=_storable_all(held.tool_uses),
        held_signed=_node_or_none(held.signed),
        answer_node=_node_or_none(facts.answer_node),
        answer_content=_node_or_none(answer.content),
        answer_tool_uses=_storable_all(answer.tool_uses),
        signed=_node_or_none(facts.signed),
        cut_text=storable(answer.cut_text, len(answer.cut_text)),
        state=answer.state,
        prompt=_node_or_none(facts.prompt),
        title=storable(facts.title),
        asked=storable(facts.asked),
        opening=_text_id(facts.opening),
        continuation=_text_id(facts.continuation),
        summary=storable(answer.summary, len(answer.summary)),
        session_title=storable(answer.title),
    )


def _storable_all(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(storable(text) for text in texts)


def _text_id(text: str) -> UUID | None:
    return UUID(bytes=text_digest(text)) if text else None


def _tasks(facts: ExchangeFacts) -> Iterator[_TaskRow]:
    for ordinal, task in enumerate(facts.answer.tasks):
        yield _TaskRow(
            facts.request_id,
            ordinal,
            storable(facts.scope),
            storable(facts.thread.session or ""),
            storable(task.tool_use_id),
            _node(task.prompt),
            storable(task.agent_type),
            storable(task.description),
        )


def _mentions(facts: ExchangeFacts) -> Iterator[_MentionRow]:
    session = facts.thread.session
    for mention in facts.mentions if session else ():
        yield _MentionRow(
            storable(facts.scope),
            storable(session or ""),
            storable(mention.agent),
            storable(mention.tool_use_id),
            mention.tokens,
        )


def _largest_reports(rows: Iterable[_MentionRow]) -> list[_MentionRow]:
    """One for each mention, so that what stays does not depend on the order they come in."""
    told = ((row.reported_tokens, row) for row in rows if row.reported_tokens is not None)
    ranked = sorted(told, key=lambda each: each[0])
    return list({(row.scope, row.session, row.agent, row.tool_use_id): row for _, row in ranked}.values())


def _node(digest: bytes) -> UUID:
    return UUID(bytes=digest)


def _node_or_none(digest: bytes | None) -> UUID | None:
    return None if digest is None else UUID(bytes=digest)
