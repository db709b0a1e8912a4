"""Rows of limits say what the heads of request and answer say, and nothing of bodies is read for them."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.ids import Position
from ops.db.pool import Pool
from projections.exchanges import Exchange, ExchangeReader
from projections.projectors.limits import LimitsProjector, LimitsWrite, rows_of
from projections.read_models.limits import SightingRow
from projections.registry import projection
from schemas.stored.events import HeaderFact, ResponseStarted
from tests.fake_sources import FakeLog, FakePayloads
from tests.projected import Store
from tests.shipping import AT, TestJournal, completed, new_request_id, received

ID = new_request_id()
UNIFIED = "anthropic-ratelimit-unified-"
REQUEST = received(ID).model_copy(update={"timestamp": AT + timedelta(minutes=22, seconds=50), "key_id": "k1"})


def answer(*lines: tuple[str, str], origin: str = "upstream", elapsed_us: int = 20_000_001) -> ResponseStarted:
    return ResponseStarted.model_validate(
        {
            "originator_id": ID,
            "originator_version": 2,
            "timestamp": AT,
            "origin": origin,
            "status": 200,
            "headers": [HeaderFact(name=name, value=value) for name, value in lines],
            "elapsed_us": elapsed_us,
        }
    )


def rows(response: ResponseStarted | None, request: object = REQUEST) -> list[SightingRow]:
    exchange = Exchange(ID, Position(2), request, None, response, None, (), None)  # type: ignore[arg-type]  # or None
    return list(rows_of(exchange))


def test_a_window_is_seen_when_the_answer_s_head_came() -> None:
    minute, quarter = rows(answer((UNIFIED + "5H-Utilization", "0.5"), (UNIFIED + "5h-mood", "fine\0")))
    seen_at = AT + timedelta(minutes=23, seconds=10, microseconds=1)
    assert minute == SightingRow(
        account_key="tenant",
        span=1,
        bucket=AT + timedelta(minutes=23),
        kind="window",
        gauge="5h",
        seen_at=seen_at,
        request_id=ID,
        scope="tenant",
        key_id="k1",
        client_domain="localhost",
        status=None,
        utilization=0.5,
        resets_at=None,
        surpassed=False,
        threshold=None,
        facts={},
        unknown={"mood": "fine\N{REPLACEMENT CHARACTER}"},
        malformed=[],
    )
    assert (quarter.span, quarter.bucket, quarter.seen_at) == (15, AT + timedelta(minutes=15), seen_at)


@pytest.mark.parametrize(("name", "span"), [("5h", 15), ("23h", 15), ("1d", 60), ("7d_oi", 60), ("seven_day", 60)])
def test_long_windows_need_no_more_than_a_row_an_hour(name: str, span: int) -> None:
    found = rows(answer((f"{UNIFIED}{name}-utilization", "0.5")))
    assert [row.span for row in found] == [1, span]
    assert found[1].bucket == (AT.replace(minute=45) if span == 15 else AT.replace(minute=0))


def test_an_account_comes_before_the_scope() -> None:
    paid = REQUEST.model_copy(update={"account": "acme"})
    assert {(row.account_key, row.scope) for row in rows(answer(), paid)} == {("acme", "tenant")}


def test_an_answer_without_such_headers_tells_that() -> None:
    assert [(row.kind, row.gauge, row.span) for row in rows(answer(("date", "x")))] == [
        ("bare", "", 1),
        ("bare", "", 60),
    ]


def test_every_gauge_has_its_rows() -> None:
    headers = [(f"{UNIFIED}status", "allowed"), (f"{UNIFIED}overage-status", "rejected"), (f"{UNIFIED}7d-reset", "x")]
    found = rows(answer(*headers, ("anthropic-ratelimit-tokens-limit", "7")))
    assert [(row.kind, row.gauge, row.status, row.malformed) for row in found[::2]] == [
        ("key", "tokens", None, []),
        ("overage", "", "rejected", []),
        ("overall", "", "allowed", []),
        ("window", "7d", None, ["reset"]),
    ]
    assert found[0].facts == {"limit": "7"}


def test_lines_of_one_name_are_joined_and_a_value_that_was_not_kept_says_nothing() -> None:
    twice = answer((f"{UNIFIED}status", "allowed"), (f"{UNIFIED}Status", "rejected"))
    assert rows(twice)[0].status == "allowed, rejected"
    secret = answer()
    secret = secret.model_copy(
        update={"headers": (HeaderFact(name=f"{UNIFIED}status", length=9, fingerprint="0" * 32),)}
    )
    assert rows(secret)[0].kind == "bare"


def test_refusals_of_ours_and_open_exchanges_tell_nothing() -> None:
    """The gateway's own 429 speaks of limits of Nexus, in the same words."""
    assert rows(answer(("anthropic-ratelimit-tokens-limit", "7"), origin="gateway")) == []
    assert rows(None) == []
    assert rows(answer(), None) == []


async def test_rows_are_written_and_shown(pool: Pool) -> None:
    store = Store.over(pool)
    events = [REQUEST, answer((f"{UNIFIED}5h-utilization", "0.5")), completed(ID, 3)]
    await (await TestJournal.opened(store.ship)).ship(store.ship, events)
    await store.follow_one(projection("limits"))
    found = await store.rows("SELECT span, utilization FROM read.limit_sightings ORDER BY span")
    assert [tuple(row.values()) for row in found] == [(1, 0.5), (15, 0.5)]


async def test_heads_alone_are_read() -> None:
    payloads, one, other = FakePayloads(), new_request_id(), new_request_id()
    response = answer((f"{UNIFIED}status", "allowed")).model_copy(update={"originator_id": one})
    log = FakeLog([received(one), response, completed(one, 3), received(other)])
    reader = ExchangeReader(log, payloads)
    write = await LimitsProjector(reader).project([one, other], Position(2))
    assert isinstance(write, LimitsWrite)
    assert [row.request_id for row in write.rows] == [one, one]
    assert payloads.asked == []
    none = await LimitsProjector(reader).project([UUID(int=5)], Position(9))
    assert isinstance(none, LimitsWrite)
    assert none.rows == []
