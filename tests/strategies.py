"""Every Hypothesis strategy that more than one test module uses, composed from small named pieces."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from schemas.stored.events import (
    BodyReference,
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)

Json = Any
"""What ``json.loads`` gives; tests only."""


def request_ids() -> st.SearchStrategy[UUID]:
    return st.uuids(version=4)


def json_scalars() -> st.SearchStrategy[Json]:
    return st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=80)


def json_values(leaves: int = 12) -> st.SearchStrategy[Json]:
    return st.recursive(
        json_scalars(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=leaves,
    )


def cache_marks() -> st.SearchStrategy[dict[str, Json]]:
    return st.sampled_from([{}, {}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": {"ttl": "1h"}}])


@st.composite
def content_blocks(draw: st.DrawFn) -> dict[str, Json]:
    """Blocks long enough to become parts, and short ones; the cache mark may stand anywhere."""
    text = draw(st.text(max_size=30)) * draw(st.sampled_from([1, 1, 8]))
    members = list({"type": "text", "text": text, **draw(cache_marks())}.items())
    return dict(draw(st.permutations(members)))


def message_contents() -> st.SearchStrategy[Json]:
    return st.text(max_size=100) | st.lists(content_blocks(), max_size=20) | json_values(4)


@st.composite
def request_bodies(draw: st.DrawFn) -> dict[str, Json]:
    """Bodies in the shape of the Messages API, top-level keys in any order, some parts malformed."""
    messages = st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": message_contents()}
    )
    body = {
        "model": draw(st.text(max_size=20)),
        "messages": draw(st.lists(messages, max_size=25) | json_values(4)),
        "system": draw(st.lists(content_blocks(), max_size=4) | st.text(max_size=100) | json_values(3)),
        "tools": draw(st.lists(st.dictionaries(st.text(max_size=10), json_values(4), max_size=4), max_size=20)),
        "metadata": {"user_id": draw(st.text(max_size=200))},
    }
    return dict(draw(st.permutations(list(body.items()))))


@st.composite
def json_texts(draw: st.DrawFn, values: st.SearchStrategy[Json]) -> bytes:
    """The value as JSON, compact or with white space, ASCII or not."""
    plain = msgspec.json.encode(draw(values))
    return msgspec.json.format(plain, indent=draw(st.sampled_from([-1, 0, 2])))


@dataclass(frozen=True)
class Cut:
    """Random places to cut bytes at."""

    places: tuple[int, ...]

    def split(self, data: bytes) -> list[bytes]:
        edges = [0, *sorted(place % (len(data) + 1) for place in self.places), len(data)]
        return [data[a:b] for a, b in pairwise(edges)]


def cuts(most: int = 20) -> st.SearchStrategy[Cut]:
    return st.builds(Cut, st.lists(st.integers(0, 2**30), max_size=most).map(tuple))


def latin_1_texts(max_size: int = 60) -> st.SearchStrategy[str]:
    """Text as it may stand on the wire."""
    return st.text(st.characters(max_codepoint=255), max_size=max_size)


def moments() -> st.SearchStrategy[datetime]:
    """From 1970 to 2200, to the microsecond."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return st.integers(0, 7_258_118_400 * 10**6).map(lambda us: epoch + timedelta(microseconds=us))


def counts() -> st.SearchStrategy[int]:
    return st.integers(0, 2**62)


def hex_digests(byte_count: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=byte_count, max_size=byte_count).map(bytes.hex)


def header_facts() -> st.SearchStrategy[HeaderFact]:
    kept = st.builds(HeaderFact, name=latin_1_texts(20), value=latin_1_texts())
    hidden = st.builds(HeaderFact, name=latin_1_texts(20), length=counts(), fingerprint=hex_digests(16))
    return kept | hidden


def body_references() -> st.SearchStrategy[BodyReference]:
    return st.builds(BodyReference, kind=st.sampled_from(["part", "run"]), key=hex_digests(16), digest=hex_digests(32))


def exchange_events() -> st.SearchStrategy[ExchangeEvent]:
    """Any event of any kind, with fields at their edges; ids and versions bear no relation to each other."""
    of_stream = {
        "originator_id": st.uuids(),
        "originator_version": st.integers(1, 2**62),
        "timestamp": moments(),
    }
    headers = st.lists(header_facts(), max_size=30).map(tuple)
    numbers = st.lists(counts(), max_size=40).map(tuple)
    return st.one_of(
        st.builds(
            RequestReceived,
            **of_stream,
            journal_id=st.uuids(),
            journal_us=counts(),
            mode=st.sampled_from(["pass_through", "managed"]),
            method=latin_1_texts(10),
            target=latin_1_texts(300),
            headers=headers,
            client_domain=st.text(max_size=30),
            scope=st.text(max_size=60),
            key_id=st.none() | st.text(max_size=20),
            account=st.none() | st.text(max_size=20),
            byte_count=counts(),
            body=st.none() | body_references(),
            deferred=st.booleans(),
        ),
        st.builds(
            ResponseStarted,
            **of_stream,
            origin=st.sampled_from(["upstream", "gateway"]),
            status=st.integers(100, 599),
            headers=headers,
            upstream_request_id=st.none() | st.text(max_size=40),
            elapsed_us=counts(),
        ),
        st.builds(ChunkStreamed, **of_stream, offset=counts(), lengths=numbers, arrivals_us=numbers),
        st.builds(ResponseCompleted, **of_stream, byte_count=counts(), sha256=hex_digests(32), elapsed_us=counts()),
        st.builds(
            ResponseAborted,
            **of_stream,
            ended_by=st.sampled_from(["client", "upstream", "timeout", "shutdown", "gateway_crash"]),
            detail=st.text(max_size=60),
            byte_count=counts(),
            delivered=st.none() | counts(),
            elapsed_us=st.none() | counts(),
        ),
        st.builds(
            RecordingGap,
            **of_stream,
            part=st.sampled_from(["request", "response"]),
            reason=st.text(max_size=60),
            offset=counts(),
            byte_count=counts(),
        ),
    )
