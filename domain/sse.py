"""Which server-sent events are in these bytes? An incremental parser of the event-stream format (WHATWG HTML §9.2).

Bytes may come in any split; the frames are the same. Each frame keeps the range of bytes it was read from, so that a
page can show them and say when they came. A carriage return at the end of a chunk waits for the next byte, because
CR LF is one line end. No bytes make the parser raise.
"""

import re
from typing import NamedTuple

_BLANK_LINE = re.compile(rb"(?>\r\n?|\n)(?>\r\n?|\n)")
_LINE_END = re.compile(r"\r\n?|\n")
_LONGEST_UNDECIDED = 3
"""``CR LF CR`` at the end of the bytes may still become the blank line ``CR LF CR LF``."""
_CARRIAGE_RETURN = 0x0D
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_RETRY_DIGITS = 18


class Frame(NamedTuple):
    """One server-sent event."""

    event: str
    """The event type; ``message`` where the stream names none."""
    data: str
    """The data lines, joined by a line feed; invalid UTF-8 is replaced by U+FFFD."""
    start: int
    """Offset of the frame's first byte in the stream; comments before the first field belong to the frame."""
    end: int
    """Offset behind the blank line that ends the frame."""
    last_event_id: str = ""
    """The id in force: this frame's own or the newest before it."""
    retry_ms: int | None = None
    """The reconnection time in force."""
    finished: bool = True
    """False: the stream ended before the frame did, and a client never saw it."""


class SseParser:
    """Bytes in, frames out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._searched = 0
        self._last_event_id = ""
        self._retry_ms: int | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes."""
        self._buffer += data
        return self._take_frames(final=False)

    def finish(self) -> list[Frame]:
        """The stream is over. What is left over comes as one unfinished frame, comments aside."""
        frames = self._take_frames(final=True)
        rest = self._read_frame(0, len(self._buffer), finished=False)
        self._buffer.clear()
        return frames if rest is None else [*frames, rest]

    def _take_frames(self, *, final: bool) -> list[Frame]:
        buffer, taken = self._buffer, 0
        frames: list[Frame] = []
        at = self._searched
        while (found := _BLANK_LINE.search(buffer, at)) is not None:
            end = found.end()
            if end == len(buffer) and buffer[-1] == _CARRIAGE_RETURN and not final:
                break
            frame = self._read_frame(taken, end)
            if frame is not None:
                frames.append(frame)
            at = taken = end
        del buffer[:taken]
        self._offset += taken
        self._searched = max(0, len(buffer) - _LONGEST_UNDECIDED)
        return frames

    def _read_frame(self, start: int, end: int, *, finished: bool = True) -> Frame | None:
        """None: the lines hold no data, so there is nothing to dispatch."""
        raw = self._buffer[start:end]
        if self._offset + start == 0:
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
        raw = raw.lstrip(b"\r\n")
        lines = _lines_of(raw.decode("utf-8", "replace"))
        event, data = self._read_fields(lines)
        if not data and (finished or all(line == "" or line.startswith(":") for line in lines)):
            return None
        first, behind = self._offset + end - len(raw), self._offset + end
        return Frame(event or "message", "\n".join(data), first, behind, self._last_event_id, self._retry_ms, finished)

    def _read_fields(self, lines: list[str]) -> tuple[str, list[str]]:
        """The event type and the data lines; id and retry hold for the rest of the stream."""
        event = ""
        data: list[str] = []
        for line in lines:
            name, _, value = line.partition(":")
            if value[:1] == " ":
                value = value[1:]
            if name == "data":
                data.append(value)
            elif name == "event":
                event = value
            elif name == "id" and "\0" not in value:
                self._last_event_id = value
            elif name == "retry" and _is_short_number(value):
                self._retry_ms = int(value)
        return event, data


def _lines_of(text: str) -> list[str]:
    return _LINE_END.split(text) if "\r" in text else text.split("\n")


def _is_short_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS
