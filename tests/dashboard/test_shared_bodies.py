"""Bodies that are read part by part say what they say as a whole, and no part is read twice."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import details_of, details_told
from dashboard.shared_bodies import SharedBodies
from domain.parts import CutBody, cut
from schemas.stored.events import BodyReference
from tests.read_rows import request_id
from tests.shipping import new_request_id

KEY, SALT = b"k" * 32, "5a17" * 8 + ":"
SECRET = "sk-ant-" + "a" * 30


class Parts:
    """Stored parts; notes which were read."""

    def __init__(self, *bodies: bytes) -> None:
        self.cut: list[CutBody] = [cut(body, KEY) for body in bodies]
        self.stored = {("tenant", key): part.data for one in self.cut for key, part in one.parts.items()}
        self.read: list[tuple[str, bytes]] = []

    async def scoped_parts(self, wanted: Collection[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        self.read += wanted
        return {one: self.stored[one] for one in wanted if one in self.stored}

    @property
    def wanted(self) -> dict[UUID, tuple[str, BodyReference]]:
        return {request_id(number): ("tenant", one.reference) for number, one in enumerate(self.cut, start=1)}


def bodies_of(parts: Parts) -> SharedBodies:
    return SharedBodies(parts, SALT)  # type: ignore[arg-type]  # it reads parts alone


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def request(*messages: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "system": [said("s" * 90)], **more, "messages": messages}).encode()


BLOCKS = st.one_of(
    st.builds(said, st.text(max_size=9).map(lambda text: text * 20)),
    st.builds(lambda text: said(text, cache_control={"type": "ephemeral"}), st.text(min_size=90, max_size=120)),
    st.builds(
        lambda n: {"type": "tool_result", "tool_use_id": f"t{n}", "content": [said("r" * n)]}, st.integers(0, 99)
    ),
    st.sampled_from([None, 5, "plain", "5a17", SECRET, SECRET * 3, [said("x" * 80)]]),
)
MESSAGES = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", 5]),
    st.one_of(st.lists(BLOCKS, max_size=20), st.sampled_from(["a", "b" * 80, None, {"odd": "c" * 80}, SECRET * 3])),
)


@given(st.lists(MESSAGES, max_size=40), st.sampled_from([{}, {"tools": [{"name": "T", "description": "d" * 99}]}]))
async def test_a_body_says_the_same_part_by_part(messages: list[dict[str, Any]], more: dict[str, Any]) -> None:
    """Oracle: the request that is read whole."""
    body = request(*messages, **more)
    parts = Parts(body)
    found = await bodies_of(parts).read(parts.wanted)
    stream = Streamed.of(body)
    whole = details_of(stream.stream, None, body, b"")
    told = details_told(stream.stream, None, found[request_id(1)], b"").sent
    assert (told.system, told.tools, told.messages, told.settings, told.parsable) == (
        whole.sent.system, whole.sent.tools, whole.sent.messages, whole.sent.settings, whole.sent.parsable,
    )  # fmt: skip
    assert told.body.kept == whole.sent.body.kept


class Streamed:
    """An exchange that sent a body."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    @classmethod
    def of(cls, body: bytes) -> "Streamed":
        from dashboard.recordings import Stream
        from tests.shipping import completed, received

        one = new_request_id()
        sent = received(one, body=cut(body, KEY).reference).model_copy(update={"byte_count": len(body)})
        return cls(Stream([sent, completed(one, 2)]))


async def test_what_requests_share_is_read_once_and_is_the_same_object() -> None:
    talk = [{"role": "user", "content": [said(f"message {number} " * 20)]} for number in range(60)]
    parts = Parts(*(request(*talk[:end]) for end in range(20, 61, 10)))
    reader, found = bodies_of(parts), dict[UUID, Any]()
    for one, wanted in parts.wanted.items():
        found |= await reader.read({one: wanted})
    assert len(parts.read) == len(set(parts.read))
    newest, before = found[request_id(5)], found[request_id(4)]
    assert newest["messages"] == talk
    assert before["messages"][3]["content"][0] is newest["messages"][3]["content"][0]
    assert await reader.read(parts.wanted) == found
    assert len(parts.read) == len(set(parts.read))


async def test_the_place_of_a_cache_mark_is_kept() -> None:
    marked = said("m" * 90, cache_control={"type": "ephemeral", "ttl": "1h"})
    parts = Parts(request({"role": "user", "content": [said("m" * 90), marked]}))
    found = await bodies_of(parts).read(parts.wanted)
    assert found[request_id(1)]["messages"] == [{"role": "user", "content": [said("m" * 90), marked]}]


@pytest.mark.parametrize("body", [b"no JSON", b"[1, 2]", b"", b'{"messages": []}'])
async def test_a_body_that_is_stored_whole_is_left_out(body: bytes) -> None:
    parts = Parts(body)
    assert await bodies_of(parts).read(parts.wanted) == {}


async def test_a_body_of_which_anything_is_gone_is_left_out_and_the_others_are_there() -> None:
    talk = [{"role": "user", "content": [said(f"message {number} " * 20)]} for number in range(40)]
    whole = Parts(request(*talk), request({"role": "user", "content": [said("another one" * 9)]}))
    for gone in whole.cut[0].parts:
        parts = Parts(request(*talk), request({"role": "user", "content": [said("another one" * 9)]}))
        del parts.stored["tenant", gone]
        found = await bodies_of(parts).read(parts.wanted)
        assert request_id(1) not in found
        assert (request_id(2) in found) == (gone not in parts.cut[1].parts)


async def test_a_broken_recipe_is_no_body() -> None:
    parts = Parts(request({"role": "user", "content": [said("a" * 99)]}))
    key = bytes.fromhex(parts.cut[0].reference.key)
    for broken in (b"nonsense", parts.stored["tenant", key][:-3]):
        parts.stored["tenant", key] = broken
        assert await bodies_of(parts).read(parts.wanted) == {}
