"""The benchmark of a large store still runs, on next to nothing, and what it grows is a store like any other."""

import re
from uuid import UUID

import pytest

from dashboard.data import ConversationFilter, DataStore, RequestFilter
from ops.db.embedded import EmbeddedPostgres
from ops.db.seal_check import check_seals, through
from tests.bench import big_store
from tests.bench.long_sessions import Shape

TURNS, COPIES = 6, 5


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(big_store, "SHAPE", Shape(turns=TURNS, result_chars=100, runs=1))


async def test_it_runs_and_reports(
    postgres_server: EmbeddedPostgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(big_store, "SMALL", (0, 48))
    monkeypatch.setattr(big_store, "TURNS", 2)
    await big_store.report(postgres_server, 72)
    printed = capsys.readouterr().out
    numbers = r" +[1-9]\d* +[1-9]\d* +[1-9]\d* +[\d.]+"
    for words in ("append a turn" + numbers, "link a turn" + numbers, "page of requests" + numbers):
        assert re.search(words, printed), printed


async def test_every_copy_is_sealed_linked_and_readable(postgres_server: EmbeddedPostgres) -> None:
    """It is the session that was recorded, under names of its own."""
    events = 4 * TURNS
    async with big_store.measured(await big_store._made(postgres_server, "grown", COPIES * events)) as on:
        report = await check_seals(through(on.writing))
        assert (report.events, report.unsealed, report.faults) == ((COPIES + 1) * events, 0, ())
        found = (await on.data.conversations(ConversationFilter())).items
        assert (
            len({one.conversation_id for one in found}) == len({tuple(one.session_ids) for one in found}) == COPIES + 1
        )
        told = [await told_of(on.data, one.conversation_id) for one in found]
        assert len(told[0]) == TURNS
        assert told == [told[-1]] * len(found)
        (session,) = found[0].session_ids
        assert len((await on.data.requests(RequestFilter(session=session))).items) == TURNS
        assert await on.data.position() == report.events


async def told_of(data: DataStore, conversation: UUID) -> list[object]:
    """All of it that is not a name or a moment."""
    tree = await data.tree(conversation)
    assert tree is not None
    ids = [node.request_id for node in tree.nodes]
    assert [node.parent_request_id for node in tree.nodes] == [None, *ids[:-1]]
    bodies = [await data.request_body(one) for one in ids]
    answers = [await data.response_bytes(one) for one in ids]
    streams = [[(event.topic, event.version) for event in await data.events(one)] for one in ids]
    said = [(node.edge, node.request_class, node.prompt, node.outcome, node.input_tokens) for node in tree.nodes]
    return list(zip(said, bodies, answers, streams, strict=True))
