"""How does Nexus log? One JSON line for each entry on standard error, without payload and without secrets.

Entries of our own code (structlog) and of libraries (logging) take the same way: too many of one kind are only
counted (``ops/log_sampling.py``), fields that are not known are left out (``ops/log_fields.py``), and whatever is left,
the finished line goes through ``masked`` before it is written. A log that cannot be written never fails the program.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType

import structlog

from ops.log_fields import KNOWN, known, line_of, plain, trace
from ops.log_sampling import Sampling

_STDERR = 2
_MAX_LIBRARY_WORDS = 300
_MAX_MASKED = 2 * 1024 * 1024
"""Characters of a value that are looked at at all."""
_SPARE_BYTES = 256
"""What the last masking may add to a line."""
_UNCAUGHT = "uncaught"
_NOT_TOLD = frozenset({"exception", "left_out"})
_SECRETS = re.compile(
    rb"""(?ix)
      (?P<anthropic> sk-ant- ) [\w-]+
    | (?P<header> \b(?: x-api-key | x-nexus-key | x-goog-api-key | (?:proxy-)?authorization | (?:set-)?cookie )
                  [\\"']* \s* [:=,] \s* \\* (?: b(?=["']) )? ["']* (?: (?:bearer|basic) \s+ )? ) [^"'\\}\]]+
    | (?P<scheme> \b(?: bearer | basic ) \s+ ) [\w.~+/=-]{6,}
    | (?P<login> [?&](?: token | key | code )= ) [^\s"'&\\]+
    | (?P<url> ://[^\s:/@"']+: ) [^\s@"'/]+ (?=@)
    """
)
_LEVELS = {"warning": logging.WARNING, "error": logging.ERROR, "critical": logging.CRITICAL}

Entry = MutableMapping[str, object]
Tell = Callable[[str], None]


def configure(*, debug: bool, tell: Tell | None = None, fields: frozenset[str] = KNOWN) -> None:
    """Set up logging of this process. ``tell`` gets warnings and errors as one readable line.

    ``fields``: what of an entry may be written.
    """
    writer = _Writer(tell)
    structlog.configure(
        processors=[
            _Sampler(Sampling(time.monotonic)),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _traced,
            _Renderer(fields),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, handlers=[_FromLogging()], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught


def masked(line: bytes) -> bytes:
    """The line with every known kind of secret taken out."""
    return _SECRETS.sub(_without_secret, line)


class _Writer:
    """The last stop: writes finished lines. structlog calls the method that is named like the level."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell

    def msg(self, line: bytes, level: int, summary: str) -> None:
        with suppress(OSError):
            os.write(_STDERR, masked(line) + b"\n")
        if self._tell and level >= logging.WARNING:
            self._tell(masked(summary.encode()).decode())

    debug = info = warning = error = critical = msg


class _FromLogging(logging.Handler):
    """Hands entries of the standard library's logging over to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)  # a library's wrong format string is not our crash
        text = text[:_MAX_LIBRARY_WORDS].split("\n", 1)[0]  # behind its first line a library shows what it was fed
        level = "debug" if record.levelno < logging.INFO else record.levelname.lower()
        method = level if level in {"debug", "info", *_LEVELS} else "info"
        getattr(structlog.get_logger(), method)(text, logger=record.name, exc_info=record.exc_info)


class _Sampler:
    """The head of the chain: holds back what comes too often."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling

    def __call__(self, _logger: object, method: str, entry: Entry) -> Entry:
        if method != "critical" and not self._sampling.admits(str(entry.get("event", ""))):
            raise structlog.DropEvent
        if held_back := self._sampling.take_held_back():
            entry["held_back"] = held_back
        return entry


def _traced(_logger: object, _method: str, entry: Entry) -> Entry:
    """An exception becomes text. What it says is kept only where the process ends of it."""
    given = entry.pop("exc_info", None)
    kind, error, tb = given if isinstance(given, tuple) else sys.exc_info() if given else (None, None, None)
    if kind is not None and error is not None:
        entry["exception"] = trace(error, tb, with_words=entry.get("event") == _UNCAUGHT)
    return entry


class _Renderer:
    """The end of the chain: an entry becomes the arguments of ``_Writer.msg``."""

    def __init__(self, fields: frozenset[str]) -> None:
        self._fields = fields

    def __call__(
        self, _logger: object, _method: str, entry: Entry
    ) -> tuple[tuple[bytes, int, str], Mapping[str, object]]:
        level = str(entry.pop("level", "info"))
        first = {"at": entry.pop("at", ""), "level": level, "event": _readable(entry.pop("event", ""))}
        held_back = entry.pop("held_back", None)
        rest = {name: _readable(value) for name, value in known(entry, self._fields).items()}
        counted = {"held_back": held_back} if held_back else {}
        line = line_of({**first, **rest, **counted}, _SPARE_BYTES)
        told = (f"{name}={value}" for name, value in rest.items() if name not in _NOT_TOLD and value is not None)
        details = " ".join(told)
        return (line, _LEVELS.get(level, logging.INFO), plain(f"{first['event']} {details}".strip())), {}


def _readable(value: object) -> object:
    """Masked before it is cut: half a secret is not recognised any more."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return masked(text[-_MAX_MASKED:].encode(errors="replace")).decode()


def _without_secret(found: re.Match[bytes]) -> bytes:
    kept = found.group(found.lastgroup or 0)
    return bytes(kept) + b"***"


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    structlog.get_logger().critical(_UNCAUGHT, exc_info=(kind, error, trace))
