"""What clients and upstream saw against what is recorded: every promise to them, and every excuse."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.checking.invariants import Stream
from ops.checking.journal_facts import ExchangeFrames
from ops.checking.journal_format import End, Gap, Request, Response
from ops.checking.recording_rules import Bodies, Excuse, Recorded, Seen, recorded_of, recording_violations
from ops.checking.recordings import ClientSaw, UpstreamSaw
from ops.checking.stored_format import Aborted
from tests.stored_streams import ID, JOURNAL, STARTED, completed, lost, received, run, stream

BODY = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""The SHA-256 of "abc"."""
CLIENT = ClientSaw(
    request_id=ID, body_sha256=BODY, body_bytes=3, status=200, size=9, whole=True, gone=False, failed="", faithful=True,
    sent_ns=1, ended_ns=2,
)  # fmt: skip
UPSTREAM = UpstreamSaw(body_sha256=BODY, body_bytes=3, answer_sha256="", answer_bytes=9, ended="whole", at_ns=1)
RECORDED = Recorded(((0, 9),), ended_by="completed", byte_count=9, origin="upstream")
CUT = replace(UPSTREAM, ended="cut")


def bodies() -> Bodies:
    return Bodies({bytes.fromhex(BODY)})


def told(
    client: ClientSaw = CLIENT,
    recorded: Recorded | None = RECORDED,
    upstream: UpstreamSaw | None = UPSTREAM,
    excuses: tuple[Excuse, ...] = (),
) -> list[tuple[str, str]]:
    known = {} if recorded is None else {ID: recorded}
    seen = Seen((client,), () if upstream is None else (upstream,), known, bodies(), excuses)
    return [(one.invariant, one.detail) for one in recording_violations(seen)]


@pytest.mark.parametrize(
    ("client", "recorded", "upstream"),
    [
        (CLIENT, RECORDED, UPSTREAM),
        (replace(CLIENT, whole=False, gone=True, failed="gone"), replace(RECORDED, ended_by="client"), UPSTREAM),
        (replace(CLIENT, whole=False, failed="cut"), replace(RECORDED, ended_by="upstream"), CUT),
        (replace(CLIENT, status=502, faithful=False), Recorded(((0, 9),), ended_by="upstream", byte_count=9,
                                                               origin="gateway"), CUT),
        (replace(CLIENT, request_id=None, size=0, whole=False, status=None, failed="cut"), None, CUT),
        (replace(CLIENT, whole=False, size=4, gone=True), replace(RECORDED, ended_by=None), UPSTREAM),
    ],
)  # fmt: skip
def test_what_is_recorded_is_right(client: ClientSaw, recorded: Recorded | None, upstream: UpstreamSaw) -> None:
    assert told(client, recorded, upstream) == []


@pytest.mark.bar(1)
@pytest.mark.parametrize(
    ("client", "recorded", "invariant", "words"),
    [
        (CLIENT, replace(RECORDED, differs=True), "I1", "received other bytes than are recorded"),
        (CLIENT, replace(RECORDED, ranges=((0, 8),)), "I1", "received 9 bytes, those from 8 to 9 are not recorded"),
        (CLIENT, replace(RECORDED, ranges=((0, 3), (4, 9))), "I1", "those from 3 to 4"),
        (CLIENT, None, "I1", "nothing is recorded of this exchange"),
        (CLIENT, replace(RECORDED, ended_by=None), "I3", "still open here"),
        (CLIENT, replace(RECORDED, ended_by="client"), "I3", "recorded is that it was cut (client)"),
        (CLIENT, replace(RECORDED, byte_count=10), "I3", "whole answer of 9 bytes, recorded are 10"),
        (replace(CLIENT, faithful=False), RECORDED, "I8", "other bytes than upstream sent"),
        (replace(CLIENT, failed="reset", whole=False), RECORDED, "I8", "failed (reset) though upstream"),
        (replace(CLIENT, failed="reset", whole=False, request_id=None), None, "I8", "failed (reset)"),
    ],
)
def test_it_is_named(client: ClientSaw, recorded: Recorded | None, invariant: str, words: str) -> None:
    found = told(client, recorded)
    assert any(kind == invariant and words in detail for kind, detail in found), found


def test_a_refusal_needs_an_excuse() -> None:
    refused = replace(CLIENT, status=503)
    assert told(refused, None, None) == [("I8", "the gateway refused the request with status 503")]
    assert told(refused, None, None, ("refused",)) == []
    assert told(refused, None, UPSTREAM, ("refused",))[0][0] == "I1"
    assert told(CLIENT, None, None, ("refused",))[0][0] == "I1"


