"""Billed lines by exchange, conversation and branch: each line once, apart by all that a price depends on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from random import Random
from typing import Any
from uuid import UUID

from domain.billing import BilledLine
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from ops.db.pool import Pool
from projections.read_models import builds
from projections.read_models.cost_queries import attempts, by_branch, by_conversation, by_request, lost, until
from projections.registry import projection
from tests import captures
from tests.projected import Store
from tests.recorded import NOT_KEPT, append_all, recorded, request_ids
from tests.usage_variety import attributed, varied

LINES = """
SELECT u.*, g.model, g.service_tier, g.speed, g.inference_geo, g.long_context
FROM read.usage_lines u JOIN read.usage_groups g USING (group_id)
"""
TARIFF = ("model", "service_tier", "speed", "inference_geo", "long_context")
KINDS = tuple(TokenCounts.__dataclass_fields__)
BESIDE = ("estimated_output_tokens", "web_searches")
ADDED = (*KINDS, *BESIDE, "unrecorded")


def expected(lines: Iterable[dict[str, Any]], name: str) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    for line in lines:
        for kind in ADDED:
            found[line[name], line["received_at"].date(), *(line[one] for one in TARIFF), kind] += line[kind]
    return +found


def told(rows: Iterable[CostRow]) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    for row in rows:
        for kind in ADDED:
            count = getattr(row.line.tokens if kind in KINDS else row if kind == "unrecorded" else row.line, kind)
            found[row.id, row.day, *(getattr(row.line.tariff, one) for one in TARIFF), kind] += count
    return +found


async def test_every_line_is_told_once(pool: Pool) -> None:
    store, random = Store.over(pool), Random("costs")
    late = [replace(one, at=one.at.replace(hour=20), ended=None) for one in captures.exchanges("d2_two_agents")]
    gone = replace(late[0], answer=b"", fault=NOT_KEPT)
    listed = [gone, *(varied(one, random) for one in late[1:])]  # in the evening of UTC it is another day in the east
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
            assert await lost(connection, talk) == {line["request_id"] for line in own if line["unrecorded"]}
            moment = sorted(line["received_at"] for line in own)[len(own) // 2]
            waits = [line["request_id"] for line in own if line["received_at"] == moment]
            before = [line for line in own if line["received_at"] < moment]
            on_branches, alone = await until(connection, talk, moment, waits, some[:1])
            assert told(on_branches) == expected(before, "branch_id")
            asked = {*waits, *some[:1]}
            assert told(alone) == expected((line for line in lines if line["request_id"] in asked), "request_id")
        assert await by_request(connection, []) == await by_conversation(connection, []) == []
        assert [one.unrecorded for one in await attempts(connection, ids[gone.n])] == [True]


async def test_a_turn_has_all_its_attempts_whichever_is_asked_for(pool: Pool) -> None:
    store = Store.over(pool)
    await store.append("errors_in_session")
    await store.follow()
    links = await store.links()
    turns = dict[UUID, list[UUID]]()
    for request_id in sorted(links, key=lambda one: (links[one]["received_at"], one)):
        link = links[request_id]
        first = link["parent_request_id"] if link["edge"] == "retries" else request_id
        turns.setdefault(first, []).append(request_id)
    assert max(map(len, turns.values())) > 1
    lines = await store.rows(f"{LINES} ORDER BY line")
    outcomes = {row["request_id"]: row for row in await store.rows("SELECT * FROM read.requests")}
    async with pool.acquire() as connection:
        for turn in turns.values():
            for member in turn:
                told_of = await attempts(connection, member)
                assert [one.request_id for one in told_of] == turn
                for one in told_of:
                    row = outcomes[one.request_id]
                    assert (one.received_at, one.outcome, one.status) == (
                        row["received_at"], row["outcome"], row["status"],
                    )  # fmt: skip
                    own = [line for line in lines if line["request_id"] == one.request_id]
                    assert [counted(line) for line in one.lines] == [
                        {name: line[name] for name in (*TARIFF, *KINDS, *BESIDE, "kind")} for line in own
                    ]
        assert await attempts(connection, UUID(int=1)) == []


def counted(line: BilledLine) -> dict[str, Any]:
    return asdict(line.tariff) | asdict(line.tokens) | {name: getattr(line, name) for name in (*BESIDE, "kind")}


async def test_an_attempt_that_the_other_projection_does_not_know_yet_is_open(pool: Pool) -> None:
    store = Store.over(pool)
    ids = await store.append("a_oneshot")
    await store.follow_one(projection("conversations"))
    async with store.sources.transactions() as tx:
        await builds.ensure_live(tx, projection("requests"))
    async with pool.acquire() as connection:
        (found,) = await attempts(connection, ids[min(ids)])
    assert (found.outcome, found.status, len(found.lines) > 0) == ("open", None, True)
