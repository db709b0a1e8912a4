"""An open page reads its conversation once, tells other moments from that, and reads it anew when there is news."""

from datetime import timedelta

from dashboard.as_of import Standing
from dashboard.pages.held import RECHECK, Held
from schemas.read_api import TreeNode
from tests.fake_data import FakeDataStore
from tests.read_rows import conversation_tree, request_id, request_item, tree_node

CHAIN = [tree_node(number, parent=number - 1 or None) for number in range(1, 5)]


def store_with(nodes: list[TreeNode]) -> FakeDataStore:
    store = FakeDataStore()
    store.put_tree(conversation_tree(nodes))
    store.put_item(request_item(1))
    return store


def shown(found: Standing | None) -> int:
    assert found is not None
    return len(found.tree.nodes)


def read(store: FakeDataStore) -> int:
    """How often the whole conversation was asked for."""
    return sum(past is None for past in store.pasts)


async def test_other_moments_and_the_way_back_are_told_from_what_was_read() -> None:
    store = store_with(CHAIN)
    held = Held(store, request_id(1))
    assert shown(await held.anew(None)) == 4
    for number in (3, 1, 2):
        assert shown(await held.at(CHAIN[number - 1].received_at)) == number
    assert shown(await held.at(None)) == 4
    assert read(store) == 1
    assert len({id(past) for past in store.pasts[1:]}) == 1


async def test_a_moment_that_is_asked_for_first_serves_the_next_ones() -> None:
    store = store_with(CHAIN)
    held = Held(store, request_id(1))
    assert [shown(await held.at(CHAIN[place].received_at)) for place in (1, 0)] == [2, 1]
    assert read(store) == 1
    assert shown(await held.at(None)) == 4
    assert read(store) == 2


async def test_what_was_read_anew_takes_the_place_of_what_was_held() -> None:
    store = store_with(CHAIN[:2])
    held = Held(store, request_id(1))
    await held.anew(None)
    await held.at(CHAIN[0].received_at)
    store.put_tree(conversation_tree(CHAIN))
    end = CHAIN[-1].received_at
    assert shown(await held.anew(end)) == 4
    assert shown(await held.at(end - timedelta(seconds=1))) == 3
    assert read(store) == 2


async def test_news_of_its_own_make_it_old_and_those_of_others_do_not() -> None:
    store = store_with(CHAIN)
    held = Held(store, request_id(1))
    assert await held.is_old(), "nothing was read yet"
    await held.anew(None)
    assert not await held.is_old()
    store.put_item(request_item(50, conversation_id=request_id(50)))
    assert not await held.is_old()
    store.put_item(request_item(1))
    assert await held.is_old()
    await held.anew(None)
    assert not await held.is_old()


async def test_while_others_go_on_it_is_read_anew_now_and_then() -> None:
    store = store_with(CHAIN)
    held = Held(store, request_id(1))
    await held.anew(None)
    assert [await held.is_old() for _ in range(2 * RECHECK)] == [False] * 2 * RECHECK
    store.put_item(request_item(50, conversation_id=request_id(50)))
    assert [await held.is_old() for _ in range(2 * RECHECK)].count(True) == 2
    assert [await held.has_news() for _ in range(RECHECK)].count(True) == 1


async def test_what_is_unknown_stays_unknown() -> None:
    held = Held(store_with(CHAIN), request_id(99))
    assert await held.anew(None) is None
    assert await held.at(CHAIN[0].received_at) is None
