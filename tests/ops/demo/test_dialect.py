"""How messages are rendered: marked ones as lists, lone texts of users and systems as strings."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.demo.blocks import CacheControl, Message, OutputConfig, Text, Thinking, ToolResult
from ops.demo.dialect import Body, rendered

MARK = CacheControl("1h")
BLOCKS = st.lists(st.builds(Text, st.text(max_size=10)), min_size=1, max_size=3).map(tuple)
ROLES = st.sampled_from(["user", "assistant", "system"])
MESSAGES = st.lists(st.builds(Message, ROLES, BLOCKS), min_size=1, max_size=6).map(tuple)


def as_list(message: Message) -> tuple[str, list[str]]:
    content = message.content
    if isinstance(content, str):
        return message.role, [content]
    return message.role, [block.text for block in content if isinstance(block, Text)]


@given(MESSAGES, st.data())
def test_nothing_is_lost_and_only_the_marked_ones_are_marked(
    messages: tuple[Message, ...], data: st.DataObject
) -> None:
    marked = data.draw(st.integers(0, len(messages) - 1))
    shown = rendered(messages, {marked}, MARK)
    assert [as_list(message) for message in shown] == [as_list(message) for message in messages]
    for number, (before, after) in enumerate(zip(messages, shown, strict=True)):
        encoded = msgspec.json.encode(after)
        assert encoded.count(b'"cache_control":{"type":"ephemeral","ttl":"1h"}') == (number == marked)
        lone = len(before.content) == 1 and before.role != "assistant" and number != marked
        assert isinstance(after.content, str) == lone


def test_the_mark_is_on_the_last_block() -> None:
    (message,) = rendered((Message("user", (Text("a"), ToolResult("t", "b"))),), {0}, MARK)
    assert message.content == (Text("a"), ToolResult("t", "b", cache_control=MARK))


def test_a_lone_tool_result_stays_a_list_and_so_does_an_emptied_message() -> None:
    result, empty = Message("user", (ToolResult("t", "b"),)), Message("system", (), OutputConfig("medium"))
    assert rendered((result, empty), set(), MARK) == (result, empty)


def test_what_is_a_string_from_the_beginning_stays_one() -> None:
    assert rendered((Message("user", "a"),), set(), MARK) == (Message("user", "a"),)


@pytest.mark.parametrize("message", [Message("user", "a"), Message("assistant", (Thinking("t", "s"),))])
def test_what_cannot_be_marked_is_a_mistake(message: Message) -> None:
    with pytest.raises(TypeError, match="nothing to mark"):
        rendered((message,), {0}, MARK)


def test_a_body_has_its_keys_in_the_clients_order_and_none_that_was_not_set() -> None:
    body = Body("m", (), (), (), {"user_id": "u"}, 5)
    assert msgspec.json.encode(body) == (
        b'{"model":"m","messages":[],"system":[],"tools":[],"metadata":{"user_id":"u"},"max_tokens":5}'
    )
