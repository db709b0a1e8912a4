"""Billed lines by exchange, conversation and branch: each line once, apart by all that a price depends on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from ops.db.pool import Pool
from projections.read_models.cost_queries import by_branch, by_conversation, by_request
from tests import captures
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.usage_variety import attributed, varied

LINES = """
SELECT u.*, g.model, g.service_tier, g.speed, g.inference_geo, g.long_context
FROM read.usage_lines u JOIN read.usage_groups g USING (group_id)
"""
TARIFF = ("model", "service_tier", "speed", "inference_geo", "long_context")
KINDS = tuple(TokenCounts.__dataclass_fields__)
BESIDE = ("estimated_output_tokens", "web_searches")


def expected(lines: Iterable[dict[str, Any]], name: str) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    for line in lines:
        for kind in (*KINDS, *BESIDE):
            found[line[name], line["received_at"].date(), *(line[one] for one in TARIFF), kind] += line[kind]
    return +found


def told(rows: Iterable[CostRow]) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    for row in rows:
        for kind in (*KINDS, *BESIDE):
            count = getattr(row.line.tokens if kind in KINDS else row.line, kind)
            found[row.id, row.day, *(getattr(row.line.tariff, one) for one in TARIFF), kind] += count
    return +found


async def test_every_line_is_told_once(pool: Pool) -> None:
    store, random = Store.over(pool), Random("costs")
    late = [replace(one, at=one.at.replace(hour=20), ended=None) for one in captures.exchanges("d2_two_agents")]
    listed = [varied(one, random) for one in late]  # in the evening of UTC it is another day in the east
    ids = request_ids(listed)
    await append_all(store.ship, [attributed(await recorded(one, ids[one.n], store.ship), random) for one in listed])
    await store.follow()
    lines = await store.rows(LINES)
    some = sorted({line["request_id"] for line in lines})[::2]
    talks = {line["conversation_id"] for line in lines} - {None}
    async with pool.acquire() as connection:
        assert told(await by_request(connection, some)) == expected(
            (line for line in lines if line["request_id"] in some), "request_id"
        )
        assert told(await by_conversation(connection, sorted(talks))) == expected(
            (line for line in lines if line["conversation_id"]), "conversation_id"
        )
        for talk in talks:
            own = [line for line in lines if line["conversation_id"] == talk]
            assert told(await by_branch(connection, talk)) == expected(own, "branch_id")
        assert await by_request(connection, []) == await by_conversation(connection, []) == []
