"""A mode is one of two; nobody gets into pass-through by accident, and the operator is told what is unusual."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.modes import WantedMode, is_local_only, mode_now, notices

LOCAL, OPEN = ("127.0.0.1", "::1"), ("127.0.0.1", "0.0.0.0")


@pytest.mark.parametrize(
    ("wanted", "local_only", "has_keys", "mode"),
    [
        ("auto", True, False, "pass_through"),
        ("auto", True, True, "managed"),
        ("auto", False, False, "managed"),
        ("auto", False, True, "managed"),
        ("pass_through", False, True, "pass_through"),
        ("managed", True, False, "managed"),
    ],
)
def test_the_mode(wanted: WantedMode, mode: str, *, local_only: bool, has_keys: bool) -> None:
    assert mode_now(wanted, local_only=local_only, has_keys=has_keys) == mode


@pytest.mark.bar(66)
@given(st.sampled_from(get_args(WantedMode)), st.booleans(), st.booleans())
def test_others_pass_through_only_where_the_operator_said_so(
    wanted: WantedMode, local_only: bool, has_keys: bool
) -> None:
    if mode_now(wanted, local_only=local_only, has_keys=has_keys) == "pass_through":
        assert wanted == "pass_through" or (local_only and not has_keys)


@pytest.mark.parametrize(
    ("hosts", "local"),
    [
        (LOCAL, True),
        (("127.8.8.8",), True),
        (OPEN, False),
        (("::",), False),
        (("192.168.1.2",), False),
        (("a-name",), False),
    ],
)
def test_which_addresses_only_this_machine_reaches(hosts: tuple[str, ...], *, local: bool) -> None:
    assert is_local_only(hosts) is local


@pytest.mark.bar(66)
@pytest.mark.parametrize(
    ("wanted", "hosts", "has_keys", "trouble", "word"),
    [
        ("auto", LOCAL, False, "", None),
        ("auto", LOCAL, True, "", None),
        ("auto", OPEN, True, "", None),
        ("pass_through", LOCAL, True, "", None),
        ("managed", LOCAL, False, "", "nexus keys create"),
        ("auto", OPEN, False, "", "nexus keys create"),
        ("pass_through", OPEN, False, "", "0.0.0.0"),
        ("auto", LOCAL, True, "the file is torn", "the file is torn"),
        ("pass_through", LOCAL, True, "the file is torn", None),
    ],
)
def test_what_the_operator_is_told(
    wanted: WantedMode, hosts: tuple[str, ...], trouble: str, word: str | None, *, has_keys: bool
) -> None:
    told = notices(wanted, hosts=hosts, has_keys=has_keys, trouble=trouble)
    if word is None:
        assert told == ()
    else:
        (text,) = told
        assert word in text
        assert "\n" not in text
