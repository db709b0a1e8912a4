"""A right stream is found right, whatever it is; one that is not is found wrong, and a map of its bytes agrees."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.checking.invariants import Event, JoinedBody, StoredChunk, Stream, stream_violations
from ops.checking.stored_format import Aborted, Completed, Content, Foreign, Lost, Streamed
from tests.stored_streams import ID, JOURNAL, STARTED, Cut, completed, cuts, lost, received, run, stream


def told(one: Stream) -> list[tuple[str, str]]:
    found = list(stream_violations(one))
    assert all(violation.request_id == ID for violation in found)
    return [(violation.invariant, violation.detail) for violation in found]


@given(cuts)
def test_what_the_shipper_tells_is_right(cut: Cut) -> None:
    assert told(cut.stream()) == []


def is_told_exactly(contents: list[Content]) -> bool:
    """The oracle: a map of the answer on which every byte must be told once, and in order."""
    places: list[int] = []
    ends_there = True
    for one in contents:
        match one:
            case Streamed(offset=offset, lengths=lengths):
                places += range(offset, offset + sum(lengths))
            case Lost(part="response", offset=offset, byte_count=size):
                places += range(offset, offset + size)
            case Completed(byte_count=size) | Aborted(byte_count=size):
                ends_there &= size == len(places)
    return ends_there and places == list(range(len(places)))


def moved(one: Content, by: int) -> Content:
    """The same, told for another place."""
    match one:
        case Streamed(offset=offset, lengths=lengths, arrivals_us=arrivals):
            return Streamed(max(0, offset + by), lengths, arrivals)
        case Lost(part=part, reason=reason, offset=offset, byte_count=size):
            return Lost(part, reason, max(0, offset + by), size)
        case Completed(byte_count=size, sha256=sha256):
            return Completed(max(0, size + by), sha256)
        case Aborted(ended_by=by_whom, byte_count=size):
            return Aborted(by_whom, max(0, size + by))
        case _:
            return one


@given(cuts, st.integers(0, 8), st.sampled_from(["drop", "move", "swap", "double"]), st.integers(-3, 3))
def test_bytes_are_told_exactly_or_it_is_said(cut: Cut, place: int, what: str, by: int) -> None:
    contents = cut.contents()
    at = 2 + place % max(1, len(contents) - 2)
    if at < len(contents):
        match what:
            case "drop":
                contents[at : at + 1] = []
            case "move":
                contents[at] = moved(contents[at], by)
            case "swap":
                contents[at : at + 2] = reversed(contents[at : at + 2])
            case _:
                contents.insert(at, contents[at])
    complaints = [words for kind, words in told(stream(*contents)) if kind == "I7" and "of the answer" in words]
    assert (complaints == []) == is_told_exactly(contents)


def test_an_event_is_missing() -> None:
    right = stream(received(), STARTED, run(0, 3), completed(3, b"abc"), answer=b"abc")
    assert told(right) == []
    for missing in range(4):
        events = right.events[:missing] + right.events[missing + 1 :]
        wrong = replace(right, events=events)
        found = told(replace(wrong, open_in=None))
        if missing < 3:
            words = f"version {missing + 2} stands where version {missing + 1} belongs: an event is missing"
            assert ("store", words) in found
        else:
            assert "I4" in dict(found)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_positions_grow_with_versions(positions: list[int]) -> None:
    events = tuple(Event(version, position, Foreign()) for version, position in enumerate(positions, 1))
    is_right = positions == sorted(set(positions))
    assert (told(Stream(ID, events)) == []) == is_right


def test_events_of_aggregates_have_no_beginning_and_no_end() -> None:
    assert told(Stream(ID, (Event(1, 1, Foreign()), Event(2, 2, Foreign())))) == []


def test_an_event_that_nobody_here_knows_is_said_and_nothing_is_concluded_from_it() -> None:
    assert told(stream(received(), STARTED, Foreign(2), open_in=None)) == [
        ("store", "version 3 is of a kind this Nexus does not know: upgrade it, or it was changed")
    ]


GAP = lost(0, 0, "request")
ABORTED = Aborted("client", 0)


@pytest.mark.parametrize(
    ("one", "invariant", "words"),
    [
        (stream(STARTED, ABORTED), "I2", "does not begin with RequestReceived"),
        (stream(lost(0, 3), ABORTED, body=None), "I2", "does not begin with RequestReceived"),
        (stream(received(), received(), ABORTED), "I2", "more than one RequestReceived"),
        (stream(received(), ABORTED, ABORTED), "I4", "2 terminal events, versions 2, 3"),
        (stream(received(), ABORTED, GAP), "I4", "events follow its terminal event, version 2"),
        (stream(received(), ABORTED, open_in=JOURNAL), "store", "still stands among the open exchanges"),
        (stream(received(), open_in=None), "I4", "nobody will ever end it"),
        (stream(received(), STARTED, run(0, 3), chunks=()), "store", "bytes of the run at offset 0 are not there"),
        (stream(received(), STARTED, chunks=(StoredChunk(4, 1),)), "store", "bytes at offset 4 belong to no event"),
        (Stream(ID, (), (StoredChunk(4, 1),)), "store", "bytes at offset 4 belong to no event"),
        (Stream(ID, (), (StoredChunk(4, 1, "codec 7 is unknown"),)), "store", "chunks at offset 4: codec 7"),
        (stream(received(), STARTED, run(0, 3), chunks=(StoredChunk(0, 2),)), "store", "says 3 bytes, its row has 2"),
        (stream(received(), STARTED, Streamed(0, (1, 2), (1,))), "store", "has 2 lengths"),
        (stream(received(), STARTED, completed(0, b"x")), "I3", "another sha256"),
        (stream(received(body=None), ABORTED, body=None), "I7", "request body of 3 bytes is not there"),
        (stream(received(), ABORTED, body=None), "I2", "it was not put together"),
        (stream(received(), ABORTED, body=b"four"), "I2", "has 4 bytes, RequestReceived says 3"),
        (stream(received(body=None), lost(2, 2, "request"), ABORTED, body=None), "I7", "reaches to byte 4"),
        (stream(received(), STARTED, STARTED, ABORTED), "store", "2 events ResponseStarted"),
        (stream(received(), run(0, 3)), "I7", "an answer without ResponseStarted"),
        (stream(received(), completed(0, b"")), "I7", "an answer without ResponseStarted"),
        (stream("the event is not readable", ABORTED), "store", "version 1: the event is not readable"),
        (replace(stream(received()), body=JoinedBody(0, b"", "a part is missing")), "I2", "a part is missing"),
    ],
)  # fmt: skip
def test_it_is_named(one: Stream, invariant: str, words: str) -> None:
    assert any(kind == invariant and words in detail for kind, detail in told(one)), told(one)


@pytest.mark.parametrize(
    "one",
    [
        stream(GAP, ABORTED, body=None),
        stream(received(0, None), STARTED, ABORTED, body=None),
        stream(received(body=None), lost(0, 3, "request"), ABORTED, body=None),
        stream(received(), GAP, run(0, 3)),
        stream(received()),
    ],
)
def test_it_is_right(one: Stream) -> None:
    assert told(one) == []


def test_a_stream_gives_its_parts() -> None:
    one = stream(received(), STARTED, lost(0, 2), "broken", ABORTED)
    assert (one.received, one.started, one.end, one.lost) == (received(), STARTED, ABORTED, [lost(0, 2)])
    none = Stream(ID, ())
    assert (none.received, none.started, none.end, none.lost) == (None, None, None, [])
