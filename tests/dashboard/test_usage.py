"""Tokens and money of any range are what a second program reckons, in fractions, from the raw answers."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from dashboard import usage
from dashboard.data import DataStore
from dashboard.told import Sayings
from dashboard.usage import BYS, By, UsageQuery, answer_of, is_folded, question_of
from domain.prices import PriceBook
from domain.usage_sums import UsageSeries
from domain.usage_tree import SubTask, trees_of
from domain.what_if import WhatIf
from ops.db.borrowing import borrowed
from ops.db.embedded import EmbeddedPostgres
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from projections.registry import projection
from schemas.usage_api import UsageItem
from tests import captures, usage_oracle
from tests.migrated import opened
from tests.postgres import create_database, drop_database
from tests.price_samples import FIVE, TEN, price
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids
from tests.usage_oracle import MEASURES, Told
from tests.usage_samples import usage_series
from tests.usage_variety import attributed, varied

CAPTURES = ("b_multiturn", "d2_two_agents", "errors_in_session", "interrupts")
RISE = date(2026, 2, 1)
"""Prices double on this day."""
BOOK = PriceBook((price("claude-*"), price("claude-*", effective_from=RISE, rates=TEN)))
SAID = Sayings(
    book=BOOK,
    shipped=PriceBook((price("claude-*", effective_from=date.min),)),
    key_names={"k1": "Ada's laptop"},
    project_labels={"shop": "The shop"},
    plans={"acme": "subscription"},
)
SINCE, UNTIL = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
COLUMNS = {
    "key": "key_id", "class": "request_class", "conversation": "conversation_id", "branch": "branch_id",
}  # fmt: skip
KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
FACTORS = {"batch": Fraction(1, 2), "us": Fraction(11, 10), "fast": Fraction(6)}
Line = dict[str, Any]
reading = pytest.mark.asyncio(loop_scope="module")
"""A test of what is ``known``."""


def rates_of(line: Line) -> dict[str, Fraction]:
    """Of each kind, per token, factors included."""
    began = line["received_at"].date() >= RISE
    rates = TEN if line["long_context"] or began else FIVE
    factor = Fraction(1)
    for name in ("service_tier", "speed", "inference_geo"):
        factor *= FACTORS.get(line[name], Fraction(1))
    return {kind: Fraction(getattr(rates, kind)) / 1_000_000 * factor for kind in KINDS}


def cost_of(line: Line) -> Fraction | None:
    """None: its model has no price."""
    tokens = {kind: line[f"{kind}_tokens"] for kind in KINDS}
    tokens["output"] += line["estimated_output_tokens"]
    if not line["model"].startswith("claude-"):
        return None if any(tokens.values()) or line["web_searches"] else Fraction(0)
    rates = rates_of(line)
    return sum((tokens[kind] * rates[kind] for kind in KINDS), Fraction(line["web_searches"], 100))


def group_of(line: Line, by: By) -> Any:
    if by == "user":
        return f"key:{line['key_id']}" if line["key_id"] else line["device"] or None
    if by == "subtask":
        return line["tasks"][0]
    value = line[COLUMNS.get(by, by)]
    return None if value == "" else value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(
    postgres_server: EmbeddedPostgres, migrated_template: str
) -> AsyncIterator[tuple[DataStore, list[Line]]]:
    """A store with several captures in several tenants, and their lines by the other program. Tests only read it."""
    dsn = create_database(postgres_server, migrated_template)
    async with opened(dsn) as pool:
        yield await made(pool)
    drop_database(postgres_server, dsn)


async def made(pool: Pool) -> tuple[DataStore, list[Line]]:
    store, random, told = Store.over(pool), Random("money"), list[Told]()
    for number, name in enumerate(CAPTURES):
        listed = [later(one, number) for one in captures.exchanges(name)]
        ids = {n: replace_number(one, number) for n, one in request_ids(listed).items()}
        for one in listed:
            other = varied(one, random)
            told.append(Told(other, attributed(await recorded(other, ids[one.n], store.ship), random)))
    await append_all(store.ship, [one.recorded for one in told])
    await store.follow_one(projection("conversations"), 100)
    keys = {one.request.scope: await store.sources.reader.scope_key(one.request.scope) for one in told}
    lines = usage_oracle.lines(told, await store.links(), keys)

    async def said() -> Sayings:
        return SAID

    return DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool), said), lines


def later(one: captures.Captured, months: int) -> captures.Captured:
    """So that prices rise in between."""
    return replace(one, at=one.at.replace(year=2026, month=1, day=20) + timedelta(days=10 * months))


def replace_number(request_id: Any, number: int) -> Any:
    return type(request_id)(int=request_id.int ^ (number + 1) << 8)


def counted(lines: Sequence[Line]) -> dict[str, int]:
    return {name: sum(line[name] for line in lines) for name in MEASURES}


def told_by(items: Sequence[UsageItem]) -> dict[str, int]:
    """The same of an answer."""
    found = Counter[str]()
    for item in items:
        tokens = item.tokens
        found += Counter(
            requests=item.requests, failed=item.failed, aborted=item.aborted,
            unrecorded=item.unrecorded, web_searches=item.web_searches,
            input_tokens=tokens.input, output_tokens=tokens.output, thinking_tokens=tokens.thinking,
            estimated_output_tokens=tokens.estimated_output, cache_read_tokens=tokens.cache_read,
            cache_write_5m_tokens=tokens.cache_write_5m, cache_write_1h_tokens=tokens.cache_write_1h,
        )  # fmt: skip
    return {name: found[name] for name in MEASURES}


def money(lines: Sequence[Line]) -> Fraction:
    return sum((cost for line in lines if (cost := cost_of(line)) is not None), Fraction(0))


@reading
async def test_every_partition_costs_what_it_costs_and_adds_up(known: tuple[DataStore, list[Line]]) -> None:
    store, lines = known
    assert money(lines) > 0
    assert {line["received_at"].date() >= RISE for line in lines} == {True, False}
    assert sum(line["unrecorded"] for line in lines) > 0
    await check_partitions(store, lines)


async def check_partitions(store: DataStore, lines: Sequence[Line], until: datetime = UNTIL) -> None:
    """By every dimension: each group's tokens and money, and the sum over all groups. ``store``: prices ``SAID``."""
    for by in BYS:
        answer = await store.usage(UsageQuery(since=SINCE, until=until, group_by=(by,), limit=1000))
        assert answer.other == []
        groups = {group_of(line, by) for line in lines}
        assert {item.group[by] for item in answer.items} == groups, by
        for item in answer.items:
            mine = [line for line in lines if group_of(line, by) == item.group[by]]
            assert told_by([item]) == counted(mine), (by, item.label)
            assert Fraction(item.cost_usd or 0) == money(mine), (by, item.label)
            assert item.estimated == any(line["estimated"] for line in mine)
        assert told_by(answer.items) == told_by([answer.total]) == counted(lines)
        assert Fraction(answer.total.cost_usd or 0) == money(lines)


