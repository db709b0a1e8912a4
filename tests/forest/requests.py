"""What stands in one request besides the conversation: headers, system prompt, tools, identity?"""

import json
from dataclasses import dataclass, field, replace

from tests.forest.dialects import Dialect
from tests.forest.shapes import Json
from tests.forest.vocabulary import Words
from tests.forest.writing import MARK

MESSAGES = "/v1/messages?beta=true"
COUNT_TOKENS = "/v1/messages/count_tokens?beta=true"
MAIN_PROMPT = "You are a Claude agent, built on Anthropic's Claude Agent SDK."
AGENT_PROMPT = "You are an agent for Claude Code, Anthropic's official CLI for Claude."
SUMMARIZER = "You are a helpful AI assistant tasked with summarizing conversations."
_NAMES = ("Bash", "Read", "Edit", "Write", "Skill")


@dataclass(frozen=True)
class Person:
    """Who pays: what a scope is made of."""

    account: str
    """Empty: an API key alone."""
    device: str
    key: str


@dataclass(frozen=True)
class Sender:
    """Whom a request is from."""

    person: Person
    dialect: Dialect
    session: str
    agent: str | None = None
    parent_agent: str | None = None


@dataclass(frozen=True)
class Call:
    """A request before it is bytes; an attempt after it may differ in what is not the conversation."""

    messages: list[Json]
    system: list[str] = field(default_factory=list)
    tools: list[Json] | None = None
    max_tokens: int | None = 128_000
    stream: bool | None = True
    extra: dict[str, Json] = field(default_factory=dict)
    path: str = MESSAGES
    beta: str = "claude-code-20250219,thinking-token-count-2026-05-13"
    retry_count: int = 0

    def not_streaming(self, dialect: Dialect) -> "Call":
        """How a client asks again when streaming failed."""
        return replace(self, stream=None if dialect.old else False, max_tokens=21_333 if dialect.old else 64_000)


def tools_of(dialect: Dialect, words: Words, *, agent: bool) -> list[Json]:
    """Never quite the same for long: tools come and go within a conversation."""
    names = [name for name in _NAMES if name in _NAMES[:2] or words.chance(0.9)]
    if not agent or dialect.nested_agents:
        names.insert(0, dialect.task_tool)
    return [{"name": name, "description": f"{name} tool", "input_schema": {"type": "object"}} for name in names]


def headers_of(sender: Sender, call: Call, words: Words) -> tuple[tuple[str, str], ...]:
    dialect = sender.dialect
    agent = f"claude-cli/{dialect.version} (external, sdk-cli)"
    found = [("Content-Type", "application/json"), ("anthropic-version", "2023-06-01")]
    if dialect.plain:
        agent = "curl/8.5.0" if dialect.version == "curl" else "Anthropic/Python 0.70.0"
    found += [("User-Agent", agent), _credential(sender.person)]
    if dialect.version != "curl":
        found += [("X-Stainless-Lang", "js"), ("X-Stainless-Retry-Count", str(call.retry_count))]
    if not dialect.plain:
        found += [("x-app", "cli"), ("anthropic-beta", call.beta)]
    if dialect.session_header:
        found.append(("X-Claude-Code-Session-Id", sender.session))
    if dialect.agent_headers and sender.agent:
        found.append(("x-claude-code-agent-id", sender.agent))
    if dialect.agent_headers and sender.parent_agent:
        found.append(("x-claude-code-parent-agent-id", sender.parent_agent))
    lower = words.chance(0.3)
    return tuple((name.lower() if lower else name, value) for name, value in words.random.sample(found, len(found)))


def _credential(person: Person) -> tuple[str, str]:
    return ("Authorization", f"Bearer {person.key}") if person.account else ("x-api-key", person.key)


def body_of(sender: Sender, call: Call, words: Words) -> bytes:
    dialect = sender.dialect
    body: dict[str, Json] = {"model": "claude-opus-5-5", "messages": call.messages}
    if call.system:
        body["system"] = _system(sender, call, words)
    body["tools"] = call.tools
    if call.path != COUNT_TOKENS and not dialect.plain:
        body["metadata"] = {"user_id": _user_id(sender)}
    body |= {"max_tokens": call.max_tokens, "stream": call.stream, **call.extra}
    told = {key: value for key, value in body.items() if value is not None}
    pretty = dialect.plain and words.chance(0.3)
    return json.dumps(told, ensure_ascii=dialect.plain, separators=None if pretty else (",", ":")).encode()


def _system(sender: Sender, call: Call, words: Words) -> list[Json]:
    lines = list[Json]()
    if sender.dialect.billing_line:
        cch = f" cch={words.hex(5)};" if sender.dialect.cch else ""
        subagent = " cc_is_subagent=true;" if sender.dialect.subagent_billing and sender.agent else ""
        version = f"cc_version={sender.dialect.version}.88a; cc_entrypoint=sdk-cli;"
        lines.append({"type": "text", "text": f"x-anthropic-billing-header: {version}{cch}{subagent}"})
    return lines + [{"type": "text", "text": one, "cache_control": MARK} for one in call.system]


def _user_id(sender: Sender) -> str:
    person = sender.person
    if sender.dialect.old_user_id:
        return f"user_{person.device}_account_{person.account}_session_{sender.session}"
    said = {"device_id": person.device, "account_uuid": person.account, "session_id": sender.session}
    return json.dumps(said, separators=(",", ":"))
