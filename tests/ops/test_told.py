"""A service knows what people said, a few seconds later at most, and asks the store no more often than that."""

from datetime import UTC, datetime, timedelta
from functools import partial

from domain.account_plans import Plan
from domain.client_keys import ClientKey
from domain.price_list import PriceList
from ops.db import client_keys, price_list
from ops.db.daemon_thread import in_daemon_thread
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Pool
from ops.db.project_labels import say_label
from ops.prices import REST_S
from ops.told import StoredSayings, key_names_said
from tests.key_samples import new_key
from tests.price_samples import DAY, price

AT = datetime(2026, 11, 22, tzinfo=UTC)
PLAN: Plan = "subscription"


def set_price(standing: PriceList | None) -> PriceList:
    return PriceList.with_price(standing, price("claude-mine"), who="ada", at=AT)


async def test_everything_that_was_said_is_known_after_a_rest(migrated_database: str, pool: Pool) -> None:
    now = 0.0
    told = StoredSayings(PostgresEventLog(pool), lambda: now)
    before = await told()
    assert before.shipped.prices == before.book.prices, "nobody has said anything"
    assert not before.plans
    key = new_key(name="laptop")
    await in_daemon_thread(partial(client_keys.issue, migrated_database, key, who="ada", at=AT))
    await in_daemon_thread(partial(say_label, migrated_database, "shop", "The shop", who="ada", at=AT))
    await in_daemon_thread(partial(price_list.say_plan, migrated_database, "acme", PLAN, who="ada", at=AT))
    await in_daemon_thread(partial(price_list.change, migrated_database, set_price))
    assert await told() == before, "it is not asked again at once"
    now = REST_S
    said = await told()
    assert said.key_names == {key.key_id: "laptop"}
    assert said.project_labels == {"shop": "The shop"}
    assert said.plans == {"acme": "subscription"}
    assert said.book.in_force("claude-mine", DAY) is not None
    assert said.shipped.in_force("claude-mine", DAY) is None


async def test_a_key_has_the_name_it_got_last(migrated_database: str, pool: Pool) -> None:
    key = new_key(name="laptop")
    await in_daemon_thread(partial(client_keys.issue, migrated_database, key, who="ada", at=AT))
    rename = partial(_rename, name="desk")
    await in_daemon_thread(partial(client_keys.change, migrated_database, key.key_id, rename))
    assert await key_names_said(PostgresEventLog(pool)) == {key.key_id: "desk"}


def _rename(key: ClientKey, name: str) -> None:
    key.rename(name, who="ada", at=AT + timedelta(seconds=1))
