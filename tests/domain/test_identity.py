"""Both formats of metadata.user_id are read; the scope follows from what is known."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity import ANONYMOUS, MAX_LABEL, ClientIdentity, identity_in, parse_user_id, scope_of
from schemas.stored.events import HeaderFact
from tests.strategies import Json, json_values

DEVICE, ACCOUNT, SESSION = "d" * 64, "6f1d0f4e-0000-4000-8000-000000000001", "2db8c30f-6c90-4d03-8975-6e10edf0395a"


@pytest.mark.parametrize("account", [ACCOUNT, ""])
def test_both_formats_say_the_same(account: str) -> None:
    new = json.dumps({"device_id": DEVICE, "account_uuid": account, "session_id": SESSION})
    old = f"user_{DEVICE}_account_{account}_session_{SESSION}"
    expected = ClientIdentity(DEVICE, account or None, SESSION)
    assert parse_user_id(new) == parse_user_id(old) == expected
    assert expected.user is None
    assert identity_in(json.dumps({"model": "m", "metadata": {"user_id": new}}).encode()) == expected


@pytest.mark.parametrize("user_id", ["", "{", "{}", ' {"device_id": 3}', '{"user": "me"}', "{" * 9000, "two\nlines"])
def test_broken_user_ids_say_nothing(user_id: str) -> None:
    assert parse_user_id(user_id) == ClientIdentity()


@pytest.mark.parametrize("user_id", ["me", "user_x", "[1]", "user_a_account_b_session_", "user_a_account_b_session_c!"])
def test_any_other_text_names_an_end_user_and_nothing_else(user_id: str) -> None:
    assert parse_user_id(user_id) == ClientIdentity(user=user_id)


@given(st.text(st.characters(categories=["L", "N", "P"], exclude_characters="{"), min_size=1, max_size=200))
def test_an_end_user_s_name_is_bounded(user_id: str) -> None:
    got = parse_user_id("x" + user_id)
    assert got.user == ("x" + user_id)[:MAX_LABEL]
    assert (got.device, got.account, got.session) == (None, None, None)


@given(json_values().map(lambda value: json.dumps({"metadata": value})) | st.text(max_size=40))
def test_no_body_makes_it_fail(text: str) -> None:
    identity_in(text.encode("utf-8", "replace"))


@given(json_values(3))
def test_a_user_id_that_is_no_text_says_nothing(value: Json) -> None:
    if not isinstance(value, str):
        assert identity_in(json.dumps({"metadata": {"user_id": value}}).encode()) == ClientIdentity()


def test_labels_are_bounded_and_printable() -> None:
    assert parse_user_id(json.dumps({"device_id": "x" * 500})).device == "x" * MAX_LABEL
    assert parse_user_id(json.dumps({"device_id": "a\nb"})).device is None


def fact(name: str, print_: str) -> HeaderFact:
    return HeaderFact(name=name, fingerprint=print_)


def test_the_scope_is_the_strongest_thing_known() -> None:
    headers = [fact("Authorization", "bb"), fact("X-Api-Key", "aa"), HeaderFact(name="Host", value="h")]
    whole = ClientIdentity(DEVICE, ACCOUNT, SESSION)
    assert scope_of("team", whole, headers) == "key-account:team"
    assert scope_of(None, whole, headers) == f"account:{ACCOUNT}"
    assert scope_of(None, ClientIdentity(device=DEVICE), headers) == f"device:{DEVICE}"
    assert scope_of(None, ClientIdentity(), headers) == "credential:aa"
    assert scope_of(None, ClientIdentity(), headers[:1]) == "credential:bb"
    assert scope_of(None, ClientIdentity(), headers[2:]) == ANONYMOUS
