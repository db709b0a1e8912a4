"""What does a run of the load generator say? The requests it is given, and the answers it counted."""

import asyncio
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.numbers import percentile

DEADLINE_S = 120
MARKER = "@@MARKER"
"""Eight characters in a request that become eight digits, other ones for every script."""


class LoadError(AssertionError):
    """Answers were wrong, late or missing: no number is taken from such a run."""


@dataclass(frozen=True)
class Request:
    """One request, and what its answer must be."""

    raw: bytes
    kind: str
    """json; stream-COUNT-INTERVAL_US; canned-NUMBER."""
    status: int = 200
    answer: bytes | None = None
    """Of a canned one, decoded."""

    def line(self, *, begins: bool) -> bytes:
        """As the load generator reads it."""
        word, *numbers = self.kind.split("-")
        if word == "stream":
            word = f"{'s' if numbers[1] == '0' else 'p'}{numbers[0]}"
        known = (len(self.answer), zlib.adler32(self.answer)) if self.answer is not None else (-1, 0)
        head = f"{int(begins)} {word} {self.status} {known[0]} {known[1]} {len(self.raw)}\n"
        return head.encode() + self.raw


Script = Sequence[Request]
"""Requests that one connection sends one after the other."""


def request(body: bytes, kind: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """As Claude Code sends it; the path says which answer is wanted."""
    lines = [f"POST /v1/messages?beta=true&bench={kind}-{MARKER} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers or HEADERS]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


SESSION = f"5e551000-0000-4000-8000-0000{MARKER}"
HEADERS = (
    ("Accept", "application/json"),
    ("Content-Type", "application/json"),
    ("User-Agent", "claude-cli/2.1.330 (external, cli)"),
    ("X-Claude-Code-Session-Id", SESSION),
    ("X-Stainless-Lang", "js"),
    ("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14"),
    ("anthropic-version", "2023-06-01"),
    ("x-api-key", "sk-ant-bench-0123456789"),
    ("x-app", "cli"),
)


def write_scripts(path: Path, scripts: Iterable[Script]) -> Path:
    with path.open("wb") as out:
        for script in scripts:
            for number, one in enumerate(script):
                out.write(one.line(begins=number == 0))
    return path


@dataclass(frozen=True)
class Work:
    """What is to be asked."""

    scripts: Path
    requests: int
    connections: int
    ramp_us: int = 0
    """Between the first requests of two connections."""


@dataclass(frozen=True)
class Load:
    """What was measured; times in milliseconds."""

    requests: int
    begun_s: float
    """The moment of the first request, on the monotonic clock."""
    seconds: float
    """From there to the end of the last answer."""
    body_bytes: int
    sent_bytes: int
    chunks: int
    first_ms: tuple[float, ...]
    """From a request's begin to the first byte of its answer, in the order of their ends."""
    last_ms: tuple[float, ...]
    delay_ms: tuple[float, ...]
    """From the upstream's write of a chunk to its arrival, for paced streams."""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def first(self, share: float) -> float:
        return percentile(self.first_ms, share)

    def delay(self, share: float) -> float:
        return percentile(self.delay_ms, share)


def parse(text: str) -> Load:
    """Raises LoadError."""
    said = json.loads(text)
    if said["errors"]:
        raise LoadError(f"{said['errors']} of {said['requests']} answers were not right: {said['first_error']}.")
    times = {name: tuple(one / 1000 for one in said[name]) for name in ("first_us", "last_us", "delay_us")}
    counts = {name: said[name] for name in ("requests", "begun_s", "seconds")}
    counts |= {name: said[name] for name in ("body_bytes", "sent_bytes", "chunks")}
    return Load(**counts, first_ms=times["first_us"], last_ms=times["last_us"], delay_ms=times["delay_us"])


async def run(program: Path, port: int, work: Work, first_marker: int, deadline_s: int = DEADLINE_S) -> Load:
    """Ask, and wait for the last answer. Raises LoadError."""
    numbers = (port, work.connections, work.requests, first_marker, work.ramp_us, deadline_s)
    process = await asyncio.create_subprocess_exec(
        str(program), *map(str, numbers), str(work.scripts), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(deadline_s + 20):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise LoadError(f"The load generator ended with {process.returncode}.")
    return parse(out.decode())
