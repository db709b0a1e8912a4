"""Links come back as they were written; a conversation's row follows its members."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.answer_facts import AnswerFacts
from domain.classification import Evidence
from domain.exchange_facts import ExchangeFacts, Moment, Thread
from ops.db.pool import Pool
from projections.read_models import builds, link_facts, links
from projections.read_models.connection import Connection
from projections.read_models.links import LinkRow
from projections.registry import projection
from tests.invented import Invented
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
        subtask_id=None,
    )


def facts(number: int, **changes: Any) -> ExchangeFacts:
    one = replace(Invented(number=number, session="s").facts, title=f"title {number}", **changes)
    return replace(one, moment=Moment(T0 + timedelta(seconds=number), one.request_id))


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


def titled(number: int, title: str, session: str | None = "s") -> ExchangeFacts:
    return facts(number, thread=Thread(session, None), answer=AnswerFacts("finished", title=title))


async def conversation_titles(tx: Connection) -> dict[int, str]:
    await links.refresh_conversations(tx, [UUID(int=n) for n in range(1, 10)])
    return {row["conversation_id"].int: row["title"] for row in await tx.fetch("SELECT * FROM conversations")}


async def test_a_conversation_has_the_newest_title_of_its_root_s_session(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await entered(store, tx)
        await links.replace(tx, [row(1, None, 1), row(2, 1, 1), row(3, None, 3)])
        assert await conversation_titles(tx) == {1: "title 1", 3: "title 3"}
        other = titled(5, "Elsewhere", "other")
        named, renamed = titled(6, "First name"), titled(7, "New name")
        await link_facts.save(tx, [other, renamed, named, facts(8)], ["here"] * 4)
        assert await conversation_titles(tx) == {1: "New name", 3: "New name"}
        roots = {UUID(int=1), UUID(int=3)}
        assert await links.titled(tx, [named.request_id]) == roots
        assert await links.titled(tx, [facts(8).request_id, other.request_id]) == set()


async def test_a_title_without_a_session_names_nothing(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await entered(store, tx)
        lonely, root = titled(6, "Whose?", None), facts(4, thread=Thread(None, None))
        await link_facts.save(tx, [lonely, root], ["here"] * 2)
        await links.replace(tx, [row(4, None, 4)])
        assert await conversation_titles(tx) == {4: "title 4"}
        assert await links.titled(tx, [lonely.request_id]) == set()