def test_a_killed_gateway_excuses_only_those_it_took_along() -> None:
    failed = replace(CLIENT, failed="reset", whole=False)
    for ended_by in ("gateway_crash", "shutdown"):
        assert told(failed, replace(RECORDED, ended_by=ended_by), excuses=("gateway_killed",)) == []
    assert told(failed, RECORDED, excuses=("gateway_killed",))[0][0] == "I8"
    assert told(replace(failed, request_id=None), None, excuses=("gateway_killed",)) == []


def test_what_upstream_saw_must_be_recorded() -> None:
    other = replace(UPSTREAM, body_sha256="0" * 64)
    found = told(upstream=other)
    assert [kind for kind, _ in found] == ["I2"]
    assert "0" * 64 in found[0][1]


def test_a_body_that_is_told_to_be_lost_answers_once() -> None:
    other = replace(UPSTREAM, body_sha256="0" * 64)
    kept = Bodies(set(), Counter({3: 1, -1: 1}))
    assert [kept.has(other) for _ in range(3)] == [True, True, False]


def frames(body: bytes | None = b"abc") -> ExchangeFrames:
    made = ExchangeFrames(JOURNAL, 0)
    made.request = Request(0, "pass_through", "POST", "/", (), "here", 3)
    if body is not None:
        made.body.add(0, body)
    return made


@pytest.mark.parametrize(
    ("one", "made", "hashes", "lost_ones"),
    [
        (stream(received()), None, 1, {}),
        (None, frames(), 1, {}),
        (None, frames(None), 0, {}),
        (None, ExchangeFrames(JOURNAL, 0), 0, {}),
        (stream(received(body=None), lost(0, 3, "request"), body=None), None, 0, {3: 1}),
        (stream(lost(0, 0, "request"), body=None), None, 0, {-1: 1}),
        (stream(received(body=None), lost(0, 3), body=None), None, 0, {}),
        (None, None, 0, {}),
    ],
)
def test_bodies_are_noted(
    one: Stream | None, made: ExchangeFrames | None, hashes: int, lost_ones: dict[int, int]
) -> None:
    noted = Bodies()
    noted.note(one, made)
    assert (noted.hashes, dict(noted.lost)) == ({bytes.fromhex(BODY)} if hashes else set(), lost_ones)


def test_a_broken_body_is_none() -> None:
    whole = stream(received())
    noted = Bodies()
    noted.note(replace(whole, body=replace(whole.body, broken="x")), None)  # type: ignore[type-var]  # it is there
    assert noted.hashes == set()


def test_recorded_is_what_store_and_journal_have_together() -> None:
    made = frames()
    made.answer.add(3, b"def")
    made.gaps = [(9, Gap("response", "full", 6, 2)), (9, Gap("request", "full", 0, 3))]
    made.end = End("completed", 8, 8)
    made.response = Response("gateway", 500, ())
    half = stream(received(), STARTED, run(0, 2), lost(2, 1), lost(0, 1, "request"))
    both = recorded_of(half, made)
    assert both == Recorded(((0, 2), (2, 3), (3, 6), (6, 8)), ended_by="completed", byte_count=8, origin="upstream")
    assert recorded_of(None, made).origin == "gateway"
    assert recorded_of(half, None) == Recorded(((0, 2), (2, 3)), origin="upstream")
    assert recorded_of(None, None) == Recorded()
    assert recorded_of(half, None, differs=True).differs
    made.differs_from_client = True
    assert recorded_of(half, made).differs


def test_the_store_knows_best_how_it_ended() -> None:
    made = frames()
    made.end = End("client", 1, 1)
    assert recorded_of(stream(received(), completed(3, b"")), made).ended_by == "completed"
    assert recorded_of(stream(received(), Aborted("shutdown", 3)), made).ended_by == "shutdown"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8)), max_size=5), st.integers(0, 20))
def test_a_byte_that_a_client_had_and_nobody_recorded_is_missed(ranges: list[tuple[int, int]], size: int) -> None:
    spans = tuple((start, start + length) for start, length in ranges)
    there = {place for start, end in spans for place in range(start, end)}
    found = told(replace(CLIENT, size=size, whole=False), replace(RECORDED, ranges=spans))
    assert (found == []) == (set(range(size)) <= there)
