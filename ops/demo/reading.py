"""How does the client read a streamed answer? Sans-io: bytes in; what has come so far is there at any time."""

from collections.abc import Iterator

import msgspec

from ops.demo.blocks import AnswerBlock, Answered, Text, Thinking, ToolUse, Usage


class _MessageStart(msgspec.Struct, tag="message_start"):
    message: Answered


class _BlockStart(msgspec.Struct, tag="content_block_start"):
    index: int
    content_block: AnswerBlock


class _TextDelta(msgspec.Struct, tag="text_delta"):
    text: str


class _ThinkingDelta(msgspec.Struct, tag="thinking_delta"):
    thinking: str


class _SignatureDelta(msgspec.Struct, tag="signature_delta"):
    signature: str


class _InputDelta(msgspec.Struct, tag="input_json_delta"):
    partial_json: str


class _BlockDelta(msgspec.Struct, tag="content_block_delta"):
    index: int
    delta: _TextDelta | _ThinkingDelta | _SignatureDelta | _InputDelta


class _BlockStop(msgspec.Struct, tag="content_block_stop"):
    index: int


class _Ending(msgspec.Struct):
    stop_reason: str | None


class _MessageDelta(msgspec.Struct, tag="message_delta"):
    delta: _Ending
    usage: Usage


class _MessageStop(msgspec.Struct, tag="message_stop"):
    pass


class _Ping(msgspec.Struct, tag="ping"):
    pass


class _Error(msgspec.Struct, tag="error"):
    pass


_Event = _MessageStart | _BlockStart | _BlockDelta | _BlockStop | _MessageDelta | _MessageStop | _Ping | _Error
_EVENTS = msgspec.json.Decoder(_Event)


class Reading:
    """An answer on its way."""

    def __init__(self) -> None:
        self.content: list[AnswerBlock] = []
        self.deltas = 0
        """That brought letters."""
        self.usage: Usage | None = None
        self.stop_reason: str | None = None
        self.failed = False
        """An error event came."""
        self.whole = False
        """The message ended in order."""
        self._rest = b""
        self._input = ""

    def feed(self, data: bytes) -> None:
        for event in self._events(data):
            self._take(event)

    def _events(self, data: bytes) -> Iterator[_Event]:
        *frames, self._rest = (self._rest + data).split(b"\n\n")
        for frame in frames:
            _, _, payload = frame.partition(b"\ndata: ")
            yield _EVENTS.decode(payload)

    def _take(self, event: _Event) -> None:
        match event:
            case _MessageStart(message):
                self.usage = message.usage
            case _BlockStart(_, block):
                self.content.append(block)
                self._input = ""
            case _BlockDelta(_, delta):
                self._grow(delta)
            case _BlockStop():
                self._close()
            case _MessageDelta(ending, usage):
                self.stop_reason, self.usage = ending.stop_reason, usage
            case _MessageStop():
                self.whole = True
            case _Error():
                self.failed = True

    def _grow(self, delta: _TextDelta | _ThinkingDelta | _SignatureDelta | _InputDelta) -> None:
        letters = ""
        match self.content[-1], delta:
            case Text(text), _TextDelta(letters):
                self.content[-1] = Text(text + letters)
            case Thinking(thinking, signature), _ThinkingDelta(letters):
                self.content[-1] = Thinking(thinking + letters, signature)
            case Thinking(thinking), _SignatureDelta(signature):
                self.content[-1] = Thinking(thinking, signature)
            case _, _InputDelta(letters):
                self._input += letters
        self.deltas += bool(letters)

    def _close(self) -> None:
        last = self.content[-1]
        if isinstance(last, ToolUse):
            self.content[-1] = msgspec.structs.replace(last, input=msgspec.Raw(self._input.encode()))
