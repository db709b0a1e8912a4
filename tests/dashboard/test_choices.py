"""Is everything near offered to compare with, the earlier one on the left, and other conversations by their titles?"""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from dashboard.choices import NEAR, Choices, choices, link_to
from tests.compared_samples import branched, compacted, parted, put
from tests.fake_data import FakeDataStore
from tests.read_rows import START, conversation_tree, request_id, tree_node


async def offered(store: FakeDataStore, number: int | None, words: str = "") -> dict[str, list[tuple[str, str]]]:
    """What of each kind: how it is related, and the sides by their numbers."""
    found = await choices(store, None if number is None else request_id(number), words)
    return {group.title: sides(group) for group in found}


def sides(group: Choices) -> list[tuple[str, str]]:
    return [(choice.what, side(choice.link)) for choice in group.listed]


def side(link: str) -> str:
    given = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    numbers = "-".join(str(int(given[name][-4:], 16)) for name in ("a", "b") if name in given)
    return f"{numbers} {given['of']}"


async def test_what_is_near_is_offered_with_the_earlier_one_on_the_left() -> None:
    found = await offered(branched(), 3)
    assert found["Requests near it"] == [
        ("before it", "2-3 requests"),
        ("goes on from the same place", "3-5 requests"),
        ("behind it", "3-4 requests"),
    ]
    assert found["Branches and sub-tasks of its conversation"] == [
        ("branch", "1-5 branches"), ("sub-task", "1-6 branches"),
    ]  # fmt: skip
    assert "Other conversations" not in found
    assert "Requests near it" not in await offered(parted(["Hello"], ["Hi"]), 1)


async def test_of_a_branch_the_one_it_left_comes_first() -> None:
    found = await offered(branched(), 5)
    assert found["Branches and sub-tasks of its conversation"] == [
        ("it left this one", "1-5 branches"), ("sub-task", "5-6 branches"),
    ]  # fmt: skip


async def test_attempts_of_a_turn_find_each_other() -> None:
    store = FakeDataStore()
    nodes = [
        tree_node(1, prompt="Mend it"),
        tree_node(2, parent=1, edge="retries", prompt="Mend it"),
        tree_node(3, parent=1, edge="retries", prompt="Mend it"),
        tree_node(4, parent=3),
    ]
    for node in nodes:
        put(store, node, ["Mend it"], "Yes.")
    store.put_tree(conversation_tree(nodes))
    for number, others in ((1, "1-2 1-3"), (2, "1-2 2-3"), (3, "1-3 2-3")):
        found = (await offered(store, number))["Requests near it"]
        attempts = [link for what, link in found if what == "another attempt"]
        assert attempts == [f"{pair} requests" for pair in others.split()]
        assert "before it" not in [what for what, _ in found]


async def test_so_many_are_offered_and_no_more() -> None:
    store = FakeDataStore()
    nodes = [tree_node(1), *(tree_node(n, parent=1, branch=n, edge="branches") for n in range(2, 30))]
    put(store, nodes[0], ["Mend it"], "Yes.")
    store.put_tree(conversation_tree(nodes))
    found = await offered(store, 1)
    assert len(found["Requests near it"]) == len(found["Branches and sub-tasks of its conversation"]) == NEAR


async def test_other_conversations_are_found_by_their_titles() -> None:
    store = parted(["Hello"], ["Hi"])
    assert await offered(store, 1) == {"Other conversations": [("nexus", "1-101 branches")]}
    assert await offered(store, 1, "talk 101") == await offered(store, 1)
    assert await offered(store, 1, "something else") == {}
    assert await offered(store, None) == {"Conversations": [("nexus", "101 branches"), ("nexus", "1 branches")]}


async def test_the_earlier_conversation_stands_on_the_left() -> None:
    store = parted(["Hello"], ["Hi"])
    later = store.trees[1].model_copy(
        update={
            "conversation": store.trees[1].conversation.model_copy(update={"started_at": START + timedelta(days=1)})
        }
    )
    store.put_tree(later)
    assert (await offered(store, 1))["Other conversations"] == [("nexus", "1-101 branches")]
    assert (await offered(store, 101))["Other conversations"] == [("nexus", "1-101 branches")]


async def test_prompts_name_requests_and_what_is_unknown_offers_conversations() -> None:
    near = (await choices(compacted(2), request_id(2), ""))[0].listed
    assert [choice.label for choice in near] == ["Question 1", "(tool results)"]
    assert list(await offered(branched(), 99)) == ["Conversations"]


def test_a_link_names_what_is_known() -> None:
    one, other = request_id(1), request_id(2)
    assert link_to(one, other, "branches") == f"/compare?a={one}&b={other}&of=branches"
    assert link_to(one, None, None) == f"/compare?a={one}"
