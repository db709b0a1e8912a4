"""The store of the bench of pages is a store like any other, up to now, with one talk of many lines."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from dashboard.data import ConversationFilter, RequestFilter
from dashboard.usage import UsageQuery
from ops.db.seal_check import check_seals, through
from ops.stores import data_store, opened
from tests.bench import pages_store
from tests.bench.growth import STEP_MS
from tests.bench.pages_store import MODELS, TALK, Amount, fill
from tests.bench.swarm import swarm
from tests.bench.test_big_store import told_of

NOW = datetime(2026, 11, 28, 2, tzinfo=UTC)
DAY = timedelta(days=1)
AMOUNT = Amount(requests=36, messages=24, sessions=3, turns=4)


def test_it_is_as_much_as_was_asked_for_and_ends_now() -> None:
    assert Amount().copies == 1_000_000 // 320 - 1
    assert Amount().span < timedelta(days=95)
    assert AMOUNT.copies == 2
    assert AMOUNT.span == timedelta(milliseconds=2 * STEP_MS)
    came = [one.at for one in pages_store.invented(AMOUNT, 5)]
    assert came == sorted(came)
    assert len(came) == AMOUNT.sessions * AMOUNT.turns


async def test_every_request_can_be_read_and_the_talk_has_its_sub_agents(empty_database: str) -> None:
    talk = await fill(empty_database, AMOUNT, NOW)
    async with opened(empty_database, "nexus-test", reads_only=True) as pool:
        data = data_store(pool)
        assert (await check_seals(through(pool))).faults == ()
        grown = (await data.requests(RequestFilter(), limit=500)).items
        ours = [one for one in grown if one.session_id != TALK]
        assert len(ours) == AMOUNT.requests
        assert {str(one.model).rstrip("0123456789") for one in ours} == set(MODELS)
        found = (await data.conversations(ConversationFilter())).items
        assert len(found) == AMOUNT.sessions * (AMOUNT.copies + 1) + 1
        assert len(await told_of(data, found[-1].conversation_id)) == AMOUNT.turns
        for bucket in ("minute", "hour", "day", "month"):
            used = await data.usage(UsageQuery(since=NOW - DAY, until=NOW + DAY, bucket=bucket, limit=1000))
            assert used.total.requests == len(grown)
            by_day = [item.bucket.date() for item in used.items for _ in range(item.requests) if item.bucket]
            assert bucket != "day" or Counter(by_day) == Counter(one.received_at.date() for one in grown)
        tree = await data.tree(talk)
    assert tree is not None
    exchanges = len(list(swarm(TALK, AMOUNT.messages // 2, pages_store.STEPS, NOW)))
    assert len(tree.nodes) == exchanges
    assert [one.kind for one in tree.branches] == ["main", *["subtask"] * (len(tree.branches) - 1)]
    assert len({one.name for one in tree.branches}) == len(tree.branches) > 3
    assert {one.agent_type for one in tree.branches} == {None, "Explore", "general-purpose", "Plan"}
