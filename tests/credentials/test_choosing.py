"""A tenant gets its own credential or none, never another account's."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.choosing import chosen
from credentials.signature import CredentialUnusableError

NAMES = st.sampled_from(["a.example", "b.example", "c.example"])
ACCOUNTS = st.sampled_from(["acme", "other"])


@pytest.mark.parametrize(
    ("accounts", "name"),
    [
        ({"a.example": "acme", "b.example": "acme"}, "a.example"),
        ({"a.example": None, "b.example": "acme"}, "a.example"),
        ({"b.example": "acme", "c.example": "other"}, "b.example"),
    ],
)
def test_the_client_domains_own_comes_first_then_the_accounts(accounts: dict[str, str | None], name: str) -> None:
    assert chosen("a.example", "acme", accounts) == name


@pytest.mark.parametrize(
    ("accounts", "why"),
    [
        ({}, "There is no upstream credential of a.example"),
        ({"b.example": "other", "c.example": None}, "There is no upstream credential of a.example"),
        ({"a.example": "other", "b.example": "acme"}, "belongs to another account"),
        ({"b.example": "acme", "c.example": "acme"}, "more than one of its account"),
    ],
)
def test_who_has_none_gets_none(accounts: dict[str, str | None], why: str) -> None:
    with pytest.raises(CredentialUnusableError, match=why) as raised:
        chosen("a.example", "acme", accounts)
    assert raised.value.why == "missing"


@given(NAMES, ACCOUNTS, st.dictionaries(NAMES, st.none() | ACCOUNTS))
def test_another_accounts_is_never_chosen(domain: str, account: str, accounts: dict[str, str | None]) -> None:
    with suppress(CredentialUnusableError):
        name = chosen(domain, account, accounts)
        assert accounts[name] == account or (name == domain and accounts[name] is None)
