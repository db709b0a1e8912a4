"""Is a stretch of a branch read as a part of the whole?"""

from dashboard.lines import line_of
from dashboard.reading import turns_of
from domain.transcript import Turn
from schemas.read_api import TreeNode
from tests.fake_data import FakeDataStore
from tests.read_rows import conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import request_details, text_answer


def talked(length: int, **changes: dict[str, object]) -> tuple[FakeDataStore, list[TreeNode]]:
    """A question and an answer in each exchange; each request repeats all of them."""
    store, messages = FakeDataStore(), list[dict[str, str]]()
    nodes = [tree_node(number, parent=number - 1 or None) for number in range(1, length + 1)]
    for number, node in enumerate(nodes, start=1):
        messages.append({"role": "user", "content": f"Question {number}"})
        body = {"model": "claude-opus-4-5", "messages": list(messages)}
        store.put_item(request_item(number))
        answer = text_answer(f"Answer {number}")
        store.all_details[node.request_id] = request_details(number, body=body, answer=answer)
        messages.append({"role": "assistant", "content": f"Answer {number}"})
    store.put_tree(conversation_tree(nodes))
    return store, line_of(nodes, request_id(1))


def texts(turns: tuple[Turn, ...]) -> list[str]:
    return [entry.text for turn in turns for entry in turn.entries]


async def test_a_stretch_tells_what_its_exchanges_added() -> None:
    store, line = talked(9)
    turns = await turns_of(store, line, {}, 3, 5)
    assert texts(turns) == ["Question 4", "Answer 4", "Question 5", "Answer 5"]
    assert [turn.number for turn in turns] == [4, 5]


async def test_a_stretch_behind_one_that_is_lost_asks_further_back() -> None:
    store, line = talked(6)
    store.all_details[request_id(3)] = request_details(3, body=b"no JSON")
    aside = line[3].model_copy(update={"edge": "aside"})
    turns = await turns_of(store, [*line[:3], aside, *line[4:]], {}, 4, 6)
    assert "Question 1" not in texts(turns)
    assert "Question 2" not in texts(turns)
    assert texts(turns)[-2:] == ["Question 6", "Answer 6"]


async def test_an_exchange_that_is_gone_is_a_mark() -> None:
    store, line = talked(2)
    del store.all_details[request_id(2)]
    turns = await turns_of(store, line, {}, 1, 2)
    assert [entry.mark for entry in turns[0].entries] == ["lost request", "lost answer"]


async def test_the_exchange_before_a_stretch_is_read_with_it() -> None:
    store, line = talked(9)
    store.asked.clear()
    await turns_of(store, line, {}, 3, 5)
    assert store.asked == ["line_details"]


async def test_a_stretch_behind_only_lost_ones_shows_its_whole_history() -> None:
    store, line = talked(4)
    for number in (1, 2):
        store.all_details[request_id(number)] = request_details(number, body=b"no JSON")
    turns = await turns_of(store, line, {}, 2, 4)
    asked = [text for text in texts(turns) if text.startswith("Question")]
    assert asked == [f"Question {number}" for number in (1, 2, 3, 4)]
