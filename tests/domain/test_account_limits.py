"""An account's limits: set, set again, told the same by their events."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account_limits import ACCOUNT_TOPICS, AccountLimits
from domain.key_rules import UnfitKeyError
from domain.limits import Limits
from tests.key_samples import NOON, all_limits


def begun(limits: Limits | None = None) -> AccountLimits:
    return AccountLimits.begin("acme", limits or Limits(60), who="ada", at=NOON)


@given(st.lists(all_limits(), min_size=1, max_size=6))
def test_the_newest_word_stands_and_replaying_gives_the_same(words: list[Limits]) -> None:
    limits = begun(words[0])
    for word in words[1:]:
        limits.limit(word, who="bob", at=NOON)
    assert (limits.account, limits.limits) == ("acme", words[-1])
    told: AccountLimits | None = None
    events = list(limits.collect_events())
    for event in events:
        told = event.mutate(told)
    assert told == limits
    assert len(events) == 1 + sum(one != other for one, other in pairwise(words))


def test_every_event_says_whose_who_and_when() -> None:
    limits = begun()
    limits.limit(Limits(), who="bob", at=NOON + timedelta(hours=1))
    events: list[Any] = list(limits.collect_events())
    told = [(event.TOPIC, event.account, event.limits, event.who, event.timestamp) for event in events]
    assert told == [
        ("account-limited", "acme", Limits(60), "ada", NOON),
        ("account-limited", "acme", Limits(), "bob", NOON + timedelta(hours=1)),
    ]
    assert ACCOUNT_TOPICS == ("account-limited",)


def test_what_was_said_already_is_no_event() -> None:
    limits = begun()
    limits.limit(Limits(60), who="bob", at=NOON)
    assert len(limits.collect_events()) == 1


def test_what_is_unfit_is_refused_and_changes_nothing() -> None:
    with pytest.raises(UnfitKeyError):
        AccountLimits.begin("a b", Limits(1), who="ada", at=NOON)
    with pytest.raises(UnfitKeyError):
        AccountLimits.begin("acme", Limits(0), who="ada", at=NOON)
    with pytest.raises(UnfitKeyError):
        AccountLimits.begin("acme", Limits(1), who="", at=NOON)
    limits = begun()
    with pytest.raises(UnfitKeyError):
        limits.limit(Limits(-1), who="ada", at=NOON)
    with pytest.raises(UnfitKeyError):
        limits.limit(Limits(1), who="", at=NOON)
    assert (limits.version, limits.limits) == (1, Limits(60))


def test_an_account_has_one_aggregate_and_its_id_never_changes() -> None:
    assert begun().id == AccountLimits.create_id("acme")
    assert str(AccountLimits.create_id("acme")) == "9b6540fe-a7ed-546e-8512-81275c88037a"
