"""What does a version of Claude Code say in its own way? The shapes all versions share, and what each must decide."""

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from ops.demo.blocks import Block, CacheControl, Message, OutputConfig, Text, Thinking, Tool
from ops.demo.client import Request
from ops.demo.played import RequestClass
from ops.demo.retrying import Again

MESSAGES_PATH = "/v1/messages?beta=true"
HAIKU = "claude-haiku-4-5-20251001"


@dataclass(frozen=True, slots=True)
class Role:
    """What a thread is: the main one, or an agent's."""

    request_class: RequestClass
    model: str
    prompt: str
    """Its system prompt."""
    tools: tuple[Tool, ...]
    agent_id: str | None = None
    parent_agent_id: str | None = None
    agent_type: str = ""
    background: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """One request, before it takes a version's shape."""

    role: Role
    session_id: str
    messages: tuple[Message, ...]
    marked: int
    """Index of the message whose end is the newest breakpoint of the cache."""
    prompt_id: str = ""
    """The person's prompt that all this is for."""
    hints: dict[str, str] = field(default_factory=dict)
    """Headers for gateways that want to know more."""
    leaves_after: int | None = None


@dataclass(frozen=True, slots=True)
class AgentReport:
    """How an agent's work ended."""

    agent_id: str
    report: str
    tokens: int
    tool_uses: int
    duration_ms: int


class Dialect(Protocol):
    """One version of Claude Code for one person in one project."""

    task_tool: str
    """The tool that starts a sub-task."""

    def main(self) -> Role: ...

    def agent(self, kind: str, agent_id: str, parent: Role, *, background: bool) -> Role: ...

    def opening(self, role: Role, prompt: tuple[Block, ...]) -> tuple[Message, ...]:
        """The first messages of a thread."""
        ...

    def after_results(self, role: Role, round_number: int) -> tuple[Message, ...]:
        """What the client adds by itself after the thread's first, second, … tool results."""
        ...

    def handed_back(self, role: Role, report: AgentReport) -> tuple[Text, ...]:
        """The tool result of an agent that was waited for."""
        ...

    def request(self, sending: Sending, change: Again) -> Request:
        """The finished request. ``change``: how it differs from the first attempt."""
        ...

    def naming(self, session_id: str, prompt: str) -> Request:
        """Ask for a title, or whatever else this version asks beside the first prompt."""
        ...


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request to the Messages API; keys in the order Claude Code sends them."""

    model: str
    messages: tuple[Message, ...]
    system: tuple[Text, ...]
    tools: tuple[Tool, ...]
    metadata: dict[str, str]
    max_tokens: int
    thinking: msgspec.Raw | None = None
    context_management: msgspec.Raw | None = None
    output_config: OutputConfig | None = None
    stream: bool | msgspec.UnsetType = msgspec.UNSET


def rendered(messages: tuple[Message, ...], marked: set[int], control: CacheControl) -> tuple[Message, ...]:
    """As they go over the wire: the marked ones as lists; a lone text of anybody but the model as a bare string."""
    return tuple(
        _marked(message, control) if number in marked else _shortened(message)
        for number, message in enumerate(messages)
    )


def _marked(message: Message, control: CacheControl) -> Message:
    last = message.content[-1]
    if isinstance(last, str | Thinking):
        raise TypeError(f"nothing to mark at the end of a {message.role} message")
    marked = msgspec.structs.replace(last, cache_control=control)
    return msgspec.structs.replace(message, content=(*message.content[:-1], marked))


def _shortened(message: Message) -> Message:
    match message.content:
        case (Text(text),) if message.role != "assistant":
            return msgspec.structs.replace(message, content=text)
    return message
