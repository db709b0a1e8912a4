"""Does one's own list say what people said last, and does it stand over what is shipped?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.price_list import MAX_IMPORTED, PRICE_LIST_ID, PRICE_TOPICS, PriceList, book_of
from domain.prices import Price, UnfitPriceError
from tests.key_samples import NOON
from tests.price_samples import DAY, price, prices

Word = tuple[str, Any]
Change = Callable[[PriceList | None, str, datetime], PriceList]
KEYS = [("claude-a", DAY), ("claude-a", DAY + timedelta(1)), ("claude-b", DAY)]


def small_prices() -> st.SearchStrategy[Price]:
    return st.builds(
        lambda key, source: price(key[0], effective_from=key[1], source=source),
        st.sampled_from(KEYS),
        st.sampled_from(["x", "y"]),
    )


def words() -> st.SearchStrategy[list[Word]]:
    many = st.lists(small_prices(), min_size=1, max_size=3, unique_by=lambda one: one.key)
    word = st.one_of(
        st.tuples(st.just("set"), small_prices()),
        st.tuples(st.just("import"), many),
        st.tuples(st.just("withdraw"), st.sampled_from(KEYS)),
    )
    return st.lists(word, min_size=1, max_size=8)


def say(standing: PriceList | None, word: Word, who: str = "ada", at: datetime = NOON) -> PriceList:
    kind, what = word
    if kind == "set":
        return PriceList.with_price(standing, what, who=who, at=at)
    if kind == "import":
        return PriceList.with_all(standing, what, origin="prices.json", who=who, at=at)
    return PriceList.without(standing, what, who=who, at=at)


@given(words(), st.lists(small_prices(), max_size=3, unique_by=lambda one: one.key))
def test_the_newest_word_stands_over_what_is_shipped(said: list[Word], shipped: list[Price]) -> None:
    """The oracle: one dictionary of what holds for each key, written by hand."""
    standing: PriceList | None = None
    own, hidden = dict[tuple[str, date], Price](), set[tuple[str, date]]()
    for word in said:
        standing = say(standing, word)
        kind, what = word
        for one in [what] if kind == "set" else what if kind == "import" else ():
            own[one.key] = one
            hidden -= {one.key}
        if kind == "withdraw":
            hidden |= set() if what in own else {what}
            own.pop(what, None)
    assert standing is not None
    expected = {one.key: one for one in shipped if one.key not in hidden} | own
    book = book_of(shipped, standing)
    assert {one.key: one for one in book.prices} == expected
    assert len(book.prices) == len(expected)
    told: PriceList | None = None
    for event in standing.collect_events():
        told = event.mutate(told)
    assert told == standing
    assert told.id == PRICE_LIST_ID


def test_without_a_word_what_is_shipped_stands() -> None:
    assert book_of([price()], None).prices == (price(),)


def test_an_own_price_holds_over_a_shipped_one_of_the_same_pattern_and_day() -> None:
    mine = price(source="contract")
    own = say(None, ("set", mine))
    assert book_of([price()], own).in_force("claude-opus-4-8", DAY) == mine
    again = say(own, ("withdraw", mine.key))
    assert book_of([price()], again).in_force("claude-opus-4-8", DAY) == price()
    hidden = say(again, ("withdraw", mine.key))
    assert book_of([price()], hidden).in_force("claude-opus-4-8", DAY) is None


def test_every_event_says_what_who_and_when() -> None:
    own = say(None, ("set", price()))
    own = say(own, ("import", [price(), price("claude-b")]), "bob", NOON + timedelta(hours=1))
    own = say(own, ("withdraw", price().key), "eve", NOON + timedelta(hours=2))
    events: list[Any] = list(own.collect_events())
    assert tuple(event.TOPIC for event in events) == PRICE_TOPICS
    assert [(event.who, event.timestamp) for event in events] == [
        ("ada", NOON),
        ("bob", NOON + timedelta(hours=1)),
        ("eve", NOON + timedelta(hours=2)),
    ]
    assert (events[0].price, events[1].prices, events[1].origin) == (price(), (price("claude-b"),), "prices.json")
    assert (events[2].pattern, events[2].effective_from) == price().key
    assert PRICE_TOPICS == ("price-set", "price-list-imported", "price-withdrawn")


def test_what_stands_already_is_no_event() -> None:
    own = say(None, ("set", price()))
    say(say(own, ("set", price())), ("import", [price()]))
    assert len(own.collect_events()) == 1


@pytest.mark.parametrize("kind", ["set", "import", "withdraw"])
def test_every_word_may_be_the_first(kind: str) -> None:
    what: Any = {"set": price(), "import": [price()], "withdraw": price().key}[kind]
    assert say(None, (kind, what)).version == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda own: PriceList.with_price(own, price("A b"), who="ada", at=NOON),
        lambda own: PriceList.with_price(own, price(), who="", at=NOON),
        lambda own: PriceList.with_all(own, [], origin="x", who="ada", at=NOON),
        lambda own: PriceList.with_all(own, [price("claude-b"), price("B b")], origin="x", who="ada", at=NOON),
        lambda own: PriceList.with_all(own, [price("claude-b"), price("claude-b")], origin="x", who="ada", at=NOON),
        lambda own: PriceList.with_all(own, [price("claude-b")], origin="", who="ada", at=NOON),
        lambda own: PriceList.with_all(own, [price("claude-b")], origin="x", who="", at=NOON),
        lambda own: PriceList.with_all(own, [price()] * (MAX_IMPORTED + 1), origin="x", who="ada", at=NOON),
        lambda own: PriceList.without(own, price().key, who="", at=NOON),
    ],
    ids=range(9),
)
def test_what_is_unfit_is_refused_and_changes_nothing(change: Callable[[PriceList | None], PriceList]) -> None:
    own = say(None, ("set", price()))
    for standing in (None, own):
        with pytest.raises(UnfitPriceError):
            change(standing)
    assert (own.version, own.own) == (1, {price().key: price()})


@given(prices(), prices())
def test_setting_the_same_pattern_and_day_replaces(one: Price, other: Price) -> None:
    other = replace(other, pattern=one.pattern, effective_from=one.effective_from)
    own = say(say(None, ("set", one)), ("set", other))
    assert own.own == {one.key: other}
