"""Scopes: one key each, made once, whoever comes first, whatever the scope is called."""

import asyncio
import os

import psycopg
from hypothesis import example, given
from hypothesis import strategies as st

from ops.db.pool import Pool
from ops.db.scopes import KEY_BYTES, MAX_NAME, Scopes, stored_name
from tests.migrated import opened

DEADLINE_S = 5.0
PLAIN = "8c7f0f2e-5f0a-4f57-9f5e-1f2d3c4b5a69"


def scopes(pool: Pool) -> Scopes:
    return Scopes(pool, DEADLINE_S)


async def test_a_key_is_made_once_and_kept(pool: Pool) -> None:
    made = await scopes(pool).find_or_make(PLAIN, os.urandom)
    assert len(made.key) == KEY_BYTES == 32
    assert await scopes(pool).find_or_make(PLAIN, os.urandom) == made
    assert await scopes(pool).find(PLAIN) == made


async def test_the_key_comes_from_the_random_source(pool: Pool) -> None:
    made = await scopes(pool).find_or_make(PLAIN, lambda count: b"r" * count)
    assert made.key == b"r" * 32


async def test_every_scope_has_its_own(pool: Pool) -> None:
    mine = scopes(pool)
    rows = [await mine.find_or_make(name, os.urandom) for name in ("a", "b", "c")]
    assert len({row.key for row in rows}) == len({row.id for row in rows}) == 3


async def test_an_unknown_scope_is_not_made_by_looking(pool: Pool) -> None:
    assert await scopes(pool).find(PLAIN) is None
    assert await pool.fetchval("SELECT count(*) FROM scopes") == 0


async def test_of_several_makers_at_once_all_get_the_same_key(pool: Pool) -> None:
    rows = await asyncio.gather(*(scopes(pool).find_or_make(PLAIN, os.urandom) for _ in range(8)))
    assert len(set(rows)) == 1


async def test_whoever_comes_second_gets_the_first_ones_key(migrated_database: str, pool: Pool) -> None:
    def while_somebody_else_is_first(count: int) -> bytes:
        with psycopg.connect(migrated_database, autocommit=True) as other:
            other.execute("INSERT INTO scopes (scope, key) VALUES (%s, %s)", (PLAIN, b"1" * count))
        return b"2" * count

    assert (await scopes(pool).find_or_make(PLAIN, while_somebody_else_is_first)).key == b"1" * 32


async def test_a_known_scope_is_not_asked_for_again(migrated_database: str) -> None:
    async with opened(migrated_database) as pool:
        mine = scopes(pool)
        made = await mine.find_or_make(PLAIN, os.urandom)
    assert await mine.find(PLAIN) == made  # the pool is closed


async def test_the_memory_is_bounded(pool: Pool) -> None:
    mine = scopes(pool)
    mine._known = {str(n): await mine.find_or_make("a", os.urandom) for n in range(10_000)}
    await mine.find_or_make("b", os.urandom)
    assert len(mine._known) == 1


async def test_a_scope_may_be_any_text(pool: Pool) -> None:
    mine = scopes(pool)
    names = ["", " ", "a\0b", "x" * 1_000_000, "half \ud800", "ünï", "a\nb", "sha256:" + "0" * 64]
    rows = [await mine.find_or_make(name, os.urandom) for name in names]
    assert len({row.id for row in rows}) == len(names)
    assert [await scopes(pool).find(name) for name in names] == rows


@given(st.text(max_size=MAX_NAME + 50))
@example("a\0b")
def test_the_stored_name_fits_the_table(scope: str) -> None:
    name = stored_name(scope)
    assert "\0" not in name
    assert len(name.encode()) <= MAX_NAME


@given(st.text(), st.text())
def test_two_scopes_never_share_a_name(one: str, two: str) -> None:
    assert (stored_name(one) == stored_name(two)) == (one == two)


def test_nobody_can_take_anothers_name_by_its_hash() -> None:
    hashed = stored_name("ünï")
    assert hashed.startswith("sha256:")
    assert stored_name(hashed) != hashed


def test_an_id_keeps_its_name() -> None:
    assert stored_name(PLAIN) == PLAIN
