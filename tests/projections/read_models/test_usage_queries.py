"""Whatever is asked, for any time and on any clock: the answer is what adding up the lines gives."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.billing import Tariff
from domain.ranking import Rate
from domain.rate_cards import COUNTED
from domain.usage_ranges import Bucket
from domain.usage_sums import COUNTS, TOKEN_KINDS, Dearest, Dimension, Kept, UsageFilter, UsageQuestion
from domain.usage_tree import SubTask, SubTaskTrees
from ops.db.pool import Pool
from projections.read_models import usage_queries
from projections.read_models.usage_queries import TARIFF, usage
from projections.registry import projection
from tests import captures
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.usage_oracle import MEASURES
from tests.usage_samples import UsageRow, rows_in
from tests.usage_variety import attributed, varied

CONVERSATIONS = projection("conversations")
BEGIN = datetime(2026, 3, 26, tzinfo=UTC)
DAYS = 6
"""With the night in which clocks are changed in Europe."""
ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")
BUCKETS: tuple[Bucket, ...] = ("minute", "hour", "day", "month", "none")
NAMES: tuple[Dimension, ...] = get_args(Dimension)
LINES = "SELECT * FROM read.usage_lines JOIN read.usage_groups USING (group_id)"
Line = dict[str, Any]


@pytest.fixture
async def store(pool: Pool) -> Store:
    """Some sessions, spread over some days."""
    store, random = Store.over(pool), Random("spread")
    listed = [
        varied(replace(one, at=BEGIN + timedelta(seconds=random.random() * DAYS * 86_400), ended=None), random)
        for name in ("d2_two_agents", "b_multiturn", "e2_rewind")
        for one in captures.exchanges(name)
    ]
    numbered = [replace(one, n=number) for number, one in enumerate(sorted(listed, key=lambda one: one.at))]
    ids = request_ids(numbered)
    known = [attributed(await recorded(one, ids[one.n], store.ship), random) for one in numbered]
    await append_all(store.ship, known)
    await store.follow_one(CONVERSATIONS)
    return store


async def lines_of(store: Store) -> list[Line]:
    return await store.rows(LINES)


def expected(lines: Sequence[Line], asked: UsageQuestion) -> Counter[tuple[Any, ...]]:
    """Every measure of every group, by going through the lines one by one."""
    found = Counter[tuple[Any, ...]]()
    for line in lines:
        at: datetime = line["received_at"]
        wanted = all(line[name] in values for name, values in asked.wanted.values.items())
        if wanted and asked.since <= at < asked.until:
            price_days = [day for day in asked.price_days or () if day <= at.date()]
            day = at.date() if asked.price_days is None else max(price_days, default=None)
            paid_otherwise = line["account"] in asked.subscriptions
            place = (wall(at, asked), day, paid_otherwise, *(line[name] for name in (*TARIFF, *asked.group_by)))
            for name in MEASURES:
                found[*place, name] += line[name]
    return Counter({place: count for place, count in found.items() if count})


def wall(at: datetime, asked: UsageQuestion) -> object:
    """What the wall shows of a bucket; hours of changed clocks are apart by their offset."""
    local = at.astimezone(asked.zone)
    match asked.bucket:
        case "none":
            return None
        case "month":
            return local.year, local.month
        case "day":
            return local.date()
        case "hour":
            return local.date(), local.hour, local.utcoffset()
        case "minute":
            return local.date(), local.hour, local.minute, local.utcoffset()


def told(rows: Sequence[UsageRow], asked: UsageQuestion) -> Counter[tuple[Any, ...]]:
    """The answer in the same form."""
    found = Counter[tuple[Any, ...]]()
    for row in rows:
        bucket = wall(row.bucket, asked) if row.bucket else None
        tariff = (getattr(row.tariff, name) for name in TARIFF)
        place = (bucket, row.priced_on, row.subscription, *tariff, *row.group)
        for name in MEASURES:
            found[*place, name] += row.counts[name]
    return Counter({place: count for place, count in found.items() if count})


async def ask(store: Store, asked: UsageQuestion) -> list[UsageRow]:
    async with store.pool.acquire() as connection:
        return rows_in(await usage(connection, asked))


def any_question(random: Random, lines: Sequence[Line]) -> UsageQuestion:
    begin = BEGIN + timedelta(seconds=random.randint(-40_000, DAYS * 86_400))
    if random.random() < 0.3:
        begin = begin.replace(minute=random.choice([0, 15, 45]), second=0, microsecond=0)
    bucket = random.choice(BUCKETS)
    length = timedelta(seconds=random.randint(1, (2 if bucket == "minute" else DAYS * 30) * 86_400))
    if bucket in {"day", "month", "none"} and random.random() < 0.4:
        begin -= timedelta(days=40)  # so that whole months lie within
    some = random.choice(lines)
    names = random.sample(NAMES, random.choice([0, 0, 1, 1, 2]))
    zone = "UTC" if bucket == "hour" and random.random() < 0.1 else random.choice(ZONES)
    return UsageQuestion(
        since=begin,
        until=begin + length,
        bucket=bucket,
        zone=ZoneInfo("Europe/Berlin" if bucket == "hour" and zone == "Australia/Lord_Howe" else zone),
        group_by=tuple(random.sample(NAMES, random.randint(0, 3))),
        wanted=UsageFilter({name: [some[name]] for name in names if some[name] is not None}),
        price_days=random.choice([None, [], [date(2026, 3, 28)], [date(2026, 3, 29), date(2026, 3, 1)]]),
        subscriptions=random.choice([(), (some["account"],), ("nobody",)]),
    )


async def test_any_question_is_answered_exactly(store: Store) -> None:
    random, lines = Random("questions"), await lines_of(store)
    answered = Counter[str]()
    for _ in range(250):
        asked = any_question(random, lines)
        want = expected(lines, asked)
        assert told(await ask(store, asked), asked) == want, asked
        answered[asked.bucket] += bool(want)
    assert all(answered[bucket] > 10 for bucket in BUCKETS), answered


EAST, WEST = "Europe/Berlin", "America/Los_Angeles"
TURNS = ((2, 28, 3), (3, 31, 4), (9, 30, 10), (10, 31, 11), (11, 30, 12))
"""Last days of months, and the months after; clocks are changed in March, October and, in the west, on November 1."""


async def at_the_turn_of_months(pool: Pool) -> tuple[Store, list[tuple[str, int, datetime]]]:
    """Requests half an hour before each month ends and as long after, on three clocks: whose clock, its month, when."""
    when = [
        (zone, number, moment)
        for zone in ("UTC", EAST, WEST)
        for month, day, following in TURNS
        for number, moment in (
            (month, datetime(2026, month, day, 23, 30, tzinfo=ZoneInfo(zone))),
            (following, datetime(2026, following, 1, 0, 30, tzinfo=ZoneInfo(zone))),
        )
    ]
    store, some = Store.over(pool), [one for one in captures.exchanges("d2_two_agents") if b'"usage"' in one.answer]
    made = [
        replace(some[number % len(some)], n=number, at=moment.astimezone(UTC), ended=None)
        for number, (_, _, moment) in enumerate(sorted(when, key=lambda one: one[2]))
    ]
    ids = request_ids(made)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in made])
    await store.follow_one(CONVERSATIONS)
    return store, when


async def test_the_last_half_hour_of_a_month_is_in_it_on_every_clock(pool: Pool) -> None:
    store, when = await at_the_turn_of_months(pool)
    lines = await lines_of(store)
    assert {line["received_at"] for line in lines} == {moment for _, _, moment in when}
    for zone in ("UTC", EAST, WEST):
        clock = ZoneInfo(zone)
        asked = UsageQuestion(
            since=datetime(2026, 1, 1, tzinfo=clock), until=datetime(2027, 1, 1, tzinfo=clock), bucket="month",
            zone=clock, price_days=[],
        )  # fmt: skip
        rows = await ask(store, asked)
        assert told(rows, asked) == expected(lines, asked), zone
        for month in {number for _, number, _ in when}:
            own = {moment for of, number, moment in when if (of, number) == (zone, month)}
            alone = replace(asked, since=min(own), until=max(own) + timedelta(microseconds=1))
            inside = [line["requests"] for line in lines if alone.since <= line["received_at"] < alone.until]
            found = await ask(store, alone)
            assert {row.bucket.astimezone(clock).month for row in found if row.bucket} == {month}
            assert sum(row.counts["requests"] for row in found) == sum(inside) >= len(own)


async def test_what_cancels_out_is_no_row(store: Store) -> None:
    """A day that is read and taken off again leaves nothing behind."""
    lines = await lines_of(store)
    for begin in sorted({line["received_at"] for line in lines}):
        asked = UsageQuestion(
            since=begin + timedelta(microseconds=1), until=begin + timedelta(hours=30), group_by=("key_id", "device")
        )
        inside = [line for line in lines if asked.since <= line["received_at"] < asked.until]
        names = (*TARIFF, *asked.group_by)
        there = {(line["received_at"].date(), *(line[name] for name in names)) for line in inside}
        rows = await ask(store, asked)
        assert {(row.priced_on, *(getattr(row.tariff, name) for name in TARIFF), *row.group) for row in rows} == there
        assert len(rows) == len(there)


async def test_every_partition_adds_up_to_the_whole(store: Store) -> None:
    lines = await lines_of(store)
    for name in NAMES:
        asked = UsageQuestion(since=BEGIN, until=BEGIN + timedelta(days=DAYS + 1), group_by=(name,))
        rows = await ask(store, asked)
        assert sum(row.counts["requests"] for row in rows) == len({line["request_id"] for line in lines}), name
        assert sum(row.counts["output_tokens"] for row in rows) == sum(line["output_tokens"] for line in lines), name


async def test_no_time_is_no_row(store: Store) -> None:
    assert await ask(store, UsageQuestion(since=BEGIN, until=BEGIN)) == []


async def test_before_anything_was_projected_there_is_nothing(pool: Pool) -> None:
    asked = UsageQuestion(since=BEGIN, until=BEGIN + timedelta(days=1))
    assert await ask(Store.over(pool), asked) == []


async def test_branches_hang_on_the_branch_they_left(pool: Pool) -> None:
    store = Store.over(pool)
    ids = await store.append("d2_two_agents")
    await store.follow_one(CONVERSATIONS)
    async with store.pool.acquire() as connection:
        found = await usage_queries.branches(connection, ids[1])
    assert [(one.branch_id, one.parent_id, one.edge, one.depth) for one in found] == [
        (ids[1], None, "root", 0),
        (ids[2], ids[1], "spawned", 1),
        (ids[3], ids[1], "spawned", 1),
    ]


async def test_projects_are_listed_with_what_they_amount_to(store: Store) -> None:
    lines = await lines_of(store)
    async with store.pool.acquire() as connection:
        found = await usage_queries.projects(connection)
    names = {line["project"] for line in lines} - {""}
    assert {one.project for one in found} == names
    for one in found:
        own = [line for line in lines if line["project"] == one.project]
        assert one.requests == sum(line["requests"] for line in own)
        assert one.last_day == max(line["received_at"] for line in own).astimezone(UTC).date()
    assert [one.last_day for one in found] == sorted((one.last_day for one in found), reverse=True)


@pytest.mark.parametrize("names", [("project",), ("key_id", "device")])
async def test_what_is_not_kept_apart_is_one_rest(store: Store, names: tuple[Dimension, ...]) -> None:
    lines = await lines_of(store)
    asked = UsageQuestion(
        since=BEGIN, until=BEGIN + timedelta(days=DAYS + 1), group_by=(*names, "model"), price_days=[]
    )
    apart = await ask(store, asked)
    groups = sorted({group_in(line, names) for line in lines})
    kept = groups[:1]
    rows = await ask(store, replace(asked, kept=Kept(names, kept)))
    rest = [row for row in rows if row.rest]
    assert {row.group[: len(names)] for row in rest} == {(None,) * len(names)}
    assert {row.group[: len(names)] for row in rows if not row.rest} == set(kept)
    assert len(rows) <= len(apart)
    assert {row.group[-1] for row in rest} == {line["model"] for line in lines if group_in(line, names) not in kept}
    for name in ("requests", "failed", "thinking_tokens"):
        assert sum(row.counts[name] for row in rows) == sum(row.counts[name] for row in apart)


def worth(row: UsageRow, rates: Sequence[Rate]) -> int:
    """In US dollars; 0 where something of it has no price."""
    of_day = [rate.each for rate in rates if (rate.tariff, rate.since) == (row.tariff, row.priced_on or date.min)]
    each_of = zip(COUNTED, [*of_day, (None,) * len(COUNTED)][0], strict=True)
    pairs = [(row.counts[kind], each) for kind, each in each_of if row.counts[kind]]
    return 0 if any(each is None for _, each in pairs) else sum(count * int(each or 0) for count, each in pairs)


@pytest.mark.parametrize("seed", range(8))
async def test_of_conversations_the_dearest_stay_apart(store: Store, seed: int) -> None:
    random, lines = Random(f"dearest {seed}"), await lines_of(store)
    days = sorted(BEGIN.date() + timedelta(days=day) for day in random.sample(range(DAYS), seed % 3))
    begins = [date.min, *days, date.max]
    amounts = [None, *map(Decimal, range(1, 40))][: random.choice([1, 40])]
    rates = [
        Rate(tariff, since, until, tuple(random.choice(amounts) for _ in COUNTED))
        for tariff in {Tariff(**{name: line[name] for name in TARIFF}) for line in lines}
        for since, until in pairwise(begins)
        if random.random() < 0.8
    ]
    since = BEGIN + timedelta(minutes=random.randint(-100, 2000))
    asked = UsageQuestion(
        since=since,
        until=since + timedelta(minutes=random.randint(5000, 8000)),
        group_by=(random.choice([("conversation_id",), ("conversation_id", "branch_id")])),
        wanted=UsageFilter(random.choice([{}, {"request_class": ["main", "subagent"]}])),
        price_days=days,
    )
    apart = await ask(store, asked)
    value = defaultdict[UUID, list[int]](lambda: [0, 0])
    for row in apart:
        value[row.group[0] or UUID(int=0)][0] -= worth(row, rates)
        value[row.group[0] or UUID(int=0)][1] -= sum(row.counts[name] for name in COUNTS[:TOKEN_KINDS])
    ranked = sorted(value, key=lambda one: (value[one], one))
    assert len(ranked) > 1
    for most in range(len(ranked) + 2):
        rows = await ask(store, replace(asked, dearest=Dearest(most, rates)))
        kept = set(ranked[:most])
        assert told([row for row in rows if not row.rest], asked) == told(
            [row for row in apart if (row.group[0] or UUID(int=0)) in kept], asked
        )
        others = [row for row in apart if (row.group[0] or UUID(int=0)) not in kept]
        nobody = [replace(row, group=(None,) * len(asked.group_by)) for row in others]
        assert told([row for row in rows if row.rest], asked) == told(nobody, asked)
        assert len([row for row in rows if row.rest]) <= len({(row.tariff, row.priced_on) for row in others})


def group_in(line: Line, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(line[name]) for name in names)


async def test_sub_tasks_have_the_words_of_who_called_them_and_all_above(pool: Pool) -> None:
    store = Store.over(pool)
    ids = await store.append("d2_two_agents")
    await store.follow_one(CONVERSATIONS)
    said = {(row["description"], row["agent_type"]) for row in await store.rows("SELECT * FROM read.tasks")}
    async with store.pool.acquire() as connection:
        found = await usage_queries.trees(connection, [ids[2], ids[3], UUID(int=7)])
        assert await usage_queries.trees(connection, []) == SubTaskTrees()
        assert await usage_queries.below(connection, ids[1]) == sorted(ids[number] for number in (1, 2, 3))
        assert await usage_queries.below(connection, ids[2]) == [ids[2]]
        assert await usage_queries.below(connection, UUID(int=7)) == []
    main, *agents = (found.tasks[ids[number]] for number in (1, 2, 3))
    assert main == SubTask(ids[1], ids[1], None, None, None)
    assert {(one.parent_id, one.conversation_id) for one in agents} == {(ids[1], ids[1])}
    assert {(one.name, one.agent_type) for one in agents} == said
    assert found.by_branch == {ids[2]: ids[2], ids[3]: ids[3]}
