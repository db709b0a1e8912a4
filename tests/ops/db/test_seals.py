"""Seals: an honest log always fits, and whatever is changed in a log, the check names where."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from ops.db.seals import MOST_FAULTS, ChainCheck, Fault, Seal, Sealed, chained, contents_of, framed

events = st.builds(
    StoredEvent,
    st.uuids(),
    st.integers(0, 2**62),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.binary(max_size=8),
)
logs = st.lists(st.tuples(st.integers(1, 3), st.lists(events, min_size=1, max_size=4)), min_size=1, max_size=5)
"""Appends: how far the positions jump before each, and its events."""

Log = tuple[list[Seal], dict[int, StoredEvent]]


def written(appends: Sequence[tuple[int, Sequence[StoredEvent]]]) -> Log:
    """The oracle of a writer: positions in order, gaps where something was rolled back."""
    seals, rows, digest, last = list[Seal](), dict[int, StoredEvent](), b"", 0
    for jump, batch in appends:
        first = last + jump
        last = first + len(batch) - 1
        contents = contents_of(batch)
        digest = chained(digest, first, last, contents.digest)
        seals.append(Seal(first, last, contents.marks, digest))
        rows |= dict(enumerate(batch, first))
    return seals, rows


def checked(seals: Sequence[Seal], rows: dict[int, StoredEvent]) -> ChainCheck:
    check, after = ChainCheck(), seals[0].first - 1
    for seal in seals:
        inside = [
            Sealed(at, framed(UUID(str(e.originator_id)), e.originator_version, e.topic, e.state))
            for at, e in sorted(rows.items())
            if after < at <= seal.last
        ]
        check.feed(seal, inside)
        after = seal.last
    return check


@given(logs)
def test_an_untouched_log_fits(appends: list[tuple[int, list[StoredEvent]]]) -> None:
    seals, rows = written(appends)
    check = checked(seals, rows)
    assert (check.faults, check.fault_count, check.events, check.head) == ([], 0, len(rows), seals[-1])


@given(logs, st.data())
def test_a_changed_event_is_named(appends: list[tuple[int, list[StoredEvent]]], data: st.DataObject) -> None:
    seals, rows = written(appends)
    at = data.draw(st.sampled_from(sorted(rows)))
    one = rows[at]
    rows[at] = data.draw(
        st.sampled_from(
            [
                replace(one, state=one.state + b"\0"),
                replace(one, topic=one.topic + "!"),
                replace(one, originator_version=one.originator_version + 1),
                replace(one, originator_id=UUID(int=UUID(str(one.originator_id)).int ^ 1)),
            ]
        )
    )
    check = checked(seals, rows)
    assert [(fault.first, fault.last) for fault in check.faults] == [(at, at)]
    assert check.events == len(rows) - 1


@given(logs, st.data())
def test_a_missing_event_is_named(appends: list[tuple[int, list[StoredEvent]]], data: st.DataObject) -> None:
    seals, rows = written(appends)
    at = data.draw(st.sampled_from(sorted(rows)))
    del rows[at]
    assert checked(seals, rows).faults == [Fault(at, at, "the event is missing")]


@given(logs, st.data())
def test_a_swapped_pair_is_named(appends: list[tuple[int, list[StoredEvent]]], data: st.DataObject) -> None:
    seals, rows = written(appends)
    one, other = (data.draw(st.sampled_from(sorted(rows))) for _ in range(2))
    differ = rows[one] != rows[other]
    rows[one], rows[other] = rows[other], rows[one]
    assert [fault.first for fault in checked(seals, rows).faults] == (sorted((one, other)) if differ else [])


@given(logs, events, st.data())
def test_an_event_put_in_between_is_named(
    appends: list[tuple[int, list[StoredEvent]]], foreign: StoredEvent, data: st.DataObject
) -> None:
    seals, rows = written(appends)
    free = sorted(set(range(seals[0].first, seals[-1].last)) - set(rows))
    if free:
        at = data.draw(st.sampled_from(free))
        rows[at] = foreign
        assert checked(seals, rows).faults == [Fault(at, at, "an event that no seal covers")]


@given(logs, st.data())
def test_a_removed_or_changed_seal_breaks_the_chain(
    appends: list[tuple[int, list[StoredEvent]]], data: st.DataObject
) -> None:
    seals, rows = written([*appends, (1, [StoredEvent(UUID(int=1), 1, "last", b"")])])
    at = data.draw(st.integers(0, len(seals) - 2))
    change = data.draw(st.sampled_from(["remove", "digest", "marks", "a torn mark", "remove with its events"]))
    one = seals[at]
    if change == "digest":
        seals[at] = replace(one, digest=bytes(32))
    elif change == "marks":
        seals[at] = replace(one, marks=one.marks[:-4])
    elif change == "a torn mark":
        seals[at] = replace(one, marks=one.marks + b"!")
    else:
        del seals[at]
    if change == "remove with its events":
        rows = {position: event for position, event in rows.items() if not one.first <= position <= one.last}
    assert checked(seals, rows).fault_count > 0


def test_lengths_are_sealed_so_that_no_byte_can_move_from_one_field_to_the_next() -> None:
    one = UUID(int=1)
    assert framed(one, 1, "ab", b"c") != framed(one, 1, "a", b"bc")


def test_many_faults_are_counted_and_some_are_named() -> None:
    batch = [StoredEvent(UUID(int=n), 1, "t", b"") for n in range(MOST_FAULTS + 5)]
    seals, _ = written([(1, batch)])
    check = checked(seals, {})
    assert (check.fault_count, len(check.faults)) == (MOST_FAULTS + 5, MOST_FAULTS)


def test_a_fault_says_where_and_what() -> None:
    assert str(Fault(7, 7, "gone")) == "position 7: gone"
    assert str(Fault(7, 9, "gone")) == "positions 7 to 9: gone"
