"""What stands of corrections is read up to a position, one word for each request."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.corrections import LinkCorrection, Standing, standing
from domain.ids import Position
from domain.ports import AggregateFact
from projections.corrections import read_corrections
from schemas.stored.events import ExchangeEvent
from tests.fake_sources import FakeLog
from tests.shipping import AT, exchange

FIRST, SECOND, PARENT = UUID(int=1), UUID(int=2), UUID(int=3)


def correction(request_id: UUID) -> LinkCorrection:
    return LinkCorrection.begin(request_id, PARENT, who="ada", why=f"{request_id}", at=AT)


async def test_the_newest_word_of_each_asked_stream_is_read() -> None:
    one, two = correction(FIRST), correction(SECOND)
    one.correct(None, who="bob", why="a root", at=AT)
    two.undo(who="eve", why="", at=AT)
    events: list[ExchangeEvent | AggregateFact] = [*one.collect_events(), *exchange(3), *two.collect_events()]
    log, streams = FakeLog(events), {event.originator_id for event in events}
    got = await read_corrections(log, streams, Position(len(events)))
    assert sorted(got, key=lambda word: word.request_id) == [
        Standing(FIRST, None, "bob", "a root", stands=True),
        Standing(SECOND, None, "eve", "", stands=False),
    ]
    [only] = await read_corrections(log, [two.id], Position(len(events)))
    assert only.request_id == SECOND
    assert await read_corrections(log, [], Position(len(events))) == []


@given(st.integers(0, 4))
async def test_nothing_above_the_position_is_read(upto: int) -> None:
    one = correction(FIRST)
    one.undo(who="eve", why="", at=AT)
    one.correct(None, who="bob", why="", at=AT)
    events = list(one.collect_events())
    log = FakeLog(events)
    word = standing(events[:upto])
    assert await read_corrections(log, [one.id], Position(upto)) == ([word] if word else [])


@pytest.mark.parametrize("ids", [[FIRST, SECOND], [SECOND, FIRST]])
async def test_they_come_in_one_order_however_they_are_asked_for(ids: list[UUID]) -> None:
    words = [correction(request_id) for request_id in ids]
    events = [event for word in words for event in word.collect_events()]
    log = FakeLog(events)
    got = await read_corrections(log, [word.id for word in words], Position(2))
    by_stream = sorted((LinkCorrection.create_id(one), one) for one in ids)
    assert [word.request_id for word in got] == [one for _, one in by_stream]
