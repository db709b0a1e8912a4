"""A request is read the same from its skeleton and from its JSON, and whatever it is, it is read."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given

from domain.blocks import block_facts
from domain.identity import ClientIdentity
from domain.parts import cut, items_of
from domain.recipes import Item, decode
from domain.request_view import RequestView, SeenBlock, view_of, view_of_json
from domain.skeleton import Placeholders, Skeleton, skeleton_of
from tests import captures
from tests.strategies import json_texts, json_values, request_bodies

KEY = b"k" * 32


def viewed_through_parts(body: bytes) -> RequestView | None:
    one = cut(body, KEY)
    fetch = {key: part.data for key, part in one.parts.items()}.__getitem__
    names = Placeholders("secret:")

    def read(items: Iterable[Item]) -> Skeleton:
        return skeleton_of(list(items), names, fetch, lambda key: read(decode(fetch(key))))

    skeleton = read(items_of(one.reference, fetch))
    held = {name: found for name in skeleton.blocks if (found := names.read(name)) is not None}
    known = {name: SeenBlock(block_facts(json.loads(fetch(key))), mark) for name, (key, mark) in held.items()}
    return view_of(skeleton.text, known)


@given(json_texts(request_bodies()))
def test_parts_and_whole_bodies_read_the_same(body: bytes) -> None:
    assert viewed_through_parts(body) == view_of_json(body)


@pytest.mark.parametrize("name", captures.names())
def test_captures_read_the_same_either_way(name: str) -> None:
    for one in captures.exchanges(name):
        view = view_of_json(one.body)
        assert view is not None
        assert viewed_through_parts(one.body) == view


@given(json_texts(json_values(30)))
def test_any_json_is_read(body: bytes) -> None:
    assert (view_of_json(body) is None) == (not isinstance(json.loads(body), dict))


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"a": NaN}', b"\xff"])
def test_what_is_no_json_object_has_no_view(body: bytes) -> None:
    assert view_of_json(body) is None


def test_members_of_the_wrong_type_are_passed_over() -> None:
    body = {
        "model": 1,
        "stream": "yes",
        "max_tokens": "9",
        "messages": [3, {"role": 5, "content": {"a": 1}}],
        "metadata": [],
    }
    view = view_of_json(json.dumps(body).encode())
    assert view is not None
    assert (view.model, view.stream, view.max_tokens) == (None, False, None)
    assert [(message.role, len(message.blocks)) for message in view.messages] == [("", 1)]
    assert (view.system, view.tools, view.identity, view.newest_mark) == ((), (), ClientIdentity(), None)


def test_a_whole_request_is_read() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        "model": "m",
        "stream": True,
        "max_tokens": 5,
        "system": "be brief",
        "tools": [{"name": "Bash"}],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "text", "text": "x", **mark}]},
        ],
        "metadata": {"user_id": "user_d_account__session_s"},
    }
    view = view_of_json(json.dumps(body).encode())
    assert view is not None
    assert (view.model, view.stream, view.max_tokens, view.system) == ("m", True, 5, ("be brief",))
    assert [tool.name for tool in view.tools] == ["Bash"]
    assert [[block.mark for block in message.blocks] for message in view.messages] == [[None], ["5m"]]
    assert view.newest_mark == 1
    assert view.identity == ClientIdentity("d", None, "s")


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ({}, (False, False, False)),
        ({"tools": []}, (True, False, False)),
        ({"tools": None}, (False, False, False)),
        ({"thinking": {"type": "enabled"}}, (False, True, False)),
        ({"thinking": {"type": "disabled"}}, (False, False, False)),
        ({"thinking": {"type": 3}}, (False, False, False)),
        ({"thinking": "enabled"}, (False, False, False)),
        ({"thinking": {"type": "disabled"}, "context_management": {}}, (False, True, False)),
        ({"output_config": {"format": {}}}, (False, False, True)),
        ({"output_config": {"effort": "low"}}, (False, False, False)),
        ({"output_config": "format"}, (False, False, False)),
    ],
)
def test_a_list_of_tools_thinking_and_the_answer_s_form_are_seen(body: object, seen: tuple[bool, ...]) -> None:
    view = view_of_json(json.dumps(body).encode())
    assert view is not None
    assert (view.lists_tools, view.thinks, view.formatted) == seen


def test_what_else_a_cached_prompt_depends_on_is_kept_as_json() -> None:
    body = {"thinking": {"type": "enabled", "budget_tokens": 5}, "speed": "fast", "tool_choice": None, "stream": True}
    view = view_of_json(json.dumps(body).encode())
    assert view is not None
    assert view.settings == (("speed", '"fast"'), ("thinking", '{"budget_tokens":5,"type":"enabled"}'))
