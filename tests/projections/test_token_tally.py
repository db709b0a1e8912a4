"""Tokens are counted by kind, once an exchange, when its end is taken in."""

from dataclasses import replace
from uuid import UUID

from projections.projectors.requests import RequestsWrite, row_of
from projections.read_models.connection import Connection
from projections.token_tally import KINDS, TokenTally
from tests.projections.projectors.test_requests import whole_exchange

ROW = row_of(whole_exchange())
OTHER = replace(ROW, request_id=UUID(int=5))


def counted(*rows: object, ended: frozenset[UUID]) -> tuple[int, ...]:
    tally = TokenTally()
    tally.take(RequestsWrite(list(rows)), ended)  # type: ignore[arg-type]  # rows
    return tuple(tally.counts[kind] for kind in KINDS)


def test_each_kind_is_counted_when_the_exchange_ends() -> None:
    assert counted(ROW, ended=frozenset({ROW.request_id})) == (3, 5, 7, 11, 13)
    assert counted(ROW, OTHER, ended=frozenset({ROW.request_id, OTHER.request_id})) == (6, 10, 14, 22, 26)


def test_what_is_still_open_waits() -> None:
    assert counted(ROW, OTHER, ended=frozenset()) == (0, 0, 0, 0, 0)
    assert counted(ROW, OTHER, ended=frozenset({OTHER.request_id})) == (3, 5, 7, 11, 13)


def test_an_answer_without_usage_counts_nothing() -> None:
    none = row_of(whole_exchange(message=None))
    assert counted(none, ended=frozenset({ROW.request_id})) == (0, 0, 0, 0, 0)


def test_rows_of_other_projections_are_not_looked_at() -> None:
    async def other(_: Connection) -> None:
        return

    tally = TokenTally()
    tally.take(other, frozenset({ROW.request_id}))
    assert set(tally.counts.values()) == {0}


def test_it_adds_up() -> None:
    tally = TokenTally()
    for row in (ROW, OTHER):
        tally.take(RequestsWrite([row]), frozenset({row.request_id}))
    assert tally.counts["output"] == 10
