"""A late exchange relinks what it touches, and nothing else is written."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from domain.corrections import LinkCorrection
from domain.links import CONFIDENCE
from ops.db.application import Nexus
from ops.db.pool import Pool
from projections.registry import projection
from tests import captures
from tests.projected import Store
from tests.recorded import RecordedExchange, append_all, recorded, request_ids
from tests.shipping import AT

CONVERSATIONS = projection("conversations")


async def prepared(store: Store, name: str) -> dict[int, RecordedExchange]:
    listed = captures.exchanges(name)
    ids = request_ids(listed)
    return {one.n: await recorded(one, ids[one.n], store.ship) for one in listed}


async def append(store: Store, *exchanges: RecordedExchange) -> None:
    await append_all(store.ship, exchanges)
    await store.follow_one(CONVERSATIONS)


async def edges(store: Store, exchanges: dict[int, RecordedExchange]) -> dict[int, tuple[str, int | None, int | None]]:
    numbers = {one.request_id: n for n, one in exchanges.items()}
    return {
        numbers[row["request_id"]]: (
            row["edge"],
            numbers.get(row["parent_request_id"]),
            numbers.get(row["conversation_id"]),
        )
        for row in await store.rows("SELECT * FROM read.links")
    }


async def test_a_late_parent_joins_two_trees(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "b_multiturn")
    await append(store, known[1], known[3])
    assert await edges(store, known) == {1: ("root", None, 1), 3: ("continues", 1, 1)}
    await append(store, known[2])
    assert await edges(store, known) == {1: ("root", None, 1), 2: ("continues", 1, 1), 3: ("continues", 2, 1)}


async def test_a_late_root_takes_over_the_whole_conversation(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "d2_two_agents")
    await append(store, *(known[n] for n in (2, 3, 4, 5, 6)))
    before = await edges(store, known)
    assert (before[2][0], before[6]) == ("root", ("root", None, 6))
    await append(store, known[1])
    after = await edges(store, known)
    assert {conversation for _, _, conversation in after.values()} == {1}
    assert (after[2], after[3], after[6]) == (("spawned", 1, 1), ("spawned", 1, 1), ("continues", 1, 1))
    [row] = await store.rows("SELECT * FROM read.conversations")
    assert row["conversation_id"] == known[1].request_id


async def test_a_late_first_sibling_turns_the_other_into_the_branch(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "e2_rewind")
    await append(store, known[1], known[4], known[5])
    assert (await edges(store, known))[4] == ("continues", 1, 1)
    await append(store, known[2])
    links = await edges(store, known)
    assert (links[2], links[4], links[5]) == (("continues", 1, 1), ("branches", 1, 1), ("continues", 4, 1))
    rows = {row["request_id"]: row["branch_id"] for row in await store.rows("SELECT * FROM read.links")}
    assert rows[known[2].request_id] == rows[known[1].request_id] == known[1].request_id
    assert rows[known[4].request_id] == rows[known[5].request_id] == known[4].request_id


async def test_an_answer_that_comes_after_the_next_request_makes_its_link_sure(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "b_multiturn")
    first, second = known[1], known[2]
    begun = RecordedExchange(first.request_id, first.events[:1], first.body, first.run)
    await append(store, begun, second)
    assert (await edges(store, known))[2] == ("continues", 1, 1)
    assert (await store.links())[second.request_id]["confidence"] == CONFIDENCE["session"]
    rest = RecordedExchange(first.request_id, first.events[1:], None, first.run)
    await append(store, rest)
    assert (await edges(store, known))[2] == ("continues", 1, 1)
    assert (await store.links())[second.request_id]["confidence"] == CONFIDENCE["history"]


async def test_only_what_is_touched_is_written(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "d2_two_agents")
    await append(store, *(known[n] for n in (1, 2, 3, 4, 5)))
    versions = "SELECT request_id, xmin::text AS xmin FROM p_conversations_1.links ORDER BY request_id"
    before = {row["request_id"]: row["xmin"] for row in await store.rows(versions)}
    await append(store, known[6])
    after = {row["request_id"]: row["xmin"] for row in await store.rows(versions)}
    rewritten = {one for one in before if before[one] != after[one]}
    assert rewritten <= {known[2].request_id, known[3].request_id}, "the agents its results name, at most"


async def test_equal_prompts_of_unrelated_sessions_stay_apart(pool: Pool) -> None:
    store = Store.over(pool)
    [one] = captures.exchanges("a_oneshot")
    others = []
    for number in range(20):
        body = one.body.replace(b"2db8c30f-6c90-4d03-8975", b"2db8c30f-6c90-4d03-%04d" % number)
        headers = tuple((n, v.replace("-8975-", f"-{number:04}-")) for n, v in one.headers)
        moved = replace(one, n=number, at=one.at + timedelta(seconds=number), body=body, headers=headers)
        others.append(moved)
    ids = request_ids(others)
    await append(store, *[await recorded(other, ids[other.n], store.ship) for other in others])
    links = await store.links()
    assert {link["edge"] for link in links.values()} == {"root"}
    assert len({link["conversation_id"] for link in links.values()}) == 20


@pytest.mark.parametrize("seed", range(3))
async def test_every_exchange_may_come_twice(pool: Pool, seed: int) -> None:
    """Delivered again from the start, in other batches, nothing changes."""
    store = Store.over(pool)
    known = await prepared(store, "f2_compact_tui")
    await append(store, *known.values())
    before = await store.links()
    await pool.execute("UPDATE nexus_tracking SET notification_id = 0 WHERE application_name LIKE 'conversations:%'")
    await store.follow_one(CONVERSATIONS, batch_events=Random(seed).choice([1, 5, 50]))
    assert await store.links() == before


async def test_an_exchange_without_its_request_is_not_linked(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "a_oneshot")
    one = known[1]
    lost = tuple(event.model_copy(update={"originator_version": n}) for n, event in enumerate(one.events[1:], start=1))
    await append(store, RecordedExchange(one.request_id, lost, None, one.run))
    assert await store.links() == {}
    assert isinstance(one.request_id, UUID)


async def saved(store: Store, dsn: str, correction: LinkCorrection) -> None:
    """A person's word, written as the library writes it."""

    def save() -> None:
        with Nexus(dsn) as application:
            application.save(correction)

    await asyncio.to_thread(save)
    await store.follow_one(CONVERSATIONS)


