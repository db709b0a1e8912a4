"""What are messages and blocks made of, in a client's own memory?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = Any
"""What ``json.loads`` gives; tests only."""
Block = dict[str, Json]


@dataclass(frozen=True)
class Message:
    """As the client remembers it; how it is written down changes from request to request."""

    role: str
    blocks: tuple[Block, ...]


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def reminder(words: str) -> Block:
    return text(f"<system-reminder>\n{words}\n</system-reminder>\n")


def thinking(words: str, signature: str) -> Block:
    return {"type": "thinking", "thinking": words, "signature": signature}


def tool_use(tool_use_id: str, name: str, arguments: Json) -> Block:
    return {"type": "tool_use", "id": tool_use_id, "name": name, "input": arguments}


def tool_result(tool_use_id: str, content: Json, *, failed: bool | None = None) -> Block:
    """``failed`` None: the key is absent, as it is for some tools."""
    told = {} if failed is None else {"is_error": failed}
    return {"tool_use_id": tool_use_id, "type": "tool_result", "content": content, **told}


def user(*blocks: Block) -> Message:
    return Message("user", blocks)


def assistant(*blocks: Block) -> Message:
    return Message("assistant", blocks)


def calls_in(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block["type"] == "tool_use"]
