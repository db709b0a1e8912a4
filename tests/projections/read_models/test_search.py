"""A place gives way to an earlier one only, and a text is there once, in pieces that Postgres can search."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from domain.exchange_facts import Moment
from domain.said import Said
from ops.db.pool import Pool
from projections.read_models import builds, search
from projections.read_models.connection import Connection
from projections.read_models.search import MarkRow, PlaceRow, said_id
from projections.registry import projection

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TEXT = UUID(int=7)


@asynccontextmanager
async def tables(pool: Pool) -> AsyncIterator[Connection]:
    """The projection's own, empty afterwards."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await builds.enter(connection, await builds.ensure_live(connection, projection("search")))
            yield connection
        finally:
            await transaction.rollback()


def place_row(minute: int = 0, **changes: Any) -> PlaceRow:
    row = PlaceRow(
        thread=UUID(int=1),
        said=TEXT,
        received_at=START + timedelta(minutes=minute),
        request_id=UUID(int=100 + minute),
        in_answer=False,
        place=0,
        role="user",
        tool_name="",
        aside=False,
    )
    return replace(row, **changes)


def mark_row(minute: int, mark: int = 1) -> MarkRow:
    return MarkRow(UUID(int=mark), Moment(START + timedelta(minutes=minute), UUID(int=100 + minute)))


RIVALS = (
    place_row(0, in_answer=True, role="assistant", place=2),
    place_row(0, place=3, tool_name="Bash"),
    place_row(1, aside=True),
    place_row(0, request_id=UUID(int=999)),
)


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_the_first_place_stays(pool: Pool, order: tuple[int, ...]) -> None:
    async with tables(pool) as tx:
        for number in order:
            await search.save_places(tx, [RIVALS[number]])
        (one_by_one,) = await tx.fetch("SELECT * FROM search_places")
        await tx.execute("DELETE FROM search_places")
        await search.save_places(tx, [RIVALS[number] for number in order])
        (at_once,) = await tx.fetch("SELECT * FROM search_places")
    assert PlaceRow(**dict(one_by_one)) == PlaceRow(**dict(at_once)) == RIVALS[1]


async def test_other_threads_and_texts_have_places_of_their_own(pool: Pool) -> None:
    async with tables(pool) as tx:
        await search.save_places(tx, [place_row(), place_row(thread=UUID(int=2)), place_row(said=UUID(int=8))])
        await search.save_places(tx, [])
        assert await tx.fetchval("SELECT count(*) FROM search_places") == 3


async def test_a_mark_is_earlier_for_those_behind_it_only(pool: Pool) -> None:
    async with tables(pool) as tx:
        await search.save_marks(tx, [mark_row(5), mark_row(4), mark_row(6)])
        await search.save_marks(tx, [mark_row(7)])
        await search.save_marks(tx, [])
        asked = [mark_row(3), mark_row(4), mark_row(5), mark_row(5, mark=2)]
        assert await search.said_earlier(tx, asked) == {mark_row(5).key}
        assert await search.said_earlier(tx, []) == set()
        await search.save_marks(tx, [mark_row(3)])
        assert await search.said_earlier(tx, asked) == {mark_row(4).key, mark_row(5).key}


async def test_a_text_is_saved_once_and_known_then(pool: Pool) -> None:
    words = Said("tool_result", "No such file: HttpServer.py \x00 sk-ant-api03-" + "a" * 30, is_error=True)
    async with tables(pool) as tx:
        assert await search.unknown(tx, {TEXT}) == {TEXT}
        assert await search.unknown(tx, set()) == set()
        for _ in range(2):
            await search.save_pieces(tx, [(TEXT, "tenant", words)])
        await search.save_pieces(tx, [])
        assert await search.unknown(tx, {TEXT, UUID(int=8)}) == {UUID(int=8)}
        (row,) = await tx.fetch("SELECT *, words::text AS said_words FROM search_pieces")
    assert (row["number"], row["scope"], row["kind"], row["is_error"]) == (0, "tenant", "tool_result", True)
    assert "\N{REPLACEMENT CHARACTER}" in row["content"]
    assert "aaaa" not in row["content"]
    assert "'httpserver':4" in row["said_words"]
    assert "aaaa" not in row["said_words"]


def test_the_same_words_of_two_tenants_are_two_texts() -> None:
    said = Said("text", "hello").digest
    assert said_id("one", said) != said_id("other", said)
    assert said_id("one", said) == said_id("one", said)
