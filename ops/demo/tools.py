"""Which tools does the client offer the model? Names as Claude Code's, descriptions our own."""

from collections.abc import Mapping

from ops.demo.blocks import Json, Tool, raw

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "integer", "minimum": 0}
_YES_NO: Json = {"type": "boolean"}


def _tool(name: str, description: str, properties: Mapping[str, Json], *required: str) -> Tool:
    schema: Json = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
    return Tool(name, description, raw(schema))


_AGENT_FIELDS: dict[str, Json] = {
    "description": _TEXT,
    "prompt": _TEXT,
    "subagent_type": _TEXT,
    "run_in_background": _YES_NO,
}
_AGENT = _tool(
    "Agent",
    "Give a task to an agent that works on its own and reports once. Several agents in one answer work side by side. "
    "Say everything it needs to know: it does not see this conversation. An agent in the background reports later.",
    _AGENT_FIELDS,
    "description",
    "prompt",
)
_TASK = _tool("Task", _AGENT.description, _AGENT_FIELDS, "description", "prompt", "subagent_type")
_BASH = _tool(
    "Bash",
    "Run a command in the project's shell and return what it prints. The working directory is kept between calls, "
    "variables are not. Use it for builds, tests and git; read and change files with the tools made for that.",
    {"command": _TEXT, "description": _TEXT, "timeout": _NUMBER, "run_in_background": _YES_NO},
    "command",
)
_READ = _tool(
    "Read",
    "Read a file; the lines come with their numbers. Pictures are shown as pictures. For a long file say where to "
    "begin and how many lines to read.",
    {"file_path": _TEXT, "offset": _NUMBER, "limit": _NUMBER},
    "file_path",
)
_EDIT = _tool(
    "Edit",
    "Replace one piece of text in a file by another. The old text must occur exactly once, unless all are meant. "
    "Read the file before.",
    {"file_path": _TEXT, "old_string": _TEXT, "new_string": _TEXT, "replace_all": _YES_NO},
    "file_path",
    "old_string",
    "new_string",
)
_WRITE = _tool(
    "Write",
    "Write a whole file. What was in it before is gone, so prefer changing a piece of it.",
    {"file_path": _TEXT, "content": _TEXT},
    "file_path",
    "content",
)
_GREP = _tool(
    "Grep",
    "Search the contents of files for a regular expression.",
    {"pattern": _TEXT, "path": _TEXT, "glob": _TEXT, "output_mode": _TEXT, "-n": _YES_NO},
    "pattern",
)
_GLOB = _tool("Glob", "Find files by their names.", {"pattern": _TEXT, "path": _TEXT}, "pattern")
_ITEM: Json = {"type": "object", "properties": {"content": _TEXT, "status": _TEXT, "activeForm": _TEXT}}
_TODO_WRITE = _tool(
    "TodoWrite",
    "Keep the list of what is to be done, so that the user sees where the work stands.",
    {"todos": {"type": "array", "items": _ITEM}},
    "todos",
)
_ASK = _tool(
    "AskUserQuestion",
    "Ask the user to choose between a few ways to go on.",
    {"question": _TEXT, "options": {"type": "array", "items": _TEXT}},
    "question",
)

MAIN = (_AGENT, _ASK, _BASH, _EDIT, _GREP, _READ, _TODO_WRITE, _WRITE)
AGENT = (_AGENT, _BASH, _EDIT, _GREP, _READ, _WRITE)
EXPLORER = (_BASH, _GREP, _READ)
OLD_MAIN = (_TASK, _BASH, _GLOB, _GREP, _READ, _EDIT, _WRITE, _TODO_WRITE)
OLD_AGENT = (_BASH, _GLOB, _GREP, _READ, _EDIT, _WRITE, _TODO_WRITE)
