"""What does a part tell its supervisor? One JSON line for each report, on the part's standard output.

A report never blocks and never fails the part: where the supervisor does not listen, it is dropped.
"""

import os
from contextlib import suppress

import msgspec

MAX_LINE_BYTES = 4096
"""A pipe takes a line of this size whole or not at all (PIPE_BUF on Linux)."""
_MAX_TEXT = 1000


class Ready(msgspec.Struct, frozen=True, tag="ready", omit_defaults=True):
    """The part serves."""

    address: str = ""
    """Where it serves, if anywhere."""
    login: str = ""
    """The dashboard's one-time login link."""
    database_url: str = ""
    """Where the embedded database listens."""


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    """The user should read this."""

    text: str


Report = Ready | Notice
_DECODER: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


class Reporter:
    """Writes reports to a descriptor; without one nobody supervises us and reports go nowhere."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def send(self, report: Report) -> None:
        if self._descriptor is None:
            return
        with suppress(OSError):
            os.write(self._descriptor, encode(report))


def encode(report: Report) -> bytes:
    """One line. A long notice is cut."""
    if isinstance(report, Notice) and len(report.text) > _MAX_TEXT:
        report = Notice(f"{report.text[:_MAX_TEXT]}…")
    line = msgspec.json.encode(report) + b"\n"
    return line if len(line) <= MAX_LINE_BYTES else b""


def decode(line: bytes) -> Report | None:
    """None: no report, something else was printed."""
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
