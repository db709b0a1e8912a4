"""How does Nexus log? One JSON line for each entry on standard error, without payload and without secrets.

Entries of our own code (structlog) and of libraries (logging) take the same way. Whatever is in them, the finished
line goes through ``masked`` before it is written. A log that cannot be written never fails the program.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType

import msgspec
import structlog

_STDERR = 2
_MAX_VALUE = 2000
"""Characters of one value; longer ones are cut, so that no payload gets in by accident."""
_MAX_TRACEBACK = 20_000
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


def configure(*, debug: bool, tell: Tell | None = None) -> None:
    """Set up logging of this process. ``tell`` gets warnings and errors as one readable line."""
    writer = _Writer(tell)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _rendered,
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
        level = "debug" if record.levelno < logging.INFO else record.levelname.lower()
        method = level if level in {"debug", "info", *_LEVELS} else "info"
        getattr(structlog.get_logger(), method)(text, logger=record.name, exc_info=record.exc_info)


def _rendered(_logger: object, _method: str, entry: Entry) -> tuple[tuple[bytes, int, str], Mapping[str, object]]:
    """The end of the chain: an entry becomes the arguments of ``_Writer.msg``."""
    level = str(entry.pop("level", "info"))
    first = {"at": entry.pop("at", ""), "level": level, "event": _cut(entry.pop("event", ""), _MAX_VALUE)}
    rest = {key: _cut(value, _MAX_TRACEBACK if key == "exception" else _MAX_VALUE) for key, value in entry.items()}
    line = msgspec.json.encode({**first, **rest}, enc_hook=repr)
    details = " ".join(f"{key}={value}" for key, value in rest.items() if key != "exception" and value is not None)
    return (line, _LEVELS.get(level, logging.INFO), f"{first['event']} {details}".strip()), {}


def _cut(value: object, limit: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    text = text.encode(errors="replace").decode()
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _without_secret(found: re.Match[bytes]) -> bytes:
    kept = found.group(found.lastgroup or 0)
    return bytes(kept) + b"***"


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    structlog.get_logger().critical("uncaught", exc_info=(kind, error, trace))
