"""Is the shipped list what Anthropic publishes, and does a service learn at once what people say over it?"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.account_plans import AccountPlan
from domain.billing import BilledLine, Tariff
from domain.errors import StoreUnavailableError
from domain.ids import Position
from domain.ports import Recorded
from domain.price_list import PRICE_LIST_ID, PriceList, book_of
from domain.prices import RATE_KINDS, PriceBook
from domain.usage import TokenCounts
from ops.db.event_log import UnknownEvent
from ops.prices import REST_S, NewerPricesError, PriceSource, own_list, plans_said, shipped_prices
from tests.key_samples import NOON
from tests.price_samples import DAY, price

OPUS = "claude-opus-4-5-20251101"
PUBLISHED = [
    ("claude-fable-5-1", "2026-10-01", "10 12.5 20 0.25 50"),
    ("claude-mythos-5-1", "2026-10-01", "10 12.5 20 0.25 50"),
    ("claude-fable-5", "2026-07-01", "10 12.5 20 1 50"),
    ("claude-mythos-5", "2026-07-01", "10 12.5 20 1 50"),
    ("claude-opus-5-5", "2026-10-01", "4 5 8 0.2 20"),
    ("claude-opus-5", "2026-08-01", "5 6.25 10 0.5 25"),
    ("claude-opus-4-8", "2026-08-01", "5 6.25 10 0.5 25"),
    ("claude-opus-4-7", "2026-06-01", "5 6.25 10 0.5 25"),
    ("claude-opus-4-6", "2026-06-01", "5 6.25 10 0.5 25"),
    (OPUS, "2025-12-01", "5 6.25 10 0.5 25"),
    ("claude-opus-4-1-20250805", "2025-12-01", "15 18.75 30 1.5 75"),
    ("claude-opus-4-20250514", "2025-12-01", "15 18.75 30 1.5 75"),
    ("claude-opus-4-0", "2025-12-01", "15 18.75 30 1.5 75"),
    ("claude-3-opus-latest", "2025-01-01", "15 18.75 30 1.5 75"),
    ("claude-sonnet-5-5", "2026-10-06", "2 2.5 4 0.2 10"),
    ("claude-sonnet-5-5", "2026-10-07", "2 2.5 4 0.1 10"),
    ("claude-sonnet-5[1m]", "2026-08-31", "2 2.5 4 0.2 10"),
    ("claude-sonnet-5", "2026-09-01", "2 2.5 4 0.2 10"),
    ("claude-sonnet-4-6", "2026-06-01", "3 3.75 6 0.3 15"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-01-01", "3 3.75 6 0.3 15"),
    ("claude-sonnet-4@20250514", "2025-12-01", "3 3.75 6 0.3 15"),
    ("anthropic/claude-3.7-sonnet", "2025-12-01", "3 3.75 6 0.3 15"),
    ("claude-3-5-sonnet-20241022", "2025-12-01", "3 3.75 6 0.3 15"),
    ("claude-haiku-5-5", "2026-10-07", "0.1 0.125 0.2 0.01 0.5"),
    ("claude-haiku-4-5-20251001", "2026-01-01", "1 1.25 2 0.1 5"),
    ("claude-3-5-haiku-20241022", "2025-01-01", "0.8 1 1.6 0.08 4"),
    ("claude-3-haiku-20240307", "2025-01-01", "0.25 0.3 0.5 0.03 1.25"),
]
"""Input, writes of 5 minutes and of 1 hour, read, output: as in the table of the pricing page."""


class ListLog:
    """A store of a few events; ``asked`` counts looks at a stream."""

    def __init__(self, *events: Any) -> None:
        self.events: list[Any] = list(events)
        self.asked = 0
        self.away = False

    async def stream(self, originator_id: UUID) -> Sequence[Recorded]:
        self.asked += 1
        if self.away:
            raise StoreUnavailableError
        return [one for one in await self.read(Position(0), 1000) if one.event.originator_id == originator_id]

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        numbered = [Recorded(Position(n + 1), event) for n, event in enumerate(self.events)]
        return [one for one in numbered if one.position > after and (not topics or one.event.TOPIC in topics)][:limit]  # type: ignore[union-attr]  # all have one


def shipped_book() -> PriceBook:
    return book_of(shipped_prices(), None)


@pytest.mark.parametrize(("model", "day", "row"), PUBLISHED, ids=[f"{model} {day}" for model, day, _ in PUBLISHED])
def test_the_shipped_list_is_the_published_one(model: str, day: str, row: str) -> None:
    found = shipped_book().in_force(model, date.fromisoformat(day))
    assert found is not None
    rates = found.rates
    told = [rates.input, rates.cache_write_5m, rates.cache_write_1h, rates.cache_read, rates.output]
    assert told == [Decimal(word) for word in row.split()]
    assert found.web_search == 10
    assert found.factor_of("service_tier", "batch") == Decimal("0.5")


def cost(model: str, day: str, **tariff: Any) -> str | None:
    """Of a million tokens each in and out."""
    line = BilledLine(tariff=Tariff(model=model, **tariff), tokens=TokenCounts(input_tokens=10**6, output_tokens=10**6))
    amount = shipped_book().price_of(line, date.fromisoformat(day)).amount
    return None if amount is None else f"{amount.normalize():f}"


def test_long_prompts_had_a_price_of_their_own_until_they_had_none() -> None:
    assert cost("claude-sonnet-4-5", "2026-06-01", long_context=True) == "28.5"
    assert cost("claude-opus-4-6", "2026-03-12", long_context=True) == "47.5"
    assert cost("claude-opus-4-6", "2026-03-13", long_context=True) == "30"
    assert cost("claude-sonnet-4-6", "2026-03-12", long_context=True) == "28.5"
    assert cost("claude-sonnet-4-6", "2026-03-13", long_context=True) == "18"
    assert cost("claude-haiku-5-5", "2026-11-01", long_context=True) == "3"


def test_speed_and_place_are_priced_where_they_are_published_and_nowhere_else() -> None:
    assert cost("claude-opus-4-6", "2026-06-01", speed="fast") == "180"
    assert cost("claude-opus-5", "2026-08-01", speed="fast") == "60"
    assert cost("claude-opus-5-5", "2026-10-01", speed="fast") == "48"
    assert cost("claude-sonnet-5", "2026-10-01", speed="fast") is None
    assert cost("claude-sonnet-5", "2026-10-01", inference_geo="us") == "13.2"
    assert cost(OPUS, "2026-10-01", inference_geo="us") is None
    assert cost(OPUS, "2026-10-01", service_tier="batch") == "15"
    assert cost(OPUS, "2026-10-01", service_tier="priority") is None


def test_claude_codes_own_report_of_a_session_is_met_to_the_last_digit() -> None:
    """Claude Code 2.1.330 said 0.016224 US dollars of one request to claude-opus-5-5."""
    used = TokenCounts(input_tokens=11, output_tokens=9, cache_write_1h_tokens=2000)
    line = BilledLine(tariff=Tariff(model="claude-opus-5-5", service_tier="standard"), tokens=used)
    assert shipped_book().price_of(line, date(2026, 11, 20)).amount == Decimal("0.016224")


@pytest.mark.parametrize("model", ["", "gpt-4.1", "claude-opus-9", "claude-opus-4-9", "claude-opus-4-50", "claude-2.1"])
def test_a_model_that_nobody_published_has_no_price(model: str) -> None:
    assert cost(model, "2026-10-01") is None


def test_every_shipped_price_is_whole_and_says_where_it_is_from() -> None:
    for one in shipped_prices():
        assert len(one.source) > 30
        assert all(getattr(one.rates, kind) is not None for kind in RATE_KINDS)
        assert one.effective_from != date.min
    assert len({one.key for one in shipped_prices()}) == len(shipped_prices())


async def test_what_people_said_is_replayed() -> None:
    own = PriceList.with_price(None, price(), who="ada", at=NOON)
    log = ListLog(*own.collect_events())
    assert await own_list(log) == own
    assert await own_list(ListLog()) is None
    log.events.append(UnknownEvent(PRICE_LIST_ID, 2, "price-sung"))
    with pytest.raises(NewerPricesError, match="upgrade"):
        await own_list(log)


async def test_the_newest_word_about_a_plan_stands() -> None:
    acme, other = (AccountPlan.begin(name, "api", who="ada", at=NOON) for name in ("acme", "other"))
    acme.say("subscription", who="ada", at=NOON)
    prices_too = PriceList.with_price(None, price(), who="ada", at=NOON).collect_events()
    log = ListLog(*acme.collect_events(), *prices_too, *other.collect_events())
    assert await plans_said(log) == {"acme": "subscription", "other": "api"}
    assert await plans_said(ListLog()) == {}


async def test_a_service_asks_rarely_and_learns_what_is_new() -> None:
    now, log = [0.0], ListLog()
    source = PriceSource(log, lambda: now[0])
    shipped = await source.book()
    assert shipped == shipped_book()
    own = PriceList.with_price(None, price(OPUS), who="ada", at=NOON)
    log.events.extend(own.collect_events())
    now[0] = REST_S / 2
    assert await source.book() is shipped
    assert log.asked == 1
    now[0] = REST_S
    changed = await source.book()
    assert changed.in_force(OPUS, DAY) == price(OPUS)
    now[0] = 2 * REST_S
    assert await source.book() is changed
    assert log.asked == 3


async def test_a_store_that_is_away_is_asked_again() -> None:
    log = ListLog()
    source = PriceSource(log, lambda: 0.0)
    log.away = True
    with pytest.raises(StoreUnavailableError):
        await source.book()
    log.away = False
    assert (await source.book()).prices == shipped_prices()
