"""Which deltas does a block take, and what becomes of the others?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content_blocks import Block, BlockBuilder, guess_block
from tests.answers import ScriptedBlock, scripted_blocks
from tests.strategies import Json, json_values

GROWING = {
    "text": ("text", "text_delta", "text"),
    "thinking": ("thinking", "thinking_delta", "thinking"),
    "tool_use": ("input", "input_json_delta", "partial_json"),
    "server_tool_use": ("input", "input_json_delta", "partial_json"),
}


def built(value: Json, *deltas: Json, stopped: bool = True) -> Block:
    builder = BlockBuilder(value, 3, 9)
    for delta in deltas:
        builder.add(delta)
    builder.stopped = stopped
    return builder.build()


@given(scripted_blocks())
def test_a_block_is_its_start_and_its_pieces_joined(block: ScriptedBlock) -> None:
    """The obvious way: join the pieces of each known delta, put them into a copy of the start."""
    expected = dict(block.start)
    member, kind, piece = GROWING.get(expected["type"].removeprefix("mcp_"), ("", "", ""))
    joined = "".join(delta[piece] for delta in block.deltas if delta["type"] == kind)
    if joined:
        expected[member] = json.loads(joined) if member == "input" else expected[member] + joined
    citations = [delta["citation"] for delta in block.deltas if delta["type"] == "citations_delta"]
    expected |= {"citations": citations} if citations else {}
    for delta in block.deltas:
        expected |= {"signature": delta["signature"]} if "signature" in delta else {}
        expected |= {k: v for k, v in delta.items() if k != "type"} if delta["type"] == "compaction_delta" else {}
    unknown = tuple(delta for delta in block.deltas if delta["type"] == "glow_delta")
    assert built(block.start, *block.deltas) == Block(expected, 3, 9, unknown_deltas=unknown)


@given(scripted_blocks(), st.lists(json_values(6), max_size=4))
def test_a_delta_that_does_not_fit_is_kept_and_changes_nothing(block: ScriptedBlock, others: list[Json]) -> None:
    plain, with_others = built(block.start, *block.deltas), built(block.start, *block.deltas, *others)
    assert with_others.value == plain.value
    assert with_others.unknown_deltas == (*plain.unknown_deltas, *others)


@pytest.mark.parametrize("kind", ["text", "thinking", "tool_use", "server_tool_use", "compaction", "redacted_thinking"])
@pytest.mark.parametrize(
    ("delta", "fits"),
    [
        ({"type": "text_delta", "text": "x"}, {"text"}),
        ({"type": "thinking_delta", "thinking": "x"}, {"thinking"}),
        ({"type": "signature_delta", "signature": "x"}, {"thinking"}),
        ({"type": "citations_delta", "citation": {"cited_text": "x"}}, {"text"}),
        ({"type": "input_json_delta", "partial_json": "{}"}, {"tool_use", "server_tool_use"}),
        ({"type": "compaction_delta", "content": "x"}, {"compaction"}),
        ({"type": "text_delta", "text": 5}, set()),
        ({"type": "signature_delta", "signature": None}, set()),
        ({"type": "citations_delta"}, set()),
        ({"type": "text_delta", "thinking": "x"}, set()),
        ({"text": "x"}, set()),
        ({"type": ["text_delta"], "text": "x"}, set()),
    ],
)
def test_every_kind_takes_its_own_deltas_only(kind: str, delta: Json, fits: set[str]) -> None:
    block = built({"type": kind}, delta)
    assert (block.unknown_deltas == ()) is (kind in fits)


@pytest.mark.parametrize("text", ['{"a": "b', '{"a": 1} x', "NaN", "{'a': 1}", " ", "[" * 5000])
def test_input_that_is_no_json_is_kept_as_text(text: str) -> None:
    block = built({"type": "tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": text})
    assert (block.value["input"], block.raw_input) == ({}, text)


def test_a_tool_without_deltas_keeps_its_input() -> None:
    value: Json = {"type": "tool_use", "input": {"a": 1}}
    assert built(value, {"type": "input_json_delta", "partial_json": ""}) == Block(value, 3, 9)


@pytest.mark.parametrize("value", [{"type": "new_tool", "input": {}}, {"type": "mcp_tool_use"}, {"input": None}])
def test_tools_of_any_name_take_input(value: Json) -> None:
    block = built(value, {"type": "input_json_delta", "partial_json": '{"a": 1}'})
    assert (block.value["input"], block.unknown_deltas) == ({"a": 1}, ())


def test_wrong_types_in_the_start_give_way() -> None:
    assert built({"type": "text", "text": 7}, {"type": "text_delta", "text": "a"}).value["text"] == "a"
    cited = {"type": "citations_delta", "citation": 1}
    assert built({"type": "text", "citations": "x"}, cited).value["citations"] == [1]
    assert built({"type": "text", "citations": [0]}, cited).value["citations"] == [0, 1]


def test_the_newest_signature_holds() -> None:
    deltas = [{"type": "signature_delta", "signature": name} for name in "ab"]
    assert built({"type": "thinking", "signature": ""}, *deltas).value["signature"] == "b"


def test_a_second_compaction_delta_is_kept_beside() -> None:
    first, second = ({"type": "compaction_delta", "content": name} for name in "ab")
    block = built({"type": "compaction", "content": None}, first, second)
    assert (block.value["content"], block.unknown_deltas) == ("a", (second,))


def test_a_block_is_cut_until_its_stop_came() -> None:
    assert built({"type": "text"}, stopped=False).cut
    assert not built({"type": "text"}).cut


def test_building_twice_gives_the_same() -> None:
    builder = BlockBuilder({"type": "text", "text": ""}, 0, 1)
    builder.add({"type": "text_delta", "text": "a"})
    builder.add({"type": "citations_delta", "citation": 1})
    assert builder.build() == builder.build()
    assert builder.build().value == {"type": "text", "text": "a", "citations": [1]}


def test_a_guessed_block_takes_the_start_of_its_own_kind_once() -> None:
    guessed = guess_block({"type": "input_json_delta"})
    assert guessed is not None
    builder = BlockBuilder(guessed, 0, 1, guessed=True)
    builder.stopped = True
    assert builder.build().cut
    assert not builder.begin({"type": "text"})
    assert builder.begin({"type": "server_tool_use", "id": "a"})
    assert not builder.begin({"type": "server_tool_use", "id": "b"})
    assert (builder.build().value["id"], builder.build().cut) == ("a", False)


@pytest.mark.parametrize("delta", [None, [], {}, {"type": "glow_delta"}, {"type": ["text_delta"]}, {"type": None}])
def test_a_delta_of_no_known_type_gives_no_guess(delta: Json) -> None:
    assert guess_block(delta) is None
