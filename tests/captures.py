"""Real Claude Code traffic, shortened, with the links it must get (tests/golden/wire)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden" / "wire"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Captured:
    """One exchange of a capture."""

    n: int
    at: datetime
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    content_type: str
    answer: bytes
    """Bytes of the answer, as the API sent them."""
    fault: str | None
    ended: datetime | None = None
    """When it was over; None: at once."""


@dataclass(frozen=True)
class Expected:
    """What linking must say; a tuple of several values means that any is right."""

    n: int
    request_class: tuple[str, ...]
    edge: tuple[str, ...]
    parent: tuple[int | None, ...]
    conversation: tuple[int | None, ...]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@cache
def exchanges(name: str) -> tuple[Captured, ...]:
    """In the order in which they were received."""
    lines = (FOLDER / f"{name}.jsonl").read_text().splitlines()
    return tuple(sorted((_captured(json.loads(line)) for line in lines), key=lambda one: one.n))


@cache
def expected(name: str) -> tuple[Expected, ...]:
    return tuple(
        Expected(one["n"], *(_any(one[key]) for key in ("class", "edge", "parent", "conversation")))
        for one in json.loads((FOLDER / f"{name}.expected.json").read_text())
    )


def _captured(line: dict[str, Any]) -> Captured:
    streamed = line.get("events") is not None
    answer = b"".join(_frames(line["events"])) if streamed else _json(line.get("response"))
    return Captured(
        n=line["n"],
        at=_EPOCH + timedelta(seconds=line["t"]),
        path=line["path"],
        headers=tuple((name, value) for name, value in line["headers"]),
        body=json.dumps(line["body"], separators=(",", ":"), ensure_ascii=False).encode(),
        status=line.get("status") or 0,
        content_type="text/event-stream; charset=utf-8" if streamed else "application/json",
        answer=answer if line.get("status") else b"",
        fault=line.get("fault"),
    )


def _json(response: Any) -> bytes:
    return b"" if response is None else json.dumps(response).encode()


def _frames(events: list[dict[str, Any]]) -> Iterator[bytes]:
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _any(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
