"""Which JSON goes over the wire? The shapes of the Messages API, as far as the demo's two ends speak them."""

from typing import Literal

import msgspec

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class CacheControl(msgspec.Struct, frozen=True, tag="ephemeral", omit_defaults=True):
    """A breakpoint of the prompt cache."""

    ttl: Literal["1h"] | None = None
    """None: five minutes."""


class Text(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """Something said."""

    text: str
    cache_control: CacheControl | None = None


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """A thought; comes back verbatim with its signature."""

    thinking: str
    signature: str


class ToolUse(msgspec.Struct, frozen=True, tag="tool_use", omit_defaults=True):
    """The model wants a tool to be used."""

    id: str
    name: str
    input: msgspec.Raw
    cache_control: CacheControl | None = None


class ImageSource(msgspec.Struct, frozen=True, tag="base64"):
    """The bytes of a picture."""

    media_type: str
    data: str


class Image(msgspec.Struct, frozen=True, tag="image", omit_defaults=True):
    """A picture."""

    source: ImageSource
    cache_control: CacheControl | None = None


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What a tool said."""

    tool_use_id: str
    content: str | tuple[Text | Image, ...]
    is_error: bool | None = None
    """Bash always says it, Read never."""
    cache_control: CacheControl | None = None


Block = Text | Thinking | ToolUse | Image | ToolResult
AnswerBlock = Text | Thinking | ToolUse


class OutputConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """How hard the model works, and the form of its answer."""

    effort: str
    format: msgspec.Raw | None = None


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation."""

    role: Literal["user", "assistant", "system"]
    content: str | tuple[Block, ...]
    output_config: OutputConfig | None = None
    """Beside the first system message."""


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool the model may use."""

    name: str
    description: str
    input_schema: msgspec.Raw
    defer_loading: bool = False


class CacheCreation(msgspec.Struct, frozen=True):
    """What was written to the cache, by how long it stays."""

    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class Usage(msgspec.Struct, frozen=True):
    """What an answer cost in tokens, as the API says it."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cache_creation: CacheCreation
    output_tokens: int
    service_tier: str = "standard"

    @property
    def total(self) -> int:
        cached = self.cache_creation_input_tokens + self.cache_read_input_tokens
        return self.input_tokens + cached + self.output_tokens


class Answered(msgspec.Struct, frozen=True, tag="message"):
    """A whole answer, as it comes without streaming."""

    id: str
    role: str
    model: str
    content: tuple[AnswerBlock, ...]
    stop_reason: str | None
    stop_sequence: str | None
    usage: Usage


def raw(value: Json) -> msgspec.Raw:
    """The JSON of a value, to be sent as it is."""
    return msgspec.Raw(msgspec.json.encode(value))
