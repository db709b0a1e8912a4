"""What of an entry may be written, and how long may a line be? Fields that are known, escaped, within 8 KB; pure."""

import json
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType

from domain.errors import NexusError

MAX_LINE_BYTES = 8192
KNOWN = frozenset(
    {
        "about", "act", "at", "build", "bytes", "count", "credential", "detail", "epoch", "error", "exception",
        "exchange", "exit_code", "journal", "kept", "logger", "mend", "part", "place", "projection", "request_id",
        "retry_s", "segments", "started_again_in_s", "version", "who", "why",
    }
)  # fmt: skip
"""Nothing else is written. Whoever adds a field asks first what may be in it: nothing that came over the wire."""
_LIMITS = (2000, 1000, 500, 200, 60, 20)
"""Characters of one value; the next smaller one is taken while the line is too long."""
_TAIL = frozenset({"exception"})
"""Of these the end says most."""


def known(fields: Mapping[str, object], names: frozenset[str]) -> dict[str, object]:
    """The fields that may be written, and how many may not."""
    kept = {name: value for name, value in fields.items() if name in names}
    left_out = len(fields) - len(kept)
    return {**kept, "left_out": left_out} if left_out else kept


def line_of(fields: Mapping[str, object], more_bytes: int = 0) -> bytes:
    """One line of ASCII: what breaks lines, moves cursors or turns text around is escaped. ``more_bytes``: to spare."""
    line = b""
    for limit in _LIMITS:
        short = {name: _cut(value, limit, tail=name in _TAIL) for name, value in fields.items()}
        line = json.dumps(short).encode("ascii")
        if len(line) <= MAX_LINE_BYTES - more_bytes:
            break
    return line


def plain(text: str, limit: int = 500) -> str:
    """For a terminal: one line without anything that a terminal obeys."""
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:limit])
    return shown if len(text) <= limit else f"{shown}…"


def trace(error: BaseException, tb: TracebackType | None, *, with_words: bool) -> str:
    """Where it happened. ``with_words``: and what it says; a library's error may quote what it was fed."""
    return "".join([*traceback.format_tb(tb), *(_heads(error, with_words=with_words))]).rstrip()


def _heads(error: BaseException, *, with_words: bool) -> Iterable[str]:
    cause = error.__cause__
    if cause is not None:
        yield f"caused by {_head(cause, with_words=with_words)}\n"
    yield _head(error, with_words=with_words)


def _head(error: BaseException, *, with_words: bool) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if with_words or isinstance(error, NexusError) else name


def _cut(value: object, limit: int, *, tail: bool) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= limit:
        return text
    return f"({len(text)} characters) …{text[-limit:]}" if tail else f"{text[:limit]}… ({len(text)} characters)"
