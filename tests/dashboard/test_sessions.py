"""Sessions: found by their id alone, over when idle or old, and told so."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import sessions as module
from dashboard.sessions import Sessions

IDLE_S, TOTAL_S = 100.0, 1000.0


class Time:
    """A clock that stands still until it is moved."""

    now = 50.0

    def __call__(self) -> float:
        return self.now


def make(time: Time) -> Sessions:
    words = (f"word-{n}" for n in itertools.count())
    return Sessions(time, lambda: next(words), idle_s=IDLE_S, total_s=TOTAL_S)


def test_a_session_is_found_by_its_id_only() -> None:
    sessions = make(Time())
    session_id, session = sessions.begin()
    assert sessions.find(session_id) is session
    for wrong in (None, "", "x", session_id + "x", session_id.upper(), session.csrf, session.digest.hex(), "\ud800"):
        assert sessions.find(wrong) is None


def test_the_id_is_not_kept() -> None:
    sessions = make(Time())
    session_id, _ = sessions.begin()
    assert session_id not in repr(vars(sessions))


def test_two_sessions_are_strangers() -> None:
    sessions = make(Time())
    (one_id, one), (two_id, two) = sessions.begin(), sessions.begin()
    assert len({one_id, two_id, one.csrf, two.csrf}) == 4
    sessions.end(one)
    assert sessions.find(one_id) is None
    assert sessions.find(two_id) is two
    assert (one.ended.is_set(), two.ended.is_set(), len(sessions)) == (True, False, 1)
    sessions.end(one)


@given(st.lists(st.floats(0, 150), max_size=30))
def test_it_lives_while_it_is_used_and_never_beyond_its_time(pauses: list[float]) -> None:
    time = Time()
    sessions = make(time)
    session_id, session = sessions.begin()
    opened = used = time.now
    alive = True
    for pause in pauses:
        time.now += pause
        alive = alive and time.now - used < IDLE_S and time.now - opened < TOTAL_S
        assert (sessions.find(session_id) is session) == alive
        used = time.now if alive else used
    sessions.sweep()
    assert session.ended.is_set() == (not alive)
    assert len(sessions) == alive


def test_it_ends_in_its_time_however_it_is_used() -> None:
    time = Time()
    sessions = make(time)
    session_id, session = sessions.begin()
    opened = time.now
    while time.now - opened < TOTAL_S - 50:
        assert sessions.find(session_id) is session
        time.now += 50
    assert sessions.find(session_id) is session
    time.now = opened + TOTAL_S
    assert sessions.find(session_id) is None


def test_what_goes_over_its_socket_keeps_it_alive() -> None:
    time = Time()
    sessions = make(time)
    session_id, session = sessions.begin()
    for _ in range(5):
        time.now += IDLE_S - 1
        sessions.touch(session)
        sessions.sweep()
    assert sessions.find(session_id) is session


def test_the_one_that_was_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SESSIONS", 3)
    time = Time()
    sessions = make(time)
    opened = []
    for _ in range(3):
        time.now += 1
        opened.append(sessions.begin())
    time.now += 1
    sessions.find(opened[0][0])
    sessions.begin()
    assert [session.ended.is_set() for _, session in opened] == [False, True, False]
    assert len(sessions) == 3


def test_all_can_be_ended_at_once() -> None:
    sessions = make(Time())
    opened = [sessions.begin()[1] for _ in range(3)]
    sessions.end_all()
    assert all(session.ended.is_set() for session in opened)
    assert len(sessions) == 0
