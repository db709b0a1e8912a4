"""The JSON of the wire: keys where Claude Code has them, nothing that was not said, and back again."""

import msgspec
import pytest

from ops.demo.blocks import (
    AnswerBlock,
    Answered,
    Block,
    CacheControl,
    CacheCreation,
    Image,
    ImageSource,
    Message,
    OutputConfig,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
    Usage,
    raw,
)

RESULT = '{"type":"tool_result","tool_use_id":"i","content":'
USE = '{"type":"tool_use","id":"i","name":"Bash","input":'


@pytest.mark.parametrize(
    ("block", "wire"),
    [
        (Text("é"), '{"type":"text","text":"é"}'),
        (Text("a", CacheControl()), '{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}'),
        (Text("a", CacheControl("1h")), '{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}'),
        (Thinking("t", "s"), '{"type":"thinking","thinking":"t","signature":"s"}'),
        (ToolUse("i", "Bash", raw({"b": 1, "a": [True]})), USE + '{"b":1,"a":[true]}}'),
        (ToolResult("i", "out"), RESULT + '"out"}'),
        (ToolResult("i", "out", is_error=False), RESULT + '"out","is_error":false}'),
        (ToolResult("i", (Text("a"),)), RESULT + '[{"type":"text","text":"a"}]}'),
        (
            Image(ImageSource("image/png", "AA==")),
            '{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}',
        ),
    ],
)
def test_a_block_says_what_it_is_and_nothing_more(block: Block, wire: str) -> None:
    assert msgspec.json.encode(block).decode() == wire


def test_a_message_has_a_string_or_blocks() -> None:
    assert msgspec.json.encode(Message("user", "hi")) == b'{"role":"user","content":"hi"}'
    emptied = Message("system", (), OutputConfig("medium"))
    assert msgspec.json.encode(emptied) == b'{"role":"system","content":[],"output_config":{"effort":"medium"}}'


def test_a_tool_keeps_its_schema_as_it_is() -> None:
    tool = Tool("Read", "reads", raw({"type": "object"}))
    assert msgspec.json.encode(tool) == b'{"name":"Read","description":"reads","input_schema":{"type":"object"}}'


def test_an_answer_comes_back_as_it_went() -> None:
    content: tuple[AnswerBlock, ...] = (Thinking("t", "s"), Text("a"), ToolUse("i", "Bash", raw({"command": "ls"})))
    answer = Answered("msg", "assistant", "model", content, "tool_use", None, usage())
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Answered) == answer


def test_the_total_counts_every_kind_of_token_once() -> None:
    assert usage().total == 1 + 20 + 300 + 4000


def usage() -> Usage:
    return Usage(1, 20, 300, CacheCreation(20, 0), 4000)
