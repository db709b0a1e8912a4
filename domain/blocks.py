"""What does one content block say, whatever shape the client gave it this time?

Claude Code reshapes what it has sent: a text is a block while it is last and a bare string later, reminders come and
go, white space grows at the ends of texts, cache marks move. ``digest`` is equal for what is the same block and
differs for what is not; None means that the block counts for nothing when requests are compared. It is computed once
per stored part and normaliser version. Sources: the wire notes in ``docs/linking.md``, seen in 1.0.128 to 2.1.330.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from domain.agent_reports import agent_report
from domain.phrases import (
    AGENT_LABEL,
    AGENT_MENTION,
    NOTIFICATION_TAG,
    NOTIFICATION_TASK,
    NOTIFICATION_TOOL_USE,
    PASSING_NOTES,
    SIDE_QUESTIONS,
    SYNTHETIC_ANSWER,
)
from domain.said import said_in, without_reminders
from schemas.anthropic.stream import JsonObject, JsonValue

NORMALISER = 1
"""Raised whenever a digest may come out differently."""
DIGEST_BYTES = 16
Lifetime = Literal["5m", "1h"]
"""How long what stands before a cache mark is to be kept."""


@dataclass(frozen=True, slots=True)
class Task:
    """A call that may start a sub-agent, as ``Task`` and ``Agent`` do: any tool that is given a prompt."""

    tool_use_id: str
    prompt: bytes
    """Digest of the prompt, to be found again as the sub-agent's first text."""
    agent_type: str
    description: str


@dataclass(frozen=True, slots=True)
class AgentMention:
    """A place where the client says which tool use started an agent."""

    agent: str
    tool_use_id: str
    tokens: int | None = None
    """What it says there that the agent used (``domain/agent_reports.py``)."""


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What matters of a block of a message, a system prompt or a tool list."""

    kind: str
    """The block's type; ``tool`` for a tool definition."""
    digest: bytes | None = None
    text: str = ""
    """A text block's text without reminders, stripped."""
    name: str = ""
    """Of a tool use or a tool definition."""
    tool_use_id: str = ""
    task: Task | None = None
    mentions: tuple[AgentMention, ...] = ()
    signature: bytes = b""
    """Digest of what the API signed thinking with."""
    passing: Literal["user", "assistant"] | None = None
    """In this role the text is a note by the client itself, and no part of the talk."""
    side_question: bool = False
    """A text with the words of a side question on the main history."""
    sent: bytes = b""
    """Digest of the block as the prompt cache sees it: as it was sent, but for its mark. Empty: it cannot be read."""
    size: int = 0
    """Bytes of what ``sent`` is the digest of."""
    said: bytes = b""
    """Digest of its words (``domain/said.py``). Empty: there are none."""
    deferred: bool = False
    """A tool definition that is no part of the prompt until the model has found it."""


EMPTY = BlockFacts("empty")


def block_facts(block: JsonValue) -> BlockFacts:
    """Facts of a block as JSON; a string is a text block. Anything else than a block says nothing."""
    if isinstance(block, str):
        return _as_sent(_text(block), {"type": "text", "text": block})
    return _as_sent(_said(block), block) if isinstance(block, dict) else EMPTY


def lifetime_of(control: JsonValue) -> Lifetime:
    """``control``: what ``cache_control`` says."""
    return "1h" if isinstance(control, dict) and control.get("ttl") == "1h" else "5m"


def _as_sent(facts: BlockFacts, block: JsonObject) -> BlockFacts:
    """The order of a block's own members varies and makes no difference upstream; that of members inside does."""
    data = msgspec.json.encode({name: block[name] for name in sorted(block) if name != "cache_control"})
    deferred = facts.kind == "tool" and block.get("defer_loading") is True
    said = said_in(block)
    return replace(
        facts, sent=_digest(b"sent", data), size=len(data), said=said.digest if said else b"", deferred=deferred
    )


