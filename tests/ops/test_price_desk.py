"""The desk: prices and plans as the store has them, and changes that the next look sees."""

from pathlib import Path

import pytest

from domain.price_list import PriceList
from ops.price_desk import PriceDesk, with_prices
from ops.prices import shipped_prices
from ops.user_name import user_name
from tests.key_samples import NOON
from tests.price_samples import DAY, price


@pytest.fixture(autouse=True)
def home(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_a_change_is_seen_by_the_next_look_and_says_who_made_it() -> None:
    spoke: list[str] = []

    async def work(desk: PriceDesk) -> None:
        assert desk.book.prices == shipped_prices()

        def word(standing: PriceList | None, who: str) -> PriceList:
            spoke.append(who)
            return PriceList.with_price(standing, price("claude-z"), who=who, at=NOON)

        await desk.save(word)
        await desk.say_plan("acme", "subscription")

    with_prices("test", work)

    async def look(desk: PriceDesk) -> None:
        assert desk.book.in_force("claude-z", DAY) == price("claude-z")
        assert desk.plans == {"acme": "subscription"}

    with_prices("test", look)
    assert spoke == [user_name()]
