"""A replayed week gives the windows that a simple program finds in the same headers, however the events come.

The program knows nothing of projections: it sorts what was said into lists, window by window.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.account_windows import SKEW
from ops.db.pool import Pool
from projections.projectors.limits import LimitsProjector
from projections.read_models import builds, limit_queries
from projections.rebuilding import live_digest, rebuilt_digest
from projections.registry import projection
from schemas.limits_api import AccountWindows, WindowItem
from tests.projected import Store
from tests.replayed_weeks import CAPACITIES, LENGTHS, SUNDAY, UNIFIED, Asked, events_of, week
from tests.shipping import TestJournal

SEED = 2
LIMITS, REQUESTS = projection("limits"), projection("requests")
RECENT = timedelta(hours=6)

Seen = tuple[datetime, UUID, str | None, float | None, datetime]
"""When, whose answer, status, share, reset."""


async def replay(store: Store, asked: Sequence[Asked], random: Random) -> None:
    """Event by event in a shuffled order (of each exchange in its own), in appends and steps of any size."""
    streams = {one.request_id: (list(events), run) for one in asked for events, run in [events_of(one)]}
    order = [one for one, (events, _) in streams.items() for _ in events]
    random.shuffle(order)
    journal = await TestJournal.opened(store.ship)
    while order:
        batch, order = order[:120], order[120:]
        events = [streams[one][0].pop(0) for one in batch]
        runs = [streams[event.originator_id][1] for event in events if event.TOPIC == "chunk-streamed"]
        await journal.ship(store.ship, events, runs=runs)
        if random.random() < 0.3:
            await store.follow_one(LIMITS, random.choice([7, 100]))
    await store.follow()


@pytest.fixture
async def replayed(pool: Pool) -> tuple[Store, list[Asked]]:
    store, asked = Store.over(pool), week(SEED)
    await replay(store, asked, Random(SEED))
    return store, asked


def kept(asked: Sequence[Asked], account: str, name: str) -> list[Seen]:
    """Of each stretch of time the newest: minutes lately, else quarters of an hour, or hours for long windows."""
    said = list[Seen]()
    for one in asked:
        lines = dict(one.headers)
        reset = lines.get(f"{UNIFIED}{name}-reset")
        if one.account == account and reset is not None:
            share = float(lines[f"{UNIFIED}{name}-utilization"])
            moment = datetime.fromtimestamp(int(reset), UTC)
            said.append((one.seen_at, one.request_id, lines[f"{UNIFIED}{name}-status"], share, moment))
    newest = dict[tuple[int, int], Seen]()
    for seen in sorted(said):
        for minutes in (1, 15 if name == "5h" else 60):
            newest[minutes, int(seen[0].timestamp()) // (60 * minutes)] = seen
    horizon = (SUNDAY - RECENT).replace(second=0)
    return sorted({seen for (minutes, _), seen in newest.items() if minutes > 1 or seen[0] >= horizon})


def expected(asked: Sequence[Asked], account: str, name: str) -> list[dict[str, Any]]:
    """The windows in the order in which they were first seen."""
    found = list[dict[str, Any]]()
    for at, request_id, status, share, reset in kept(asked, account, name):
        known = [one for one in found if one["reset"] == reset]
        if not known:
            known = [{"reset": reset, "start": reset - LENGTHS[name], "first": at}]
            found += known
        known[0] |= {"share": share, "status": status, "evidence": (request_id, at)}
    for one, following in zip(found, [*found[1:], None], strict=True):
        one["end"] = min(one["reset"], following["first"]) if following else one["reset"]
    return found


def windows(told: AccountWindows) -> dict[str, WindowItem]:
    return {one.name: one for one in told.windows}


async def told_of(store: Store, account: str) -> AccountWindows:
    found = await limit_queries.windows_of(store.pool.acquire, account, SUNDAY)
    assert found is not None
    return found


async def test_the_windows_of_a_week(replayed: tuple[Store, list[Asked]]) -> None:
    store, asked = replayed
    await check_windows(store, asked, "acme", ["5h", "7d"])
    await check_windows(store, asked, "zoo", ["5h", "7d", "7d_oi"])
    await check_the_rest(store, asked)
    await check_listing(store, asked)


async def check_windows(store: Store, asked: list[Asked], account: str, names: list[str]) -> None:
    found = windows(await told_of(store, account))
    assert list(found) == names
    for name in names:
        item, wanted = found[name], expected(asked, account, name)
        listed = [
            (one.starts_at, one.ended_at, one.reading.utilization, one.status, one.reading.request_id)
            for one in reversed(item.past)
            if one.reading.source == "header"
        ]
        if item.bounds == "header":
            assert item.said is not None
            listed.append(
                (item.starts_at, min(item.resets_at, wanted[-1]["end"]), item.said.utilization, item.status,
                 item.said.request_id)
            )  # fmt: skip
        assert listed == [
            (one["start"], one["end"], one["share"], one["status"], one["evidence"][0]) for one in wanted
        ], name
        points = [(at, share) for at, _, _, share, _ in kept(asked, account, name)]
        assert [(point.at, point.utilization) for point in item.history] == points


def test_the_week_has_what_it_is_for() -> None:
    """Or the test above would show little."""
    asked = week(SEED)
    fives = expected(asked, "acme", "5h")
    assert len(fives) >= 15
    assert {one["status"] for one in fives} >= {"allowed", "allowed_warning"}
    assert any(one["end"] < one["reset"] for one in fives), "a server whose clock is ahead begins early"
    assert len({one["reset"] for one in expected(asked, "zoo", "7d_oi")}) == 1
    seen = sorted(asked, key=lambda one: one.seen_at)
    assert seen != asked, "answers overtake each other"
    assert max(one["share"] for one in [*fives, *expected(asked, "acme", "7d")]) > 1


async def check_the_rest(store: Store, asked: list[Asked]) -> None:
    """Overage with its evidence, and what was not there."""
    acme, zoo = await told_of(store, "acme"), await told_of(store, "zoo")
    newest = max((one.seen_at, one.request_id) for one in asked if one.account == "acme" and one.headers)
    assert acme.overage is not None
    assert acme.overall is not None
    assert (acme.overage.in_use, acme.overage.status) == (True, "allowed")
    assert (acme.overage.seen_at, acme.overage.request_id) == newest
    assert acme.overall.facts == {"representative-claim": "five_hour"}
    assert (zoo.overage, zoo.bare_at, zoo.unknown, zoo.malformed) == (None, None, {}, [])
    assert acme.bare_at == max(one.seen_at for one in asked if one.account == "acme" and not one.headers)


async def test_where_headers_are_missing_tokens_tell(replayed: tuple[Store, list[Asked]]) -> None:
    """A walk over the requests that lie in no window of the headers; the server's own numbers lie in the range."""
    store, asked = replayed
    item = windows(await told_of(store, "acme"))["5h"]
    seen = [(one["start"] - SKEW, one["end"]) for one in expected(asked, "acme", "5h")]
    walked = list[list[Any]]()
    for one in asked:
        if one.account == "acme" and not any(start <= one.received_at < end for start, end in seen):
            if not walked or one.received_at >= walked[-1][1]:
                later = [start for start, _ in seen if start > one.received_at]
                walked.append([one.received_at, min([one.received_at + LENGTHS["5h"], *later]), 0])
            walked[-1][2] += one.tokens
    reckoned = [one for one in reversed(item.past) if one.reading.source == "reckoned"]
    found = [[one.starts_at, one.ended_at, one.reading.tokens] for one in reckoned]
    if item.bounds == "reckoned":
        found.append([item.starts_at, item.resets_at, item.now.tokens])
    assert len(walked) >= 2
    assert min(end - start for start, end, _ in walked) > SKEW, "none is made by the server's clock"
    assert found == walked
    for past in reckoned:
        assert past.reading.low is not None
        assert past.reading.high is not None
        assert past.reading.tokens is not None
        assert past.reading.low <= past.reading.tokens / CAPACITIES["5h"] <= past.reading.high


