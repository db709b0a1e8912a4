"""Limits on a command line: what is typed changes, the rest stays, and what is told is what stands."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SetupError
from domain.limits import Limits
from ops.limit_words import changed, limits_plain, limits_text
from tests.key_samples import all_limits

FIELDS = ("requests_per_minute", "concurrent_streams", "tokens_per_hour", "spend_per_day")
ALL = Limits(60, 4, 2_000_000, Decimal("12.50"))


@given(all_limits(), all_limits(), st.sets(st.sampled_from(FIELDS)))
def test_what_is_typed_changes_and_the_rest_stays(before: Limits, wanted: Limits, named: set[str]) -> None:
    plain = limits_plain(wanted)
    words = {name: "off" if plain[name] is None else str(plain[name]) for name in named}
    after = changed(before, words)
    for name in FIELDS:
        assert getattr(after, name) == getattr(wanted if name in named else before, name)


def test_nothing_typed_changes_nothing() -> None:
    assert changed(ALL, dict.fromkeys(FIELDS)) == ALL


@pytest.mark.parametrize("off", ["off", " OFF "])
def test_off_takes_a_limit_away(off: str) -> None:
    assert changed(ALL, dict.fromkeys(FIELDS, off)) == Limits()


def test_numbers_may_be_grouped_and_amounts_may_have_their_sign() -> None:
    words = {"tokens_per_hour": "2_000,000", "spend_per_day": "$1.5"}
    assert changed(Limits(), words) == Limits(tokens_per_hour=2_000_000, spend_per_day=Decimal("1.5"))


@pytest.mark.parametrize(
    ("name", "word"),
    [(FIELDS[0], word) for word in ("", "-1", "1.5", "many", "1e3", "٣", "9" * 20)]
    + [(FIELDS[3], word) for word in ("", "ten", "1,50", "$", "1 2")],
)
def test_what_is_no_limit_is_refused_in_one_line(name: str, word: str) -> None:
    with pytest.raises(SetupError, match="or `off`") as raised:
        changed(ALL, {name: word})
    assert len(str(raised.value).splitlines()) == 1


def test_limits_read_as_people_say_them() -> None:
    assert limits_text(ALL) == "60 requests/min, 4 streams, 2,000,000 tokens/hour, $12.50/day"
    assert limits_text(Limits()) == "none"
    assert limits_text(Limits(spend_per_day=Decimal("1E+3"))) == "$1,000.00/day"
    assert limits_text(Limits(spend_per_day=Decimal("0.000001"))) == "$0.000001/day"


def test_a_script_gets_numbers_and_money_as_a_decimal_string() -> None:
    assert limits_plain(ALL) == dict(zip(FIELDS, (60, 4, 2_000_000, "12.50"), strict=True))
    assert limits_plain(Limits(spend_per_day=Decimal("1E+3")))["spend_per_day"] == "1000"