@pytest.mark.parametrize("limit", [1, 2])
@reading
async def test_what_is_not_told_apart_is_the_rest(known: tuple[DataStore, list[Line]], limit: int) -> None:
    store, lines = known
    zone = ZoneInfo("Asia/Kathmandu")
    query = UsageQuery(since=SINCE, until=UNTIL, bucket="day", zone=zone, group_by=("model", "class"), limit=limit)
    answer = await store.usage(query)
    assert len({tuple(item.group.values()) for item in answer.items}) == limit
    assert answer.other
    assert told_by([*answer.items, *answer.other]) == counted(lines)
    costs = [item.cost_usd for item in [*answer.items, *answer.other] if item.cost_usd is not None]
    assert sum(map(Fraction, costs)) == money(lines) == Fraction(answer.total.cost_usd or 0)
    for item in [*answer.items, *answer.other]:
        assert item.bucket is not None
        assert item.bucket.utcoffset() == timedelta(hours=5, minutes=45)
        day = item.bucket.date()
        of_day = [line for line in lines if line["received_at"].astimezone(zone).date() == day]
        assert item.requests <= counted(of_day)["requests"]


@pytest.mark.parametrize("by", [by for by in BYS if by != "scope"])
@reading
async def test_what_is_chosen_is_chosen_by_the_value_that_was_told(known: tuple[DataStore, list[Line]], by: By) -> None:
    store, lines = known
    values = sorted({value for line in lines if (value := group_of(line, by)) is not None}, key=str)
    for value in values[:3]:
        answer = await store.usage(UsageQuery(since=SINCE, until=UNTIL, wanted={by: value}))
        mine = [line for line in lines if (value in line["tasks"] if by == "subtask" else group_of(line, by) == value)]
        assert told_by([answer.total]) == counted(mine)
        assert Fraction(answer.total.cost_usd or 0) == money(mine)


def supposed(line: Line, what_if: WhatIf) -> Fraction | None:
    other = dict(line)
    written = line["cache_write_5m_tokens"] + line["cache_write_1h_tokens"]
    if what_if.model:
        other["model"] = what_if.model
    if what_if.no_cache:
        other["input_tokens"] += line["cache_read_tokens"] + written
        other |= {"cache_read_tokens": 0, "cache_write_5m_tokens": 0, "cache_write_1h_tokens": 0}
    elif what_if.lifetime:
        other |= {
            "cache_write_5m_tokens": 0,
            "cache_write_1h_tokens": 0,
            f"cache_write_{what_if.lifetime}_tokens": written,
        }
    if what_if.shipped_prices:
        other["received_at"] = datetime(2026, 1, 1, tzinfo=UTC)
    if what_if.on:
        other["received_at"] = datetime.combine(what_if.on, datetime.min.time(), UTC)
    return cost_of(other)


