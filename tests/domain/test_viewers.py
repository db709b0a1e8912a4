"""Roles: each may what the one before may and more; accounts: nobody sees beside his own."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity import ClientIdentity, scope_of
from domain.viewers import ABILITIES, OWNER, ROLES, Ability, NotAllowedError, Role, Viewer, scopes_of

ACCOUNTS = st.sampled_from(["acme", "zoo", "device:1", "anonymous", "key-account:acme", ""])
GRANTED = st.none() | st.frozensets(ACCOUNTS.filter(bool), min_size=1)
ALL_ABILITIES: tuple[Ability, ...] = get_args(Ability)


def viewer(role: Role = "reader", accounts: frozenset[str] | None = None) -> Viewer:
    return Viewer(name="ada", role=role, accounts=accounts)


def test_the_table_is_what_was_decided() -> None:
    assert {role: sorted(ABILITIES[role]) for role in ROLES} == {
        "usage": ["numbers"],
        "reader": ["numbers", "text"],
        "admin": ["numbers", "people", "raw", "text"],
    }


@given(st.sampled_from(ROLES), GRANTED, st.sampled_from(ALL_ABILITIES))
def test_who_may_not_is_told_who_may(role: Role, accounts: frozenset[str] | None, ability: Ability) -> None:
    one = viewer(role, accounts)
    allowed = ability in ABILITIES[role] and not (ability == "people" and accounts is not None)
    assert one.may(ability) == allowed
    if allowed:
        one.check(ability)
    else:
        with pytest.raises(NotAllowedError, match=r"[.]$"):
            one.check(ability)


@given(st.sampled_from(ROLES), GRANTED)
def test_who_sees_all_is_kept_from_nothing_that_can_be_asked_for(role: Role, accounts: frozenset[str] | None) -> None:
    assert viewer(role, accounts).sees_all == (accounts is None and role != "usage")
    assert OWNER.sees_all
    assert all(OWNER.may(ability) for ability in ALL_ABILITIES)


@given(GRANTED, ACCOUNTS, ACCOUNTS)
def test_an_exchange_is_seen_by_its_account_and_by_its_scope_only_without_one(
    granted: frozenset[str] | None, account: str, scope: str
) -> None:
    key = account or scope
    assert viewer(accounts=granted).sees(account or None, scope) == (granted is None or key in granted)


@given(st.frozensets(st.sampled_from(["acme", "zoo", "b-1"]), min_size=1), st.sampled_from(["acme", "zoo", "b-1"]))
def test_the_scopes_of_accounts_are_those_that_recording_gives_them(granted: frozenset[str], account: str) -> None:
    managed = scope_of(account, ClientIdentity(), ())
    passed = scope_of(None, ClientIdentity(account=account, device="d"), ())
    assert (managed in scopes_of(granted)) == (passed in scopes_of(granted)) == (account in granted)


def test_a_device_is_seen_by_who_was_given_its_scope() -> None:
    scope = scope_of(None, ClientIdentity(device="d1"), ())
    assert scope in scopes_of({scope})
    assert scope not in scopes_of({"d1", "acme"})
