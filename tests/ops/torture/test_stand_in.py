"""Upstream: every byte as scripted; its troubles; what it says it saw."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.checking.recordings import ClientSaw, Recordings, RecordingWriter
from ops.torture.asking import body_of
from ops.torture.client import Client, Place
from ops.torture.script import answer_to, dice, digest
from ops.torture.stand_in import IN_TROUBLE, StandIn, standing_in
from tests.waiting import until

BODIES = [body_of(3, 1, number) for number in range(40)]
QUICK = [body for body in BODIES if len(answer_to(body).pieces) * answer_to(body).pause_s < 0.3]


def is_troubled(body: bytes) -> bool:
    return dice(body, "trouble").random() < IN_TROUBLE and answer_to(body).status == 200


TROUBLED = next(body for body in QUICK if is_troubled(body) and len(answer_to(body).pieces) > 2)
SPARED = next(body for body in QUICK if not is_troubled(body))


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[StandIn]:
    writer = RecordingWriter(tmp_path)
    async with standing_in(writer) as upstream:
        yield upstream
    writer.close()


def place(upstream: StandIn) -> Place:
    return Place("127.0.0.1", int(upstream.url.rpartition(":")[2]))


async def asked(upstream: StandIn, body: bytes, leaves_after: int | None = None) -> tuple[ClientSaw, bytes]:
    client = Client(place(upstream))
    try:
        return await client.ask(body, leaves_after)
    finally:
        client.close()


async def test_answers_are_as_scripted_one_behind_the_other(upstream: StandIn, tmp_path: Path) -> None:
    client = Client(place(upstream))
    for body in QUICK[:15]:
        saw, answer = await client.ask(body)
        assert (saw.whole, saw.faithful, saw.failed) == (True, True, "")
        assert answer == answer_to(body).body
    client.close()
    found = Recordings.read(tmp_path).upstream
    assert [(one.body_sha256, one.ended) for one in found] == [(digest(body), "whole") for body in QUICK[:15]]
    assert upstream.requests == 15
    assert upstream.byte_count == sum(one.answer_bytes for one in found)


@pytest.mark.parametrize("trouble", ["reset", "cut"])
async def test_some_are_broken_off_in_the_middle_and_it_knows_which(
    upstream: StandIn, tmp_path: Path, trouble: str
) -> None:
    upstream.trouble = "reset" if trouble == "reset" else "cut"
    saw, answer = await asked(upstream, TROUBLED)
    assert (saw.whole, saw.faithful, saw.status) == (False, True, 200)
    assert saw.failed
    assert answer_to(TROUBLED).body.startswith(answer)
    assert len(answer) < len(answer_to(TROUBLED).body)
    assert upstream.cut == {digest(TROUBLED)}
    assert [one.ended for one in Recordings.read(tmp_path).upstream] == ["cut"]
    saw, _ = await asked(upstream, SPARED)
    assert saw.whole


async def test_a_stalled_answer_comes_whole(upstream: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.torture.stand_in.STALL_S", 0.01)
    upstream.trouble = "stall"
    saw, answer = await asked(upstream, TROUBLED)
    assert (saw.whole, answer) == (True, answer_to(TROUBLED).body)
    assert upstream.cut == set()


async def test_a_client_that_goes_away_is_noticed(upstream: StandIn, tmp_path: Path) -> None:
    long = next(body for body in BODIES if answer_to(body).pause_s and len(answer_to(body).pieces) > 5)
    saw, answer = await asked(upstream, long, leaves_after=0)
    assert (saw.gone, saw.failed, saw.whole, saw.faithful) == (True, "", False, True)
    assert answer
    await until(lambda: Recordings.read(tmp_path).upstream, "upstream's word")
    assert [one.ended for one in Recordings.read(tmp_path).upstream] == ["client_gone"]
