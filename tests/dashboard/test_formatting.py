"""Numbers and times read the same everywhere, and never lie about their size."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import formatting as fmt

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
UNITS = {"": 1, "k": 1e3, "M": 1e6, "B": 1e9}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (998, "998"),
        (1000, "1.0k"),
        (1249, "1.2k"),
        (9949, "9.9k"),
        (9951, "10k"),
        (999_499, "999k"),
        (999_501, "1.0M"),
        (1_234_567, "1.2M"),
        (56_000_000, "56M"),
        (2_100_000_000, "2.1B"),
    ],
)
def test_compact_numbers(value: int | None, text: str) -> None:
    assert fmt.compact(value) == text


@given(st.integers(0, 10**12))
def test_a_compact_number_is_within_five_percent_of_the_number(value: int) -> None:
    text = fmt.compact(value)
    unit = text[-1] if not text[-1].isdigit() else ""
    assert abs(float(text.removesuffix(unit)) * UNITS[unit] - value) <= 0.0501 * value


@given(st.integers(0, 10**12 - 10**9))
def test_a_compact_number_has_five_characters_at_most(value: int) -> None:
    assert len(fmt.compact(value)) <= 5


def test_numbers_are_in_groups_of_three() -> None:
    assert fmt.number(1234567) == "1,234,567"
    assert fmt.number(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2, "1.0 MiB"),
        (1024**5, "1024.0 TiB"),
    ],
)
def test_sizes(value: int | None, text: str) -> None:
    assert fmt.size(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (-5, "0 ms"),
        (0, "0 ms"),
        (480.4, "480 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (2_449, "2.4 s"),
        (9_949, "9.9 s"),
        (9_951, "10 s"),
        (59_499, "59 s"),
        (59_500, "1 m 00 s"),
        (65_000, "1 m 05 s"),
        (3_599_499, "59 m 59 s"),
        (3_600_000, "1 h 00 m"),
        (7_380_000, "2 h 03 m"),
        (86_400_000, "1 d 0 h"),
        (273_600_000, "3 d 4 h"),
    ],
)
def test_durations(ms: float | None, text: str) -> None:
    assert fmt.duration(ms) == text


@given(st.floats(0, 1e11))
def test_no_unit_of_a_duration_overflows(ms: float) -> None:
    words = fmt.duration(ms).split()
    values = dict(zip(words[1::2], (float(word) for word in words[::2]), strict=True))
    limits = {"ms": 999, "s": 59, "m": 59, "h": 23, "d": 1e9}
    assert all(value <= limits[unit] for unit, value in values.items())


def test_between_is_a_duration() -> None:
    assert fmt.between(NOW, NOW + timedelta(seconds=2.5)) == "2.5 s"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (-100, "just now"),
        (2.9, "just now"),
        (3, "3 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
        (604_799, "6 d ago"),
        (604_800, "2026-11-15"),
    ],
)
def test_relative_times(ago: float, text: str) -> None:
    assert fmt.relative(NOW - timedelta(seconds=ago), NOW) == text


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (-1, "now"),
        (0, "now"),
        (59, "in <1 min"),
        (60, "in 1 min"),
        (3599, "in 59 min"),
        (3600, "in 1 h 00 m"),
        (5520, "in 1 h 32 m"),
        (86_399, "in 23 h 59 m"),
        (86_400, "in 1 d 0 h"),
        (554_400, "in 6 d 10 h"),
    ],
)
def test_times_to_come(ahead: float, text: str) -> None:
    assert fmt.until(NOW + timedelta(seconds=ahead), NOW) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "no price"),
        ("0", "$0.00"),
        ("0.00001", "<$0.0001"),
        ("0.0001", "$0.0001"),
        ("0.51", "$0.5100"),
        ("0.99999", "$1.0000"),
        ("1", "$1.00"),
        ("12345.678", "$12,345.68"),
        ("-3.5", "-$3.50"),
    ],
)
def test_money(amount: str | None, text: str) -> None:
    assert fmt.money(None if amount is None else Decimal(amount)) == text


def test_absolute_times_say_their_zone() -> None:
    assert fmt.stamp(NOW) == "2026-11-22 12:00:00 UTC"
    assert fmt.clock(NOW) == "12:00:00"
    assert datetime.fromisoformat(fmt.iso(NOW)) == NOW


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "–"), (0, 10, "0 %"), (10, 10, "100 %"), (1, 1000, "<1 %"), (999, 1000, ">99 %"), (1, 3, "33 %")],
)
def test_shares(part: float, whole: float, text: str) -> None:
    assert fmt.percent(part, whole) == text


def test_plurals() -> None:
    assert fmt.plural(1, "branch", "branches") == "1 branch"
    assert fmt.plural(0, "branch", "branches") == "0 branches"
    assert fmt.plural(2000, "request") == "2,000 requests"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (None, "–"),
        ("", "–"),
        ("claude-opus-4-5-20251101", "opus 4.5"),
        ("claude-haiku-4-5", "haiku 4.5"),
        ("claude-sonnet-4-20250514", "sonnet 4"),
        ("claude-3-5-sonnet-20241022", "sonnet 3.5"),
        ("claude-3-haiku-20240307", "haiku 3"),
        ("llama-3", "llama-3"),
        ("claude-<b>", "claude-<b>"),
    ],
)
def test_models(name: str | None, text: str) -> None:
    assert fmt.model(name) == text


def test_a_short_id_is_its_random_end() -> None:
    assert fmt.short_id(UUID("0192f5a0-0000-7000-8000-0000deadbeef")) == "deadbeef"


@given(st.text(), st.integers(1, 200))
def test_one_line_is_one_line_and_short_enough(text: str, limit: int) -> None:
    line = fmt.one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert all(fmt.is_seen(char) for char in line)


def test_one_line_keeps_the_beginning_and_says_that_it_was_cut() -> None:
    assert fmt.one_line("  a\n\tb  ", 10) == "a b"
    assert fmt.one_line("x" * 50, 10) == "x" * 9 + "…"
    assert fmt.one_line("safe\u202eevil\x1b[31m", 40) == "safeevil[31m"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"),
        ("5", "$5"),
        ("5.0", "$5"),
        ("0.5", "$0.50"),
        ("1234.5670", "$1,234.567"),
        ("1E-9", "$0.000000001"),
        ("1E+3", "$1,000"),
        ("-0.25", "-$0.25"),
    ],
)
def test_exact_money_has_every_digit(amount: str, text: str) -> None:
    assert fmt.exact_money(Decimal(amount)) == text
