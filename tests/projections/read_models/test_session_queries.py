"""What a session used is the sum of its requests' lines; where it stands: its newest answer on the main thread."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from ops.db.pool import Pool
from projections.read_models.session_queries import Spent, Standing, spent, standing
from tests.projected import Store

NAMES = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
BY_REQUEST = """
SELECT r.request_id, r.session_id, r.model, r.agent_id, r.received_at, coalesce(r.account, r.scope) AS account,
    l.request_class, coalesce(r.input_tokens, 0) AS input_tokens, r.output_tokens AS answered,
    coalesce(r.output_tokens, 0) AS output_tokens, coalesce(r.cache_read_tokens, 0) AS cache_read_tokens,
    coalesce(r.cache_write_5m_tokens, 0) AS cache_write_5m_tokens,
    coalesce(r.cache_write_1h_tokens, 0) AS cache_write_1h_tokens
FROM read.requests r LEFT JOIN read.links l USING (request_id) ORDER BY r.received_at, r.request_id
"""


def counted(found: Sequence[Spent]) -> Counter[str]:
    sums = Counter[str]()
    for each in found:
        sums.update({name: getattr(each.line.tokens, name) for name in NAMES} | {"requests": each.requests})
    return sums


@pytest.mark.parametrize("capture", ["a_oneshot", "d2_two_agents", "b_multiturn"])
async def test_everything_of_the_session_counts_and_nothing_else(pool: Pool, capture: str) -> None:
    store = Store.over(pool)
    await store.append(capture)
    await store.append("c_tools")
    await store.follow()
    rows: list[dict[str, Any]] = await store.rows(BY_REQUEST)
    sessions = {row["session_id"] for row in rows} - {None}
    assert len(sessions) > 1
    for session in sessions:
        own = [row for row in rows if row["session_id"] == session]
        main = [row for row in own if row["request_class"] == "main" and row["answered"] is not None]
        expected = Counter[str]({name: sum(row[name] for row in own) for name in NAMES} | {"requests": len(own)})
        async with pool.acquire() as connection:
            assert counted(await spent(connection, session)) == expected
            context = sum(main[-1][name] for name in NAMES)
            assert await standing(connection, session) == Standing(own[-1]["account"], main[-1]["model"], context)


async def test_of_a_strange_session_there_is_nothing_with_tables_and_without(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert (await spent(connection, "s"), await standing(connection, "s")) == ([], None)
    await Store.over(pool).follow()
    async with pool.acquire() as connection:
        assert (await spent(connection, "s"), await standing(connection, "s")) == ([], None)