@pytest.mark.parametrize(
    "what_if",
    [
        WhatIf(model="claude-haiku-4-5"),
        WhatIf(model="somebody-elses"),
        WhatIf(lifetime="5m"),
        WhatIf(lifetime="1h"),
        WhatIf(no_cache=True),
        WhatIf(shipped_prices=True),
        WhatIf(on=date(2026, 12, 1)),
        WhatIf(model="claude-x", no_cache=True, on=date(2026, 1, 2)),
    ],
    ids=lambda what_if: "; ".join(what_if.words),
)
@reading
async def test_what_it_would_have_cost(known: tuple[DataStore, list[Line]], what_if: WhatIf) -> None:
    store, lines = known
    answer = await store.usage(UsageQuery(since=SINCE, until=UNTIL, group_by=("model",), what_if=what_if))
    found = [cost for line in lines if (cost := supposed(line, what_if)) is not None]
    assert Fraction(answer.total.what_if_cost_usd or 0) == sum(found, Fraction(0))
    assert Fraction(answer.total.cost_usd or 0) == money(lines), "what was assumed changes nothing of what was"
    assert answer.assumed == list(what_if.words)


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("by", ["account", "key", "user", "project", "agent_type", "client_domain"])
@reading
async def test_what_is_added_up_before_it_is_read_is_the_same(
    known: tuple[DataStore, list[Line]], by: By, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = known
    asked = UsageQuery(since=SINCE, until=UNTIL, bucket="month", group_by=(by,), limit=limit)
    for query in (asked, replace(asked, bucket="day", what_if=WhatIf(no_cache=True))):
        assert is_folded(query)
        soon = await store.usage(query)
        monkeypatch.setattr(usage, "UNFOLDED", timedelta.max)
        assert not is_folded(query)
        assert await store.usage(query) == soon
        monkeypatch.undo()
        assert bool(soon.other) == (len(await groups_of(store, by)) > limit)


async def groups_of(store: DataStore, by: By) -> list[UsageItem]:
    return (await store.usage(UsageQuery(since=SINCE, until=UNTIL, group_by=(by,), limit=1000))).items


def test_a_short_time_and_few_groups_are_read_as_they_are() -> None:
    whole = UsageQuery(since=SINCE, until=UNTIL, bucket="day", group_by=("project",))
    assert is_folded(whole)
    assert not is_folded(replace(whole, bucket="none"))
    assert not is_folded(replace(whole, since=UNTIL - timedelta(days=45)))
    assert not is_folded(replace(whole, group_by=("model",)))
    assert not is_folded(replace(whole, group_by=("project", "model")))
    assert not is_folded(replace(whole, group_by=()))


def row(model: str = "claude-opus-4-8", group: tuple[Any, ...] = (False,), **changes: Any) -> UsageSeries:
    return usage_series(model, **{"group": group, "input_tokens": 1_000_000, "requests": 1} | changes)


def test_what_has_no_price_is_said_and_is_not_free() -> None:
    query = UsageQuery(since=SINCE, until=UNTIL)
    answer = answer_of(query, [row(), row("unheard-of")], SAID)
    assert answer.total.cost_usd == Decimal(5)
    assert answer.total.unpriced_tokens == 1_000_000
    assert answer.total.unpriced == ["no price for model unheard-of on 2026-01-01"]
    assert answer_of(query, [row("unheard-of")], SAID).total.cost_usd is None


def test_who_has_a_subscription_is_told_what_the_api_would_take() -> None:
    query = UsageQuery(since=SINCE, until=UNTIL)
    assert answer_of(query, [row(), row(subscription=True)], SAID).total.api_equivalent
    assert not answer_of(query, [row()], SAID).total.api_equivalent
    assert list(question_of(query, SAID).subscriptions) == ["acme"]


def test_names_that_people_gave_stand_beside_ids() -> None:
    query = UsageQuery(since=SINCE, until=UNTIL, group_by=("user", "project"))
    rows = [row(group=("k1", "", "shop", False)), row(group=("", "d1", "", False), requests=3)]
    items = answer_of(query, rows, SAID).items
    assert {(item.group["user"], item.label) for item in items} == {
        ("key:k1", "Ada's laptop · The shop"),
        ("d1", "d1 · (none)"),
    }


def test_nothing_is_no_money() -> None:
    answer = answer_of(UsageQuery(since=SINCE, until=UNTIL, group_by=("model",)), [], SAID)
    assert (answer.items, answer.other, answer.total.cost_usd, answer.total.requests) == ([], [], None, 0)


def test_who_calls_comes_first_though_it_used_nothing_and_whatever_their_ids() -> None:
    """So no item is shown without its caller."""
    main, agent = UUID(int=9), UUID(int=1)
    trees = trees_of([SubTask(main, main, None, None, None), SubTask(agent, main, main, "Count", None, (agent,))])
    query = UsageQuery(since=SINCE, until=UNTIL, group_by=("subtask",), limit=1)
    answer = answer_of(query, [row(group=(agent, False))], SAID, trees)
    [shown], [rest] = answer.items, answer.other
    assert (shown.label, shown.requests, shown.cost_usd) == ("main thread", 0, Decimal(0))
    assert shown.with_descendants
    assert (shown.with_descendants.requests, shown.with_descendants.cost_usd) == (1, Decimal(5))
    assert (rest.requests, rest.cost_usd) == (1, Decimal(5))
    both = answer_of(replace(query, limit=2), [row(group=(agent, False))], SAID, trees).items
    assert [item.label for item in both] == ["main thread", "Count"]
