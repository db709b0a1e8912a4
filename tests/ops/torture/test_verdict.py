"""The verdict: nothing but a killed gateway or a broken upstream excuses a failed client, and nothing a wrong byte."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.checking.recordings import ClientSaw
from ops.torture.verdict import NEVER_S, Known, judge

S = 1_000_000_000
WELL = ClientSaw(
    request_id=UUID(int=1), body_sha256="a" * 64, body_bytes=3, status=200, whole=True, gone=False, failed="",
    faithful=True, sent_ns=10 * S, ended_ns=11 * S,
)  # fmt: skip
CUT = replace(WELL, whole=False, failed="closed early")
BROKEN = frozenset({WELL.body_sha256})


def why(saw: ClientSaw, known: Known, *others: ClientSaw) -> str:
    """The cause, or in capitals that it is a failure."""
    found = judge([saw, *others], known)
    (told,) = (
        [one.why.upper() for one in found.failures if one.saw is saw]
        or [cause for cause in found.causes if cause != "served" or not others]
        or ["served"]
    )
    return told


@pytest.mark.parametrize(
    ("saw", "known", "expected"),
    [
        (WELL, Known(), "served"),
        (WELL, Known([10 * S]), "served"),
        (replace(WELL, status=529), Known(), "served"),
        (CUT, Known(), "CLOSED EARLY"),
        (replace(CUT, failed=""), Known(), "NOT WHOLE"),
        (replace(CUT, status=None, request_id=None, failed="not connected"), Known(), "NOT CONNECTED"),
        (CUT, Known(broken=BROKEN), "upstream broke off"),
        (CUT, Known(broken=frozenset({"b"})), "CLOSED EARLY"),
        (WELL, Known(broken=BROKEN), "UPSTREAM BROKE OFF, BUT THE CLIENT WAS TOLD A WHOLE ANSWER"),
        (replace(CUT, gone=True, failed=""), Known(), "went away"),
        (replace(WELL, failed="more than the answer"), Known(), "MORE THAN THE ANSWER"),
    ],
)
def test_each_case(saw: ClientSaw, known: Known, expected: str) -> None:
    assert why(saw, known) == expected


@given(st.booleans(), st.booleans(), st.sampled_from([Known(), Known([10 * S]), Known(broken=BROKEN)]))
def test_nothing_excuses_a_wrong_byte(whole: bool, gone: bool, known: Known) -> None:
    saw = replace(WELL, faithful=False, whole=whole, gone=gone)
    (failure,) = judge([saw], known).failures
    assert "not what upstream said" in failure.why


@pytest.mark.parametrize(
    ("sent", "ended", "excused"),
    [(5, 9, False), (5, 10, True), (9, 12, True), (11, 12, True), (13, 14, True), (14, 15, False)],
)
def test_a_kill_excuses_from_its_moment_until_service(sent: int, ended: int, excused: bool) -> None:
    """Killed at 10; the first request sent after it is served at 13."""
    first = replace(WELL, body_sha256="b" * 64, sent_ns=11 * S, ended_ns=13 * S)
    later = replace(WELL, body_sha256="c" * 64, sent_ns=20 * S, ended_ns=21 * S)
    saw = replace(CUT, sent_ns=sent * S, ended_ns=ended * S)
    found = judge([saw, first, later], Known([10 * S]))
    assert found.recoveries_s == (3.0,)
    assert (found.causes["gateway killed"] == 1, len(found.failures)) == (excused, int(not excused))


def test_without_service_afterwards_the_recovery_is_too_long() -> None:
    """What was served across the kill, by another worker, is no sign that the killed one is back."""
    across = replace(WELL, sent_ns=9 * S, ended_ns=12 * S)
    (lasted,) = judge([across], Known([10 * S])).recoveries_s
    assert lasted == NEVER_S


def test_every_client_is_counted_once() -> None:
    seen = [WELL, CUT, replace(CUT, gone=True, failed=""), replace(WELL, faithful=False)]
    found = judge(seen, Known())
    assert found.causes.total() + len(found.failures) == len(seen)
