"""Moments as people type and read them: every form, no guess at what cannot be read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SetupError
from ops.moments import moment_in, told
from tests.key_samples import NOON


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", NOON + timedelta(days=90)),
        (" 12H ", NOON + timedelta(hours=12)),
        ("30m", NOON + timedelta(minutes=30)),
        ("2w", NOON + timedelta(days=14)),
        ("now", NOON),
        ("never", None),
        ("2027-01-31", datetime(2027, 2, 1, tzinfo=UTC)),
        ("2027-01-31T12:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00:30+02:00", datetime(2027, 1, 31, 10, 0, 30, tzinfo=UTC)),
    ],
)
def test_every_form_is_read(text: str, expected: datetime | None) -> None:
    assert moment_in(text, NOON) == expected


UNREADABLE = (
    "", "soon", "0d", "-1d", "90", "90 d", "1.5d", "1y", "999999w", "1234567d", "٣d", "31.01.2027", "2027-13-01",
    "2027-02-30", "9999-12-31", "2027-01-31T12:00", "0001-01-01T00:00:00+10:00", "x" * 1000,
)  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SetupError, match="is no moment; give 90d") as raised:
        moment_in(text, NOON)
    assert len(str(raised.value)) < 250


@given(st.text(max_size=30))
def test_any_text_is_a_moment_with_a_zone_or_refused(text: str) -> None:
    try:
        moment = moment_in(text, NOON)
    except SetupError:
        return
    assert moment is None or moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=40), "now"),
        (timedelta(seconds=-59), "now"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=-5), "5 minutes ago"),
        (timedelta(minutes=89), "in 1 hour"),
        (timedelta(hours=-13), "13 hours ago"),
        (timedelta(hours=24), "in 1 day"),
        (timedelta(days=90, seconds=-5), "in 90 days"),
        (timedelta(days=2, hours=12), "in 2 days"),
        (timedelta(days=-99), "99 days ago"),
        (timedelta(days=366), "2027-11-27"),
        (timedelta(days=-366), "2025-11-25"),
    ],
)
def test_a_moment_reads_as_people_say_it(away: timedelta, expected: str) -> None:
    assert told(NOON + away, NOON) == expected
