"""What a journal says and the store does not, or the other way round, is said; and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from ops.checking.invariants import Stream
from ops.checking.journal_facts import ExchangeFrames, JournalFacts
from ops.checking.journal_format import Damage, End, Gap, Header, Request, Response
from ops.checking.journal_rules import Reach, journal_violations, own_violations, promised, unknown_to_journal
from ops.checking.stored_format import Aborted
from tests.stored_streams import AT, ID, JOURNAL, STARTED, completed, lost, received, run, stream

WALL_NS = int(AT.timestamp()) * 1_000_000_000 + 999
HEADERS = (Header("Host", "here"), Header("x-api-key", None, 9, "f"))
ALL = Reach(1 << 62, everything=True, exact=True)
NOTHING = Reach(0, everything=False, exact=True)
STORED = stream(received(), STARTED, run(0, 2, 1), completed(3, b"xyz"), answer=b"xyz")


def frames() -> ExchangeFrames:
    """What the journal has of STORED: records at places 10, 20, …"""
    made = ExchangeFrames(JOURNAL, 10)
    made.request, made.request_at, made.request_us = (
        Request(WALL_NS, "pass_through", "POST", "/v1/messages", HEADERS, "here", 3), 10, 7,
    )  # fmt: skip
    made.body.add(0, b"abc")
    made.response, made.response_at = Response("upstream", 200, HEADERS, "req_1"), 20
    made.answer.add(0, b"xyz")
    made.end, made.end_at = End("completed", 3, 3), 40
    made.ends.add((9, b"end"))
    return made


def told(
    made: ExchangeFrames, one: Stream | None = STORED, reach: Reach = ALL, complaints: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    return [(it.invariant, it.detail) for it in journal_violations(ID, made, one, reach, complaints)]


def test_what_is_equal_is_right() -> None:
    assert told(frames()) == []
    assert told(frames(), reach=NOTHING) == []


def changed(**changes: object) -> Callable[[ExchangeFrames], None]:
    def change(made: ExchangeFrames) -> None:
        for name, value in changes.items():
            setattr(made, name, value)

    return change


def requested(**changes: object) -> Callable[[ExchangeFrames], None]:
    def change(made: ExchangeFrames) -> None:
        made.request = Request(**{**{f: getattr(made.request, f) for f in Request.__struct_fields__}, **changes})

    return change


def another_body(made: ExchangeFrames) -> None:
    made.body = type(made.body)()
    made.body.add(0, b"abd")


def gap(made: ExchangeFrames) -> None:
    made.gaps.append((30, Gap("response", "full", 0, 3)))


def second_end(made: ExchangeFrames) -> None:
    made.ends.add((10, b"end"))


@pytest.mark.parametrize(
    ("change", "one", "invariant", "words"),
    [
        (requested(wall_ns=WALL_NS + 1000), STORED, "I5", "RequestReceived says something else"),
        (requested(method="PUT"), STORED, "I5", "RequestReceived says something else"),
        (requested(target="/"), STORED, "I5", "RequestReceived says something else"),
        (requested(mode="managed"), STORED, "I5", "RequestReceived says something else"),
        (requested(client_domain="x"), STORED, "I5", "RequestReceived says something else"),
        (requested(byte_count=4), STORED, "I5", "RequestReceived says something else"),
        (requested(key_id="k"), STORED, "I5", "RequestReceived says something else"),
        (requested(headers=HEADERS[:1]), STORED, "I5", "RequestReceived says something else"),
        (requested(headers=(HEADERS[0], Header("x-api-key", None, 9, "g"))), STORED, "I5", "RequestReceived says"),
        (changed(request_us=8), STORED, "I5", "RequestReceived says something else"),
        (changed(), stream(lost(0, 0, "request"), STARTED, run(0, 3), completed(3, b"")), "I2", "no RequestReceived"),
        (another_body, STORED, "I5", "request body in the store is another"),
        (changed(), replace(STORED, body=None), "I7", "the store has none"),
        (changed(response=Response("gateway", 200, HEADERS, "req_1")), STORED, "I5", "ResponseStarted says"),
        (changed(response=Response("upstream", 201, HEADERS, "req_1")), STORED, "I5", "ResponseStarted says"),
        (changed(response=Response("upstream", 200, (), "req_1")), STORED, "I5", "ResponseStarted says"),
        (changed(response=Response("upstream", 200, HEADERS, "req_2")), STORED, "I5", "ResponseStarted says"),
        (changed(), stream(received(), lost(0, 3), Aborted("client", 3)), "I5", "no ResponseStarted"),
        (gap, STORED, "I7", "gap of 3 bytes at 0 of the response is not told"),
        (changed(), stream(received(), STARTED, run(0, 3)), "I4", "the store has no terminal event"),
        (changed(end=End("completed", 4, 4)), STORED, "I5", "completed with 3 bytes, the journal completed with 4"),
        (changed(end=End("client", 3, 3)), STORED, "I5", "completed with 3 bytes, the journal client with 3"),
        (changed(), stream(received(), STARTED, run(0, 3), Aborted("client", 3, "", 3)), "I5", "aborted by client"),
        (changed(end=End("client", 3, 2)), stream(received(), STARTED, run(0, 3), Aborted("client", 3, "", 3)), "I5",
         "aborted by client with 3 bytes"),
        (changed(), stream(received(), STARTED, run(0, 4), completed(3, b"xyz")), "I5", "has 4 bytes of its answer"),
        (changed(), stream(received(), STARTED, lost(0, 3), completed(3, b"")), "I7", "the journal has them all"),
        (second_end, STORED, "I4", "has 2 ends of it"),
        (changed(), None, "I5", "the store has nothing of it"),
        (changed(request=None, end=None), None, "I5", "the store has nothing of it"),
    ],
)  # fmt: skip
def test_it_is_named(change: Callable[[ExchangeFrames], None], one: Stream | None, invariant: str, words: str) -> None:
    made = frames()
    change(made)
    found = told(made, one)
    assert any(kind == invariant and words in detail for kind, detail in found), found
    assert all(str(JOURNAL) in detail for _, detail in found)


def test_what_the_witnesses_say_is_passed_on() -> None:
    assert told(frames(), complaints=("bytes 0 to 3 are others",)) == [
        ("I5", f"journal {JOURNAL}: of the answer in the store bytes 0 to 3 are others")
    ]


def test_what_lies_behind_the_cursor_may_be_missing() -> None:
    begun = stream(received())
    assert told(frames(), begun, Reach(20, everything=False, exact=True)) == []
    assert [kind for kind, _ in told(frames(), begun, Reach(21, everything=False, exact=True))] == ["I5"]
    assert [kind for kind, _ in told(frames(), begun, Reach(41, everything=False, exact=True))] == ["I5", "I4"]
    assert told(frames(), None, Reach(10, everything=False, exact=True)) == []
    assert told(frames(), stream(lost(0, 0, "request")), Reach(10, everything=False, exact=True)) == []


def test_a_journal_that_is_no_longer_whole_proves_no_surplus() -> None:
    more = stream(received(), STARTED, run(0, 4), completed(3, b"xyz"))
    assert told(frames(), more, replace(ALL, exact=False)) == []
    made = frames()
    made.end = None
    assert told(made, more) == []


def test_an_aborted_exchange_is_right() -> None:
    made = frames()
    made.end = End("client", 3, 2)
    assert told(made, stream(received(), STARTED, run(0, 3), Aborted("client", 3, "", 2))) == []


def test_a_gap_that_is_told_is_right() -> None:
    made = frames()
    made.answer, made.gaps = type(made.answer)(), [(30, Gap("response", "full", 0, 3))]
    assert told(made, stream(received(), STARTED, lost(0, 3), completed(3, b""))) == []


def test_no_body_is_nothing_to_compare() -> None:
    made = frames()
    requested(byte_count=0)(made)
    made.body = type(made.body)()
    assert told(made, stream(received(0, None), STARTED, run(0, 3), completed(3, b"xyz"), body=None)) == []
    broken = replace(STORED, body=replace(STORED.body, broken="a part is missing"))  # type: ignore[type-var]  # it is there
    assert told(frames(), broken) == []


def test_leftovers_of_a_deleted_segment_are_nothing_to_miss() -> None:
    assert told(ExchangeFrames(JOURNAL, 10), None) == []


def test_what_must_be_there_is_what_was_settled_or_all() -> None:
    made = frames()
    made.answer.settle()
    made.answer.add(3, b"more")
    assert [one.end for one in promised(made, ALL)] == [7]
    assert [one.end for one in promised(made, NOTHING)] == [3]


def facts(**changes: object) -> JournalFacts:
    made = JournalFacts(JOURNAL, living=True, shipped_to=0, last_us=8, from_the_start=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_damage_and_unreadable_records_are_said() -> None:
    found = list(own_violations(facts(damage=[(2, Damage(5, 9))], unreadable=[(ID, 4)])))
    assert [(one.invariant, one.request_id) for one in found] == [("I5", None), ("I5", ID)]
    assert "bytes 5 to 9 of segment 2" in found[0].detail
    assert "kind 4" in found[1].detail


@pytest.mark.parametrize(
    ("made", "one", "is_wrong"),
    [
        (facts(), STORED, True),
        (facts(from_the_start=False), STORED, False),
        (facts(damage=[(1, Damage(0, 1))]), STORED, False),
        (facts(last_us=7), STORED, False),
        (facts(), stream(lost(0, 0, "request")), False),
    ],
)
def test_a_stored_exchange_that_its_journal_never_had(made: JournalFacts, one: Stream, is_wrong: bool) -> None:
    found = unknown_to_journal(made, one)
    assert (found is not None) == is_wrong
    assert found is None or found.request_id == UUID(int=5)
