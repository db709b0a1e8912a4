"""What may stand in a key: what fits is let through, all else is refused in one line that says what would fit."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import key_rules
from domain.errors import SetupError
from domain.key_rules import UnfitKeyError
from domain.limits import Limits
from tests.key_samples import all_limits

FIT: list[tuple[Callable[[Any], None], Any]] = [
    (key_rules.check_name, "ci"),
    (key_rules.check_name, "Adas Mühle, 2. Stock"),
    (key_rules.check_name, "n" * 100),
    (key_rules.check_account, "acme"),
    (key_rules.check_account, "ada@team-a.example"),
    (key_rules.check_account, "9" + "a" * 127),
    (key_rules.check_client_domain, "team-a.example"),
    (key_rules.check_client_domain, "localhost"),
    (key_rules.check_client_domain, "127.0.0.1"),
    (key_rules.check_client_domain, ".".join(["a" * 63] * 3 + ["b" * 61])),
    (key_rules.check_scopes, {"messages"}),
    (key_rules.check_scopes, ("all", "files")),
    (key_rules.check_expiry, None),
    (key_rules.check_expiry, datetime(2027, 1, 1, tzinfo=UTC)),
    (key_rules.check_limits, Limits()),
    (key_rules.check_limits, Limits(1, 1, 10**15, Decimal("0.000001"))),
    (key_rules.check_who, "ada"),
]
UNFIT: list[tuple[Callable[[Any], None], Any]] = [
    (key_rules.check_name, ""),
    (key_rules.check_name, "n" * 101),
    (key_rules.check_name, " ci"),
    (key_rules.check_name, "ci "),
    (key_rules.check_name, "a\nb"),
    (key_rules.check_name, "a\x1b[31mb"),
    (key_rules.check_name, "a\u202eb"),
    (key_rules.check_account, ""),
    (key_rules.check_account, "a b"),
    (key_rules.check_account, "-a"),
    (key_rules.check_account, "a/b"),
    (key_rules.check_account, "a:b"),
    (key_rules.check_account, "acme\n"),
    (key_rules.check_account, "ä"),
    (key_rules.check_account, "a" * 129),
    (key_rules.check_client_domain, ""),
    (key_rules.check_client_domain, "Team-A.example"),
    (key_rules.check_client_domain, "team-a.example:3000"),
    (key_rules.check_client_domain, "../etc/passwd"),
    (key_rules.check_client_domain, "a..b"),
    (key_rules.check_client_domain, ".a"),
    (key_rules.check_client_domain, "a."),
    (key_rules.check_client_domain, "-a"),
    (key_rules.check_client_domain, "a-"),
    (key_rules.check_client_domain, "a\n"),
    (key_rules.check_client_domain, "a" * 64),
    (key_rules.check_client_domain, ".".join(["a" * 63] * 3 + ["b" * 62])),
    (key_rules.check_scopes, set()),
    (key_rules.check_scopes, {"messages", "admin"}),
    (key_rules.check_scopes, {""}),
    (key_rules.check_expiry, datetime(2027, 1, 1)),  # noqa: DTZ001  without a zone, that is the point
    (key_rules.check_limits, Limits(requests_per_minute=0)),
    (key_rules.check_limits, Limits(concurrent_streams=-1)),
    (key_rules.check_limits, Limits(tokens_per_hour=10**15 + 1)),
    (key_rules.check_limits, Limits(spend_per_day=Decimal(0))),
    (key_rules.check_limits, Limits(spend_per_day=Decimal("NaN"))),
    (key_rules.check_limits, Limits(spend_per_day=Decimal("sNaN"))),
    (key_rules.check_limits, Limits(spend_per_day=Decimal("Infinity"))),
    (key_rules.check_limits, Limits(spend_per_day=Decimal("1E+20"))),
    (key_rules.check_limits, Limits(spend_per_day=Decimal("1E-400"))),
    (key_rules.check_limits, Limits(spend_per_day=Decimal("0.0000001"))),
    (key_rules.check_who, ""),
]


@pytest.mark.parametrize(("check", "value"), FIT)
def test_what_fits_is_let_through(check: Callable[[Any], None], value: Any) -> None:
    check(value)


@pytest.mark.parametrize(("check", "value"), UNFIT)
def test_what_does_not_fit_is_refused_in_one_line(check: Callable[[Any], None], value: Any) -> None:
    with pytest.raises(UnfitKeyError) as raised:
        check(value)
    text = str(raised.value)
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    assert len(text) < 450


@given(st.text(max_size=40))
def test_a_fit_domain_names_a_file_beside_it_and_nothing_else(text: str) -> None:
    try:
        key_rules.check_client_domain(text)
    except UnfitKeyError:
        return
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert not text.startswith(".")
    assert ".." not in text


@given(all_limits())
def test_every_limit_above_nothing_fits(limits: Limits) -> None:
    key_rules.check_limits(limits)


def test_an_unknown_scope_is_named_with_those_there_are() -> None:
    with pytest.raises(UnfitKeyError, match="'admin'; choose among all, batches, count_tokens, files, messages"):
        key_rules.check_scopes({"messages", "admin"})


def test_who_types_it_should_type_something_else() -> None:
    assert issubclass(UnfitKeyError, SetupError)
