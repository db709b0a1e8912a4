"""Links come back as they were written; a conversation's row follows its members."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.classification import Classified, Evidence
from domain.exchange_facts import ExchangeFacts, Moment, Thread
from ops.db.pool import Pool
from projections.read_models import builds, link_facts, links
from projections.read_models.connection import Connection
from projections.read_models.links import LinkRow
from projections.registry import projection
from tests.projected import Store

T0 = datetime(2026, 11, 22, tzinfo=UTC)


def row(number: int, parent: int | None, conversation: int | None) -> LinkRow:
    return LinkRow(
        request_id=UUID(int=number),
        received_at=T0 + timedelta(seconds=number),
        request_class="main",
        own_edge="continues" if parent else "root",
        edge="continues" if parent else "root",
        parent_request_id=UUID(int=parent) if parent else None,
        confidence=0.95,
        evidence=(Evidence("history", "3 of 4 blocks"), Evidence("class", "ü")),
        tool_use_id=None,
        conversation_id=UUID(int=conversation) if conversation else None,
        branch_id=UUID(int=conversation) if conversation else None,
        depth=0,
    )


def facts(number: int) -> ExchangeFacts:
    return ExchangeFacts(
        Moment(T0 + timedelta(seconds=number), UUID(int=number)), "scope", Thread("s", None), None, None,
        Classified("main", Evidence("tools", "")), (), history=False, prompt=None, title=f"title {number}", asked="",
        continuation="", mentions=(),
    )  # fmt: skip


async def entered(store: Store, tx: Connection) -> None:
    await builds.enter(tx, await builds.ensure_live(tx, projection("conversations")))
    await link_facts.save(tx, [facts(n) for n in (1, 2, 3)], ["here"] * 3)


async def test_links_come_back_as_they_were_written(pool: Pool) -> None:
    store, rows = Store.over(pool), [row(1, None, 1), row(2, 1, 1), row(3, 1, 1)]
    async with store.sources.transactions() as tx:
        await entered(store, tx)
        await links.replace(tx, rows)
        assert await links.select(tx, [one.request_id for one in rows]) == {one.request_id: one for one in rows}
        assert await links.select(tx, [UUID(int=9)]) == {}
        children = await links.children(tx, [UUID(int=1)])
        assert sorted(children, key=lambda one: one.request_id) == rows[1:]
        assert await links.declared_classes(tx, [UUID(int=2)]) == {UUID(int=2): "main"}


async def test_a_conversation_follows_its_members(pool: Pool) -> None:
    store, first, last = Store.over(pool), UUID(int=1), UUID(int=3)
    async with store.sources.transactions() as tx:
        await entered(store, tx)
        await links.replace(tx, [row(1, None, 1), row(2, 1, 1), row(3, None, 3)])
        await links.refresh_conversations(tx, [first, last])
        found = {one["conversation_id"]: one for one in await tx.fetch("SELECT * FROM conversations")}
        assert {one: found[one]["last_at"] for one in found} == {
            first: T0 + timedelta(seconds=2),
            last: T0 + timedelta(seconds=3),
        }
        assert (found[first]["title"], found[first]["client_domain"], found[first]["started_at"]) == (
            "title 1", "here", T0 + timedelta(seconds=1))  # fmt: skip
        await links.replace(tx, [row(3, 2, 1)])
        await links.refresh_conversations(tx, [first, last])
        [only] = await tx.fetch("SELECT * FROM conversations")
    assert (only["conversation_id"], only["last_at"]) == (first, T0 + timedelta(seconds=3))
