"""Conversations of two builds overlap as their members do, with the tokens of the requests; links change by name."""

from uuid import UUID

import pytest

from domain.errors import SetupError
from domain.forest_diff import Overlap, Weight
from ops.db.pool import Pool
from projections.read_models import builds, forest_overlaps
from projections.read_models.builds import Build
from projections.read_models.forest_overlaps import LinkChange, Linked
from projections.registry import projection
from tests.projected import Store

BEFORE, AFTER = Build("conversations", 1, 1), Build("conversations", 1, 2)
LINK = """
INSERT INTO p_conversations_1.links (request_id, received_at, request_class, own_edge, edge, parent_request_id,
    confidence, evidence, conversation_id, depth)
VALUES ($1, '2026-11-22T09:00Z'::timestamptz + make_interval(secs => $2), $3, $4, $4, $5, 1.0, $6::jsonb, $7, 0)
"""
REQUEST = """
INSERT INTO p_requests_1.requests (request_id, position, received_at, parsable, deferred, outcome, detail, gaps,
    missing_bytes, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens)
VALUES ($1, 1, now(), true, false, 'completed', '', 0, 0, $2, 20, 300, 4000, NULL)
"""
EVIDENCE = '[{"kind": "history", "detail": "all"}, {"kind": "class", "detail": "main"}]'


def one(number: int) -> UUID:
    return UUID(int=number)


async def linked(pool: Pool, build: int, number: int, edge: str, parent: int | None, conversation: int | None) -> None:
    await pool.execute(
        LINK.replace("conversations_1", f"conversations_{build}"),
        one(number),
        float(number),
        "main",
        edge,
        parent and one(parent),
        EVIDENCE,
        conversation and one(conversation),
    )


async def filled(pool: Pool) -> Store:
    """1 and 2 stay together; 3 leaves them; 4 loses its conversation; 5 is only there afterwards."""
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.ensure_live(tx, projection("requests"))
        await builds.create(tx, projection("conversations"))
        await builds.create(tx, projection("conversations"))
    for build in (1, 2):
        await linked(pool, build, 1, "root", None, 1)
        await linked(pool, build, 2, "continues", 1, 1)
    await linked(pool, 1, 3, "spawned", 2, 1)
    await linked(pool, 2, 3, "root", None, 3)
    await linked(pool, 1, 4, "root", None, 4)
    await linked(pool, 2, 4, "none", None, None)
    await linked(pool, 2, 5, "root", None, 5)
    for number in (1, 2, 3):
        await pool.execute(REQUEST, one(number), number)
    return store


async def test_members_and_tokens_are_counted_by_pair(pool: Pool) -> None:
    store = await filled(pool)
    async with store.sources.transactions() as tx:
        found = await forest_overlaps.overlaps(tx, BEFORE, AFTER, 3)
    assert sorted(found, key=lambda each: (str(each.before), str(each.after))) == [
        Overlap(one(1), one(1), Weight(2, 3, 40, 600, 8000)),
        Overlap(one(1), one(3), Weight(1, 3, 20, 300, 4000), (one(3),)),
        Overlap(one(4), None, Weight(1), (one(4),)),
        Overlap(None, one(5), Weight(1), (one(5),)),
    ]


async def test_links_that_differ_are_counted_and_some_are_shown(pool: Pool) -> None:
    store = await filled(pool)
    async with store.sources.transactions() as tx:
        found = await forest_overlaps.link_changes(tx, BEFORE, AFTER, 2)
    assert (found.changed, found.parents) == (3, 1)
    assert found.edges == {"spawned → root": 1, "root → none": 1, "no row → root": 1}
    assert found.classes == {"no row → main": 1}
    kinds = '["history", "class"]'
    assert found.examples == (
        LinkChange(one(3), Linked("main", "spawned", one(2), kinds), Linked("main", "root", None, kinds)),
        LinkChange(one(4), Linked("main", "root", None, kinds), Linked("main", "none", None, kinds)),
    )


async def test_equal_builds_overlap_whole_and_no_link_differs(pool: Pool) -> None:
    store = await filled(pool)
    async with store.sources.transactions() as tx:
        assert all(each.before == each.after for each in await forest_overlaps.overlaps(tx, AFTER, AFTER, 3))
        assert (await forest_overlaps.link_changes(tx, AFTER, AFTER, 3)).changed == 0


async def test_examples_are_bounded(pool: Pool) -> None:
    store = await filled(pool)
    async with store.sources.transactions() as tx:
        assert all(each.examples == () for each in await forest_overlaps.overlaps(tx, BEFORE, AFTER, 0))


async def test_without_requests_there_are_no_tokens(pool: Pool) -> None:
    store = Store.over(pool)
    await pool.execute("DROP VIEW IF EXISTS read.requests")
    async with store.sources.transactions() as tx:
        with pytest.raises(SetupError, match="rebuild requests"):
            await forest_overlaps.overlaps(tx, BEFORE, AFTER, 0)
