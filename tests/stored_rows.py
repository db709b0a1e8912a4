"""Read-model rows that nobody projected: drawn by Hypothesis, written as projectors write, gone after each example."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.classification import Evidence
from domain.ids import Position
from ops.db.pool import Pool
from projections.read_models import builds, links, requests
from projections.read_models.connection import Connection
from projections.read_models.links import LinkRow
from projections.read_models.requests import RequestRow
from projections.registry import PROJECTIONS, projection

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SESSIONS = ("s1", "s2", None)
MODELS = ("opus", "haiku", None)
STATUSES = (200, 429, 529, None)
OUTCOMES = ("completed", "open", "client", "gateway_crash")
CLASSES = ("main", "subagent", "compaction", "auxiliary")
PROJECTS = ("nexus", "kitchen", None)
ACCOUNTS = ("acme", "zoo", None)
INSERT_CONVERSATION = """
INSERT INTO conversations (conversation_id, scope, client_domain, title, started_at, last_at)
VALUES ($1, 'tenant', 'localhost', $2, $3, $4)
ON CONFLICT (conversation_id) DO UPDATE SET last_at = excluded.last_at
"""


@dataclass(frozen=True)
class Stored:
    """An exchange's rows; ``link`` None: it is not linked yet."""

    row: RequestRow
    link: LinkRow | None

    @property
    def place(self) -> tuple[datetime, UUID]:
        return self.row.received_at, self.row.request_id


def request_row(number: int, **changes: Any) -> RequestRow:
    row = RequestRow(
        request_id=UUID(int=number),
        position=number,
        received_at=START,
        completed_at=None,
        mode="pass_through",
        method="POST",
        path="/v1/messages",
        client_domain="localhost",
        scope="tenant",
        account=None,
        key_id=None,
        project=None,
        session_id=None,
        agent_id=None,
        user_agent=None,
        model=None,
        streamed=True,
        parsable=True,
        request_bytes=10,
        deferred=False,
        status=200,
        origin="upstream",
        outcome="completed",
        detail="",
        stop_reason=None,
        error_type=None,
        error_message=None,
        answer_bytes=10,
        gaps=0,
        missing_bytes=0,
        input_tokens=None,
        output_tokens=None,
        thinking_tokens=None,
        cache_read_tokens=None,
        cache_write_5m_tokens=None,
        cache_write_1h_tokens=None,
        time_to_first_byte_us=1500,
        duration_us=2500,
        upstream_request_id=None,
    )
    return replace(row, **changes)


def link_row(row: RequestRow, **changes: Any) -> LinkRow:
    link = LinkRow(
        request_id=row.request_id,
        received_at=row.received_at,
        request_class="main",
        own_edge="root",
        edge="root",
        parent_request_id=None,
        confidence=0.9,
        evidence=(Evidence("no earlier exchange", "x"),),
        tool_use_id=None,
        conversation_id=row.request_id,
        branch_id=row.request_id,
        depth=0,
        subtask_id=None,
    )
    return replace(link, **changes)


TOKENS = st.none() | st.integers(0, 10)


@st.composite
def histories(draw: st.DrawFn, most: int = 25) -> list[Stored]:
    """Exchanges in the order of their numbers; times and positions are drawn apart, so they cross; times repeat.

    A link's parent is an earlier number. Who continues, retries or asks aside stays on its parent's branch.
    """
    count = draw(st.integers(0, most))
    positions = draw(st.permutations(range(1, count + 1)))
    out: list[Stored] = []
    for number, position in enumerate(positions, 1):
        row = request_row(
            number,
            position=position,
            received_at=START + timedelta(seconds=draw(st.integers(0, 9)), microseconds=draw(st.sampled_from([0, 1]))),
            session_id=draw(st.sampled_from(SESSIONS)),
            model=draw(st.sampled_from(MODELS)),
            status=draw(st.sampled_from(STATUSES)),
            outcome=draw(st.sampled_from(OUTCOMES)),
            project=draw(st.sampled_from(PROJECTS)),
            account=draw(st.sampled_from(ACCOUNTS)),
            **{name: draw(TOKENS) for name in ("input_tokens", "output_tokens", "cache_read_tokens")},
            **{name: draw(TOKENS) for name in ("cache_write_5m_tokens", "cache_write_1h_tokens")},
        )
        out.append(Stored(row, draw(_links(row, [one.link for one in out if one.link is not None]))))
    return out


@st.composite
def _links(draw: st.DrawFn, row: RequestRow, before: list[LinkRow]) -> LinkRow | None:
    request_class = draw(st.sampled_from(CLASSES))
    parents = [one for one in before if one.conversation_id is not None]
    edges = ["unlinked", "root", "none"]
    if parents:
        edges += ["continues", "continues", "branches", "retries", "spawned", "aside"]
    edge = draw(st.sampled_from(edges))
    if edge == "unlinked":
        return None
    if edge == "none":
        return link_row(row, request_class=request_class, edge=edge, conversation_id=None, branch_id=None)
    if edge == "root":
        return link_row(row, request_class=request_class)
    parent = draw(st.sampled_from(parents))
    if edge == "retries":
        parent = next(
            (one for one in before if one.request_id == parent.parent_request_id and parent.edge == edge), parent
        )
    return link_row(
        row,
        request_class=request_class,
        edge=edge,
        parent_request_id=parent.request_id,
        conversation_id=parent.conversation_id,
        branch_id=row.request_id if edge in {"branches", "spawned"} else parent.branch_id,
        depth=parent.depth + (edge == "spawned"),
    )


async def make_live(pool: Pool) -> None:
    """Empty tables for every projection."""
    async with pool.acquire() as connection, connection.transaction():
        for each in PROJECTIONS:
            await builds.ensure_live(connection, each)


@asynccontextmanager
async def stored(pool: Pool, exchanges: Sequence[Stored]) -> AsyncIterator[Connection]:
    """A connection that sees these rows; they are gone afterwards. Both projections have reached every position."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await write(connection, exchanges)
            yield connection
        finally:
            await transaction.rollback()


async def write(tx: Connection, exchanges: Sequence[Stored]) -> None:
    """Rows of both projections, and the conversations that follow from them."""
    newest = max((one.row.position for one in exchanges), default=0)
    await _enter(tx, "requests", newest)
    await requests.replace(tx, [one.row for one in exchanges])
    await _enter(tx, "conversations", newest)
    await links.replace(tx, [one.link for one in exchanges if one.link])
    for root, members in conversations(exchanges).items():
        times = [one.row.received_at for one in members]
        await tx.execute(INSERT_CONVERSATION, root, f"Talk {root.int}", members[0].row.received_at, max(times))


async def reach(tx: Connection, name: str, position: int) -> None:
    """Move a projection's checkpoint."""
    build = await builds.live(tx, name)
    assert build is not None
    await builds.move_checkpoint(tx, build, await builds.checkpoint(tx, build), Position(position))


async def _enter(tx: Connection, name: str, position: int) -> None:
    build = await builds.ensure_live(tx, projection(name))
    await builds.enter(tx, build)
    await reach(tx, name, position)


def conversations(exchanges: Sequence[Stored]) -> dict[UUID, list[Stored]]:
    """By id; the root is first."""
    out: dict[UUID, list[Stored]] = {}
    for one in exchanges:
        if one.link is not None and one.link.conversation_id is not None:
            out.setdefault(one.link.conversation_id, []).append(one)
    return out
