"""What upstream sends, what the client gets and what is recorded are the same bytes, however they are torn apart."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.any_answer import AnyAnswer, any_answer, seeded_answer
from tests.bar import Figure
from tests.cut import cut_at
from tests.fake_upstream import Received, Wire
from tests.requirements import scaled
from tests.running_gateway import RunningGateway, gateway_before, recorded_in
from tests.wire_client import Answer

STREAMS = 20
any_answer_lists = st.lists(any_answer, min_size=1, max_size=40)


async def say(wire: Wire, answer: AnyAnswer) -> None:
    for piece in cut_at(answer.on_the_wire(), answer.cuts):
        await wire.say(piece)
        await asyncio.sleep(0)
    if answer.framing == "close":
        wire.close()


async def heard(gateway: RunningGateway, answers: Sequence[AnyAnswer], at: Sequence[int]) -> dict[str, int]:
    """Asks for some of them over one connection. By request id, which answer it was."""
    told = dict[str, int]()
    async with gateway.client() as client:
        for number in at:
            got: Answer = await client.request("POST", b"/%d" % number, body=b"{}")
            assert got.complete
            assert got.body == answers[number].body
            told[got.one(b"x-nexus-request-id").decode()] = number
    return told


async def pass_all(root: Path, answers: Sequence[AnyAnswer]) -> None:
    """Over as many streams at once as there are, on pooled connections; then the record is compared."""

    async def script(received: Received, wire: Wire) -> None:
        with suppress(ConnectionError):
            await say(wire, answers[int(received.target[1:])])

    streams = min(STREAMS, len(answers))
    async with gateway_before(script, root) as (_, gateway):
        async with asyncio.TaskGroup() as tasks:
            asking = [
                tasks.create_task(heard(gateway, answers, range(first, len(answers), streams)))
                for first in range(streams)
            ]
        recorded = recorded_in(root)
        told = {request_id: number for task in asking for request_id, number in task.result().items()}
    assert recorded.keys() == told.keys()
    assert sorted(told.values()) == list(range(len(answers)))
    for request_id, one in recorded.items():
        assert one.answer == answers[told[request_id]].body
        assert one.end is not None
        assert (one.end.outcome, one.end.received) == ("completed", len(one.answer))


@pytest.mark.bar(11)
@settings(max_examples=scaled(6, 60))
@given(answers=any_answer_lists)
async def test_whatever_upstream_says_the_client_and_the_journal_get_exactly_that(answers: list[AnyAnswer]) -> None:
    with TemporaryDirectory() as root:
        await pass_all(Path(root), answers)


@pytest.mark.bar(11)
async def test_thousands_of_answers_over_pooled_connections_come_through_whole(tmp_path: Path, figure: Figure) -> None:
    count = scaled(300, 10_000)
    batch = 500
    for first in range(0, count, batch):
        answers = [seeded_answer(seed) for seed in range(first, min(first + batch, count))]
        root = tmp_path / str(first)
        root.mkdir()
        await pass_all(root, answers)
    figure(f"{count} answers over {STREAMS} streams: sent, received and recorded bytes are the same")
