"""Prices and plans in the store: said, said again, refused without a trace."""

import pytest

from domain.account_plans import UnfitPlanError
from domain.errors import StoreUnavailableError
from domain.price_list import PriceList
from domain.prices import UnfitPriceError
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.db.price_list import change, say_plan
from ops.prices import own_list, plans_said
from tests.key_samples import NOON
from tests.price_samples import price

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


async def test_a_price_is_set_and_withdrawn(pool: Pool, migrated_database: str) -> None:
    log = PostgresEventLog(pool)
    assert await own_list(log) is None
    change(migrated_database, lambda own: PriceList.with_price(own, price(), who="ada", at=NOON))
    standing = await own_list(log)
    assert standing is not None
    assert standing.own == {price().key: price()}
    change(migrated_database, lambda own: PriceList.without(own, price().key, who="bob", at=NOON))
    standing = await own_list(log)
    assert standing is not None
    assert (standing.version, standing.own) == (2, {})


async def test_what_is_refused_leaves_nothing(pool: Pool, migrated_database: str) -> None:
    with pytest.raises(UnfitPriceError):
        change(migrated_database, lambda own: PriceList.with_price(own, price("A b"), who="ada", at=NOON))
    with pytest.raises(UnfitPlanError):
        say_plan(migrated_database, "", "api", who="ada", at=NOON)
    log = PostgresEventLog(pool)
    assert await own_list(log) is None
    assert await plans_said(log) == {}


async def test_plans_are_said_by_account(pool: Pool, migrated_database: str) -> None:
    for account, plan in (("acme", "api"), ("other", "subscription"), ("acme", "subscription"), ("other", "api")):
        say_plan(migrated_database, account, plan, who="ada", at=NOON)  # type: ignore[arg-type]  # plans, both
    assert await plans_said(PostgresEventLog(pool)) == {"acme": "subscription", "other": "api"}


def test_a_store_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.db.application.CONNECT_TIMEOUT_S", 1)
    with pytest.raises(StoreUnavailableError):
        change(NOWHERE, lambda own: PriceList.with_price(own, price(), who="ada", at=NOON))
    with pytest.raises(StoreUnavailableError):
        say_plan(NOWHERE, "acme", "api", who="ada", at=NOON)
