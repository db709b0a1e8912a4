"""What does linking know, and whom does something new touch? Facts of exchanges, the trie, who must be asked again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.classification import Evidence
from domain.exchange_facts import ExchangeFacts
from projections.read_models.connection import Connection
from projections.read_models.rows import as_json, storable, storable_or_none

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
SELECT_NODES = "SELECT node FROM nodes WHERE node = ANY($1::uuid[])"
INSERT_NODES = """
INSERT INTO nodes SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING
"""
SELECT_TOUCHED_BY_ANSWERS = """
SELECT e.request_id FROM exchanges c JOIN exchanges e
    ON e.scope = c.scope AND e.session IS NOT DISTINCT FROM c.session AND e.agent IS NOT DISTINCT FROM c.agent
    AND (e.received_at, e.request_id) > (c.received_at, c.request_id) AND e.depth >= c.depth
WHERE c.request_id = ANY($1::uuid[])
"""
SELECT_TOUCHED_BY_TASKS = """
SELECT e.request_id FROM exchanges c JOIN tasks t ON t.request_id = c.request_id
JOIN exchanges e ON e.scope = c.scope AND e.session = c.session AND NOT e.history AND (
    e.prompt = t.prompt OR e.agent IN (
        SELECT agent FROM mentions m
        WHERE m.scope = c.scope AND m.session = c.session AND m.tool_use_id = t.tool_use_id)
)
WHERE c.request_id = ANY($1::uuid[])
"""
SELECT_TOUCHED_BY_RIVALS = """
SELECT e.request_id FROM exchanges c
JOIN exchanges e ON e.scope = c.scope AND e.session = c.session AND NOT e.history AND e.prompt = c.prompt
    AND (e.received_at, e.request_id) > (c.received_at, c.request_id)
WHERE c.request_id = ANY($1::uuid[]) AND NOT c.history
"""
SELECT_TOUCHED_BY_SUMMARIES = """
SELECT e.request_id FROM exchanges c
JOIN exchanges e ON e.scope = c.scope AND e.session = c.session AND e.continuation <> ''
    AND (e.received_at, e.request_id) > (c.received_at, c.request_id)
WHERE c.request_id = ANY($1::uuid[]) AND c.summary <> ''
"""
SELECTS_TOUCHED = (
    SELECT_TOUCHED_BY_ANSWERS,
    SELECT_TOUCHED_BY_TASKS,
    SELECT_TOUCHED_BY_RIVALS,
    SELECT_TOUCHED_BY_SUMMARIES,
)
SELECT_TOUCHED_BY_MENTIONS = """
SELECT e.request_id FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS m(scope, session, agent, tool_use_id)
JOIN exchanges e ON e.scope = m.scope AND e.session = m.session AND NOT e.history AND (
    e.agent IN (
        SELECT agent FROM mentions o
        WHERE o.scope = m.scope AND o.session = m.session AND o.tool_use_id = m.tool_use_id)
    OR e.prompt IN (
        SELECT prompt FROM tasks t
        WHERE t.scope = m.scope AND t.session = m.session AND t.tool_use_id = m.tool_use_id)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRow:
    """Facts of one exchange, as stored. Nodes are digests, kept as UUIDs."""

    request_id: UUID
    received_at: datetime
    scope: str
    client_domain: str
    session: str | None
    agent: str | None
    parent_agent: str | None
    device: str | None
    declared_class: str
    class_evidence: Evidence
    side: bool
    history: bool
    depth: int
    request_node: UUID | None
    answer_node: UUID | None
    state: str
    prompt: UUID | None
    title: str
    asked: str
    continuation: str
    summary: str


@dataclass(frozen=True, slots=True)
class _TaskRow:
    request_id: UUID
    ordinal: int
    scope: str
    session: str | None
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
    touched = set(ids) | await _touched_by_mentions(tx, facts)
    for query in (
        SELECT_TOUCHED_BY_ANSWERS,
        SELECT_TOUCHED_BY_TASKS,
        SELECT_TOUCHED_BY_RIVALS,
        SELECT_TOUCHED_BY_SUMMARIES,
    ):
        touched |= {row["request_id"] for row in await tx.fetch(query, ids)}
    return touched


async def _touched_by_mentions(tx: Connection, facts: Sequence[ExchangeFacts]) -> set[UUID]:
    rows = {mention for one in facts for mention in _mentions(one)}
    if not rows:
        return set()
    new = await tx.fetch(INSERT_MENTIONS, as_json(sorted(rows, key=repr)))
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


def _row(facts: ExchangeFacts, client_domain: str) -> ExchangeRow:
    return ExchangeRow(
        request_id=facts.request_id,
        received_at=facts.moment.received_at,
        scope=storable(facts.scope),
        client_domain=storable(client_domain),
        session=storable_or_none(facts.thread.session),
        agent=storable_or_none(facts.thread.agent),
        parent_agent=storable_or_none(facts.parent_agent),
        device=storable_or_none(facts.device),
        declared_class=facts.request_class,
        class_evidence=facts.classified.evidence,
        side=facts.classified.side,
        history=facts.history,
        depth=len(facts.path),
        request_node=_node_or_none(facts.request_node),
        answer_node=_node_or_none(facts.answer_node),
        state=facts.answer.state,
        prompt=_node_or_none(facts.prompt),
        title=storable(facts.title),
        asked=storable(facts.asked),
        continuation=storable(facts.continuation, len(facts.continuation)),
        summary=storable(facts.answer.summary, len(facts.answer.summary)),
    )


def _tasks(facts: ExchangeFacts) -> Iterator[_TaskRow]:
    for ordinal, task in enumerate(facts.answer.tasks):
        yield _TaskRow(
            facts.request_id,
            ordinal,
            storable(facts.scope),
            storable_or_none(facts.thread.session),
            storable(task.tool_use_id),
            _node(task.prompt),
            storable(task.agent_type),
            storable(task.description),
        )


def _mentions(facts: ExchangeFacts) -> Iterator[_MentionRow]:
    session = facts.thread.session
    for mention in facts.mentions if session else ():
        yield _MentionRow(
            storable(facts.scope), storable(session or ""), storable(mention.agent), storable(mention.tool_use_id)
        )


def _node(digest: bytes) -> UUID:
    return UUID(bytes=digest)


def _node_or_none(digest: bytes | None) -> UUID | None:
    return None if digest is None else UUID(bytes=digest)
