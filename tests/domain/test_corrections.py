"""A person's correction of a link: made, changed, taken back; told the same by its events."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.domain import CanMutateAggregate
from hypothesis import given
from hypothesis import strategies as st

from domain.corrections import CORRECTION_TOPICS, CorrectionRefusedError, LinkCorrection, Standing, standing
from domain.errors import NexusError

REQUEST, PARENT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def begun(parent: UUID | None = PARENT) -> LinkCorrection:
    return LinkCorrection.begin(REQUEST, parent, who="ada", why="wrong session", at=NOON)


def replayed(events: list[CanMutateAggregate[UUID]]) -> LinkCorrection | None:
    correction: LinkCorrection | None = None
    for event in events:
        correction = event.mutate(correction)
    return correction


def test_a_correction_names_the_parent() -> None:
    correction = begun()
    assert (correction.request_id, correction.parent, correction.stands) == (REQUEST, PARENT, True)


def test_no_parent_makes_the_request_a_root() -> None:
    assert begun(None).parent is None


def test_the_events_tell_who_why_and_when() -> None:
    correction = begun()
    correction.correct(OTHER, who="bob", why="better", at=NOON + timedelta(hours=1))
    correction.undo(who="eve", why="both wrong", at=NOON + timedelta(hours=2))
    told = [(e.TOPIC, e.originator_version, e.timestamp, e.who, e.why) for e in correction.collect_events()]  # type: ignore[attr-defined]  # the library's base has no such fields
    assert told == [
        ("link-corrected", 1, NOON, "ada", "wrong session"),
        ("link-corrected", 2, NOON + timedelta(hours=1), "bob", "better"),
        ("link-correction-undone", 3, NOON + timedelta(hours=2), "eve", "both wrong"),
    ]


def test_every_event_names_the_request() -> None:
    correction = begun()
    correction.undo(who="eve", why="", at=NOON)
    assert [event.request_id for event in correction.collect_events()] == [REQUEST, REQUEST]  # type: ignore[attr-defined]  # as above


def test_a_request_has_one_aggregate() -> None:
    assert begun().id == begun(None).id == LinkCorrection.create_id(REQUEST)
    assert LinkCorrection.create_id(REQUEST) != LinkCorrection.create_id(OTHER)


def test_the_id_of_a_requests_aggregate_never_changes() -> None:
    assert LinkCorrection.create_id(REQUEST) == UUID("0fcea6f4-35e6-5bf3-bd00-32ff9bb0cc1a")


def test_an_undone_correction_may_be_made_again() -> None:
    correction = begun()
    correction.undo(who="ada", why="", at=NOON)
    correction.correct(OTHER, who="ada", why="", at=NOON)
    assert (correction.parent, correction.stands) == (OTHER, True)


def test_undoing_twice_is_refused_and_changes_nothing() -> None:
    correction = begun()
    correction.undo(who="ada", why="", at=NOON)
    with pytest.raises(CorrectionRefusedError):
        correction.undo(who="ada", why="", at=NOON)
    assert correction.version == 2


def test_a_request_is_not_its_own_parent() -> None:
    with pytest.raises(CorrectionRefusedError):
        begun(REQUEST)
    correction = begun()
    with pytest.raises(CorrectionRefusedError):
        correction.correct(REQUEST, who="ada", why="", at=NOON)


def test_somebody_makes_every_correction() -> None:
    with pytest.raises(CorrectionRefusedError):
        LinkCorrection.begin(REQUEST, PARENT, who="", why="", at=NOON)
    correction = begun()
    with pytest.raises(CorrectionRefusedError):
        correction.correct(OTHER, who="", why="", at=NOON)
    with pytest.raises(CorrectionRefusedError):
        correction.undo(who="", why="", at=NOON)


def test_a_refusal_is_an_error_of_ours() -> None:
    assert issubclass(CorrectionRefusedError, NexusError)


@given(st.lists(st.none() | st.sampled_from([PARENT, OTHER]) | st.just("undo"), max_size=8))
def test_replaying_the_events_gives_the_same_aggregate(steps: list[UUID | str | None]) -> None:
    correction = begun()
    expected: tuple[UUID | None, bool] = (PARENT, True)
    for step in steps:
        if not isinstance(step, str):
            correction.correct(step, who="ada", why="", at=NOON)
            expected = (step, True)
        elif correction.stands:
            correction.undo(who="ada", why="", at=NOON)
            expected = (expected[0], False)
    assert (correction.parent, correction.stands) == expected
    again = replayed(list(correction.collect_events()))
    assert again == correction


@given(st.lists(st.none() | st.sampled_from([PARENT, OTHER]) | st.just("undo"), max_size=6), st.integers(0, 7))
def test_what_stands_is_the_newest_word(steps: list[UUID | str | None], known: int) -> None:
    """Oracle: the aggregate itself, after as many of its events."""
    correction = begun()
    for step in steps:
        if not isinstance(step, str):
            correction.correct(step, who="bob", why="better", at=NOON)
        elif correction.stands:
            correction.undo(who="eve", why="worse", at=NOON)
    events = list(correction.collect_events())[:known]
    told = replayed(events)
    got = standing(["noise", *events, 3])
    if told is None:
        assert got is None
        return
    assert got is not None
    assert (got.request_id, got.stands) == (REQUEST, told.stands)
    assert got.parent == (told.parent if told.stands else None)
    assert (got.who, got.why) == {1: ("ada", "wrong session")}.get(len(events), (got.who, got.why))


def test_who_said_the_newest_word_is_kept() -> None:
    correction = begun()
    correction.correct(OTHER, who="bob", why="better", at=NOON)
    events: list[object] = list(correction.collect_events())
    assert standing(events[:1]) == Standing(REQUEST, PARENT, "ada", "wrong session", stands=True)
    assert standing(events) == Standing(REQUEST, OTHER, "bob", "better", stands=True)
    correction.undo(who="eve", why="worse", at=NOON)
    events += correction.collect_events()
    assert standing(events) == Standing(REQUEST, None, "eve", "worse", stands=False)


def test_no_word_stands_for_nothing() -> None:
    assert standing([]) is None
    assert standing(["something else"]) is None


def test_the_topics_are_those_of_the_aggregate_s_events() -> None:
    assert set(CORRECTION_TOPICS) == {event.TOPIC for event in begun().collect_events()} | {"link-correction-undone"}  # type: ignore[attr-defined]  # as above