def _said(block: JsonObject) -> BlockFacts:
    match block.get("type"):
        case "text":
            return _text(_string(block, "text"))
        case "thinking" | "redacted_thinking":
            signed = _string(block, "signature") or _string(block, "data")
            return BlockFacts("thinking", signature=_digest(b"signature", signed.encode("utf-8", "surrogatepass")))
        case "tool_use" | "server_tool_use" | "mcp_tool_use" as kind:
            return _tool_use(str(kind), block)
        case str(kind) if kind.endswith("tool_result"):
            return _tool_result(kind, block)
        case str(kind) if "input_schema" not in block:
            return BlockFacts(
                kind, digest=_digest(kind.encode("utf-8", "replace"), _canonical(block)), name=_string(block, "name")
            )
        case _:
            return BlockFacts("tool", name=_string(block, "name"))


def counts(facts: BlockFacts, *, by_assistant: bool) -> bool:
    """Whether requests are compared by this block. The client's passing notes are not, in either role."""
    if facts.digest is None or facts.passing is None:
        return facts.digest is not None
    return facts.passing != ("assistant" if by_assistant else "user")


def text_digest(text: str) -> bytes:
    """Digest of a text that is stripped already."""
    return _digest(b"text", text.encode("utf-8", "surrogatepass"))


def _text(text: str) -> BlockFacts:
    plain = without_reminders(text)
    digest = text_digest(plain) if plain else None
    asks = any(words in text for words in SIDE_QUESTIONS)
    mentions, passing = _notified(text), _passing(plain)
    return BlockFacts("text", digest=digest, text=plain, mentions=mentions, passing=passing, side_question=asks)


def _passing(plain: str) -> Literal["user", "assistant"] | None:
    if plain == SYNTHETIC_ANSWER:
        return "assistant"
    return "user" if PASSING_NOTES.fullmatch(plain) else None


def _tool_use(kind: str, block: JsonObject) -> BlockFacts:
    tool_use_id, name = _string(block, "id"), _string(block, "name")
    task = None
    arguments = block.get("input")
    if isinstance(arguments, dict) and isinstance(prompt := arguments.get("prompt"), str):
        agent_type, description = _string(arguments, "subagent_type"), _string(arguments, "description")
        task = Task(tool_use_id, text_digest(without_reminders(prompt)), agent_type, description)
    return BlockFacts(
        kind, digest=_id_digest(b"tool_use", tool_use_id, block), name=name, tool_use_id=tool_use_id, task=task
    )


def _tool_result(kind: str, block: JsonObject) -> BlockFacts:
    tool_use_id = _string(block, "tool_use_id")
    digest = _id_digest(kind.encode("utf-8", "replace"), tool_use_id, block)
    said = _text_in(block.get("content"))
    found = AGENT_MENTION.findall(said) if AGENT_LABEL in said else ()
    agents = list(dict.fromkeys(found))
    tokens = _reported(said) if len(agents) == 1 else None
    mentions = tuple(AgentMention(agent, tool_use_id, tokens) for agent in agents)
    return BlockFacts(kind, digest=digest, tool_use_id=tool_use_id, mentions=mentions)


def _notified(text: str) -> tuple[AgentMention, ...]:
    """A background agent's end is told in a user text of its own."""
    if NOTIFICATION_TAG not in text:
        return ()
    task, tool_use = NOTIFICATION_TASK.search(text), NOTIFICATION_TOOL_USE.search(text)
    return (AgentMention(task[1], tool_use[1], _reported(text)),) if task and tool_use else ()


def _reported(text: str) -> int | None:
    report = agent_report(text)
    return report.tokens if report else None


def _text_in(content: JsonValue) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(_string(item, "text") for item in content if isinstance(item, dict))


def _id_digest(kind: bytes, tool_use_id: str, block: JsonObject) -> bytes:
    """Tool ids are unique; a block without one is known by its content."""
    return _digest(kind, tool_use_id.encode("utf-8", "surrogatepass") if tool_use_id else _canonical(block))


def _canonical(block: JsonObject) -> bytes:
    plain = {key: value for key, value in block.items() if key != "cache_control"}
    return msgspec.json.encode(plain, order="deterministic")


def _digest(kind: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(kind + b"\0" + data, digest_size=DIGEST_BYTES).digest()


def _string(block: JsonObject, name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
