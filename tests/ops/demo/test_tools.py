"""The tools: named as Claude Code names them, each with a valid schema."""

import msgspec
import pytest

from ops.demo.blocks import Tool
from ops.demo.tools import AGENT, EXPLORER, MAIN, OLD_AGENT, OLD_MAIN


def names(tools: tuple[Tool, ...]) -> set[str]:
    return {tool.name for tool in tools}


def test_who_has_which() -> None:
    assert names(MAIN) >= {"Agent", "Bash", "Read", "Edit", "Grep", "TodoWrite", "Write"}
    assert "Agent" in names(AGENT)
    assert names(EXPLORER) == {"Bash", "Grep", "Read"}


def test_the_task_tool_had_another_name_and_agents_had_none() -> None:
    assert "Task" in names(OLD_MAIN)
    assert not names(OLD_MAIN) & {"Agent"}
    assert not names(OLD_AGENT) & {"Agent", "Task"}


@pytest.mark.parametrize("tool", [*MAIN, *OLD_MAIN, *OLD_AGENT], ids=lambda tool: str(tool.name))
def test_a_schema_requires_only_what_it_knows(tool: Tool) -> None:
    schema = msgspec.json.decode(tool.input_schema)
    assert schema["type"] == "object"
    assert set(schema["required"]) <= schema["properties"].keys()
    assert tool.description
