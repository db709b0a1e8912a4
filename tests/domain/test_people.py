"""People: what is said of them holds, nothing else; a removed one stays removed; a link opens once and in time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.people import (
    MAX_ACCOUNTS,
    PEOPLE_TOPICS,
    LinkGoneError,
    NewPerson,
    Person,
    PersonRemovedError,
    UnfitPersonError,
    check_name,
)
from domain.viewers import ROLES, Role, Viewer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
GRANTED = st.none() | st.frozensets(st.sampled_from(["acme", "zoo", "device:1"]), min_size=1)


def new(name: str = "ada", role: Role = "reader", accounts: frozenset[str] | None = None) -> NewPerson:
    return NewPerson(person_id="abcd1234", name=name, role=role, accounts=accounts, key_hash="00ff")


def person() -> Person:
    return Person.add(new(), who="eve", at=NOON)


def removed() -> Person:
    one = person()
    one.remove(who="eve", at=LATER)
    return one


@given(st.sampled_from(ROLES), GRANTED)
def test_who_is_added_stands_as_it_was_said(role: Role, accounts: frozenset[str] | None) -> None:
    one = Person.add(new(role=role, accounts=accounts), who="eve", at=NOON)
    assert one.viewer == Viewer(name="ada", role=role, accounts=accounts, person_id="abcd1234")
    assert (one.created_on, one.key_hash, one.turn, one.removed_at) == (NOON, "00ff", 1, None)
    assert one.id == Person.create_id("abcd1234") != Person.create_id("abcd1235")


@given(st.lists(st.sampled_from(ROLES) | GRANTED))
def test_the_newest_word_holds_and_every_change_begins_a_turn(words: list[Role | frozenset[str] | None]) -> None:
    one, role, accounts, turn = person(), "reader", None, 1
    for word in words:
        if isinstance(word, str):
            turn += word != role
            one.change_role(word, who="eve", at=LATER)
            role = word
        else:
            turn += word != accounts
            one.change_accounts(word, who="eve", at=LATER)
            accounts = word
        assert (one.viewer.role, one.viewer.accounts, one.turn) == (role, accounts, turn)
    assert len(one.collect_events()) == turn  # what changes nothing is no event


def test_a_new_key_and_a_logout_end_what_is_open_and_a_link_does_not() -> None:
    one = person()
    one.renew_key("aa", who="eve", at=LATER)
    assert (one.key_hash, one.turn) == ("aa", 2)
    one.log_out(who="ada", at=LATER)
    assert (one.key_hash, one.turn) == ("aa", 3)
    one.make_link("11", ends_at=LATER + timedelta(hours=1), who="eve", at=LATER)
    one.use_link("11", at=LATER)
    assert one.turn == 3


def test_a_link_opens_once() -> None:
    one = person()
    one.make_link("11", ends_at=LATER, who="eve", at=NOON)
    one.use_link("11", at=LATER - timedelta(microseconds=1))
    assert (one.link_hash, one.link_ends_at) == ("", None)
    for word in ("11", ""):
        with pytest.raises(LinkGoneError):
            one.use_link(word, at=NOON)


@pytest.mark.parametrize(("word", "at"), [("11", LATER), ("12", NOON), ("", NOON)])
def test_another_word_and_a_late_one_open_nothing_and_use_nothing_up(word: str, at: datetime) -> None:
    one = person()
    one.make_link("11", ends_at=LATER, who="eve", at=NOON)
    with pytest.raises(LinkGoneError):
        one.use_link(word, at=at)
    one.use_link("11", at=NOON)


def test_a_newer_link_takes_the_place_of_the_one_before() -> None:
    one = person()
    one.make_link("11", ends_at=LATER, who="eve", at=NOON)
    one.make_link("22", ends_at=LATER, who="eve", at=NOON)
    with pytest.raises(LinkGoneError):
        one.use_link("11", at=NOON)
    one.use_link("22", at=NOON)
    with pytest.raises(UnfitPersonError, match="later moment"):
        one.make_link("33", ends_at=NOON, who="eve", at=NOON)


CHANGES: dict[str, Callable[[Person, str], None]] = {
    "role": lambda one, who: one.change_role("admin", who=who, at=LATER),
    "accounts": lambda one, who: one.change_accounts(["acme"], who=who, at=LATER),
    "key": lambda one, who: one.renew_key("aa", who=who, at=LATER),
    "link": lambda one, who: one.make_link("11", ends_at=LATER + timedelta(1), who=who, at=LATER),
    "logout": lambda one, who: one.log_out(who=who, at=LATER),
    "remove": lambda one, who: one.remove(who=who, at=LATER),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_has_somebody_and_none_comes_after_the_end(change: Callable[[Person, str], None]) -> None:
    with pytest.raises(UnfitPersonError, match="somebody"):
        change(person(), "")
    change(person(), "eve")
    assert removed().removed_at == LATER
    with pytest.raises(PersonRemovedError, match="ada is removed already"):
        change(removed(), "eve")


def test_a_link_of_somebody_removed_opens_nothing() -> None:
    one = person()
    one.make_link("11", ends_at=LATER + timedelta(1), who="eve", at=NOON)
    one.remove(who="eve", at=LATER)
    with pytest.raises(PersonRemovedError):
        one.use_link("11", at=LATER)


def test_events_give_the_same_person_again() -> None:
    one = person()
    for change in CHANGES.values():
        change(one, "eve")
    copy: Person | None = None
    for event in one.collect_events():
        copy = event.mutate(copy)
    assert copy == one
    assert set(PEOPLE_TOPICS) == {event.TOPIC for event in vars(Person).values() if is_event(event)}


def is_event(member: object) -> TypeGuard[type[Person.Event]]:
    return isinstance(member, type) and issubclass(member, Person.Event) and member is not Person.Event


def test_no_secret_is_in_a_description() -> None:
    assert "00ff" not in repr(new())


@pytest.mark.parametrize("name", ["ada", "ada.b@c-d_e+1", "A" * 64])
def test_names_that_fit(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", " ada", "a b", "-a", "ä", "a\n", "A" * 65, "<b>", "owner", "Owner"])
def test_names_that_do_not(name: str) -> None:
    with pytest.raises(UnfitPersonError):
        Person.add(new(name), who="eve", at=NOON)


@pytest.mark.parametrize(
    "accounts", [[], [""], [" a"], ["a\n"], ["a" * 401], [f"a{n}" for n in range(MAX_ACCOUNTS + 1)]]
)
def test_accounts_that_do_not_fit(accounts: list[str]) -> None:
    with pytest.raises(UnfitPersonError):
        person().change_accounts(accounts, who="eve", at=NOON)


def test_an_unknown_role_is_refused() -> None:
    for role in ("root", ""):
        with pytest.raises(UnfitPersonError, match="usage, reader, admin"):
            person().change_role(role, who="eve", at=NOON)  # type: ignore[arg-type]  # on purpose