async def test_delivered_twice_or_rebuilt_the_rows_are_the_same(replayed: tuple[Store, list[Asked]]) -> None:
    store, asked = replayed
    before = await live_digest(LIMITS, store.sources)
    assert before is not None
    upto = before.position
    write = await LimitsProjector(store.sources.reader).project([one.request_id for one in asked[::3]], upto)
    async with store.sources.transactions() as tx:
        await builds.enter(tx, await builds.ensure_live(tx, LIMITS))
        await write(tx)
    after = await live_digest(LIMITS, store.sources)
    assert after is not None
    assert after.tables == before.tables
    for batch in (11, 500):
        assert await rebuilt_digest(LIMITS, store.sources, upto, batch) == before.tables


async def check_listing(store: Store, asked: list[Asked]) -> None:
    """All accounts, the one whose answer came last first."""
    newest = {one.account: one.seen_at for one in sorted(asked, key=lambda one: one.seen_at)}
    found = await limit_queries.windows(store.pool.acquire, None, SUNDAY, 5)
    only = await limit_queries.windows(store.pool.acquire, None, SUNDAY, 1)
    nobody = await limit_queries.windows(store.pool.acquire, "nobody", SUNDAY, 5)
    assert [one.account for one in found.accounts] == sorted(newest, key=lambda name: newest[name], reverse=True)
    assert only.accounts == found.accounts[:1]
    assert (nobody.accounts, nobody.as_of) == ([], SUNDAY)