def corrected(child: RecordedExchange, parent: RecordedExchange | None) -> LinkCorrection:
    parent_id = parent.request_id if parent else None
    return LinkCorrection.begin(child.request_id, parent_id, who="ada", why="I was there", at=AT)


async def conversation_rows(store: Store) -> list[dict[str, object]]:
    return await store.rows("SELECT * FROM read.conversations ORDER BY conversation_id")


async def test_a_correction_moves_a_subtree_and_undoing_it_moves_it_back(pool: Pool, migrated_database: str) -> None:
    store = Store.over(pool)
    known = await prepared(store, "e2_rewind")
    await append(store, *known.values())
    links, conversations = await store.links(), await conversation_rows(store)
    before = await edges(store, known)
    assert (before[4], before[5]) == (("branches", 1, 1), ("continues", 4, 1))
    word = corrected(known[4], None)
    await saved(store, migrated_database, word)
    moved = await edges(store, known)
    assert moved == {**before, 4: ("root", None, 4), 5: ("continues", 4, 4)}
    assert len(await conversation_rows(store)) == len(conversations) + 1
    word.correct(known[2].request_id, who="bob", why="", at=AT)
    await saved(store, migrated_database, word)
    assert await edges(store, known) == {**before, 4: ("branches", 2, 1), 5: ("continues", 4, 1)}
    word.undo(who="eve", why="", at=AT)
    await saved(store, migrated_database, word)
    assert await store.links() == links
    assert await conversation_rows(store) == conversations


async def test_a_correction_waits_for_its_request_and_its_parent(pool: Pool, migrated_database: str) -> None:
    store = Store.over(pool)
    known = await prepared(store, "b_multiturn")
    await saved(store, migrated_database, corrected(known[3], known[1]))
    assert await edges(store, known) == {}
    await append(store, known[3])
    assert await edges(store, known) == {3: ("root", None, 3)}, "the parent it names is not known"
    await append(store, known[2])
    assert await edges(store, known) == {2: ("root", None, 2), 3: ("continues", 2, 2)}
    await append(store, known[1])
    assert await edges(store, known) == {1: ("root", None, 1), 2: ("continues", 1, 1), 3: ("branches", 1, 1)}
    link = (await store.links())[known[3].request_id]
    assert ("ada: I was there" in str(link["evidence"]), link["confidence"]) == (True, 1.0)


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (3, 2, 1), (2, 3, 1)])
async def test_a_session_s_title_is_found_before_and_after_it_began(pool: Pool, order: tuple[int, ...]) -> None:
    """The first request of this capture is the client's own title call."""
    store = Store.over(pool)
    known = await prepared(store, "h2_tui_nonessential")
    for n in order:
        await append(store, known[n])
    await append(store, known[4])
    titles = {row["conversation_id"]: row["title"] for row in await conversation_rows(store)}
    own, other = titles[known[2].request_id], titles[known[4].request_id]
    [title_call] = await store.rows("SELECT session_title FROM read.exchanges WHERE session_title <> ''")
    assert own == title_call["session_title"]
    assert other != own, "another session has a title of its own: what was typed first"


async def test_a_fork_goes_over_to_a_deeper_parent_that_comes_late(pool: Pool) -> None:
    store = Store.over(pool)
    known = await prepared(store, "v2.0.76_mix")
    await append(store, known[35])
    assert await edges(store, known) == {35: ("root", None, 35)}
    await append(store, known[28])
    assert (await edges(store, known))[35] == ("forks", 28, 28)
    await append(store, known[31])
    assert await edges(store, known) == {
        28: ("root", None, 28),
        31: ("continues", 28, 28),
        35: ("forks", 31, 28),
    }
    branches = {row["request_id"]: row["branch_id"] for row in (await store.links()).values()}
    assert branches[known[35].request_id] == known[35].request_id
