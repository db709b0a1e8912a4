"""Streams as the checker sees them, made up: a right one from bytes and cuts, and ways to make it wrong."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import strategies as st

from ops.checking.invariants import Event, JoinedBody, StoredChunk, Stream
from ops.checking.stored_format import (
    Aborted,
    Body,
    Completed,
    Content,
    Header,
    Lost,
    Received,
    Started,
    Streamed,
)

ID, JOURNAL = UUID(int=5), UUID(int=6)
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HEADERS = (Header("Host", "here"), Header("x-api-key", None, 9, "f"))
REFERENCE = Body("part", "0" * 32, "0" * 64)


def received(byte_count: int = 3, body: Body | None = REFERENCE, journal_us: int = 7) -> Received:
    return Received(
        AT,
        JOURNAL,
        journal_us,
        "pass_through",
        "POST",
        "/v1/messages",
        HEADERS,
        "here",
        "tenant",
        byte_count,
        body=body,
    )


STARTED = Started("upstream", 200, HEADERS, "req_1")


def run(offset: int, *lengths: int) -> Streamed:
    return Streamed(offset, lengths, tuple(range(len(lengths))))


def lost(offset: int, byte_count: int, part: str = "response") -> Lost:
    return Lost(part, "full", offset, byte_count)


def stream(*contents: Content | str, body: bytes | None = b"abc", answer: bytes = b"", **changes: object) -> Stream:
    """Versions and positions as they should be; every run with its bytes; open if it has no end."""
    events = tuple(Event(version, version * 10, content) for version, content in enumerate(contents, 1))
    runs = [one for one in contents if isinstance(one, Streamed)]
    made = Stream(
        ID,
        events,
        tuple(StoredChunk(one.offset, sum(one.lengths)) for one in runs),
        hashlib.sha256(answer).hexdigest(),
        None if body is None else JoinedBody(len(body), hashlib.sha256(body).digest()),
        None,
    )
    has_end = any(isinstance(one, Completed | Aborted) for one in contents)
    return replace(made, **{"open_in": None if has_end else JOURNAL, **changes})  # type: ignore[arg-type]  # a test's


def completed(byte_count: int, kept: bytes) -> Completed:
    return Completed(byte_count, hashlib.sha256(kept).hexdigest())


@dataclass(frozen=True)
class Cut:
    """An answer in stretches: each is stored as a run of chunks, or told as lost."""

    stretches: tuple[tuple[int, bool], ...]
    """(bytes, kept)."""
    ended: str | None

    def contents(self) -> list[Content]:
        """As the shipper tells it."""
        out, offset, kept = list[Content]([received(), STARTED]), 0, b""
        for size, is_kept in self.stretches:
            out.append(run(offset, *([1] * (size - 1)), 1) if is_kept else lost(offset, size))
            kept += bytes(size) if is_kept else b""
            offset += size
        if self.ended == "completed":
            out.append(completed(offset, kept))
        elif self.ended is not None:
            out.append(Aborted(self.ended, offset))
        return out

    def stream(self) -> Stream:
        kept = sum(size for size, is_kept in self.stretches if is_kept)
        return stream(*self.contents(), answer=bytes(kept))


cuts = st.builds(
    Cut,
    st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=7).map(tuple),
    st.sampled_from(["completed", "client", "gateway_crash", None]),
)
