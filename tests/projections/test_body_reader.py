"""Bodies are read right, each block once, with few questions, and whatever is missing or broken is no view."""

import gzip
import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import projections.body_reader
from domain.parts import cut
from domain.recipes import RunRef, encode
from domain.request_view import view_of_json
from projections.body_reader import BodyReader, WantedBody
from schemas.stored.events import BodyReference
from tests.domain.test_parts import session_bodies
from tests.fake_sources import FakePayloads
from tests.strategies import json_texts, request_bodies


async def stored(
    payloads: FakePayloads, body: bytes, number: int = 1, scope: str = "s", encoding: str = ""
) -> WantedBody:
    one = cut(body, await payloads.scope_key(scope))
    payloads.keep(scope, one)
    return WantedBody(UUID(int=number), scope, one.reference, encoding)


@given(st.lists(json_texts(request_bodies()), min_size=1, max_size=4), st.data())
async def test_bodies_of_many_scopes_read_as_they_are(bodies: list[bytes], data: st.DataObject) -> None:
    payloads = FakePayloads()
    scopes = [data.draw(st.sampled_from(["s", "t"])) for _ in bodies]
    wanted = [
        await stored(payloads, body, n, scope) for n, (body, scope) in enumerate(zip(bodies, scopes, strict=True))
    ]
    views = await BodyReader(payloads).views(wanted)
    assert views == {UUID(int=n): view_of_json(body) for n, body in enumerate(bodies)}


async def test_what_is_remembered_of_one_tenant_is_never_told_to_another() -> None:
    """Even if every part of theirs had the same key."""
    payloads, texts = FakePayloads(), [f"mine {number} {'x' * 99}" for number in range(40)]
    messages = [{"role": "mine", "content": [{"type": "text", "text": text}]} for text in texts]
    body = json.dumps({"model": "mine", "system": "mine " * 40, "messages": messages}).encode()
    mine = await stored(payloads, body, 1, "s")
    for (_, key), data in list(payloads.stored.items()):
        payloads.stored["t", key] = data.replace(b"mine", b"your")
    reader = BodyReader(payloads)
    views = [await reader.views([replace(mine, scope=scope)]) for scope in ("s", "t", "s")]
    expected = [view_of_json(one) for one in (body, body.replace(b"mine", b"your"), body)]
    assert [view[mine.request_id] for view in views] == expected
    assert (await BodyReader(payloads).views([mine, replace(mine, scope="t", request_id=UUID(int=2))])) == {
        UUID(int=1): expected[0],
        UUID(int=2): expected[1],
    }


async def test_a_turn_reads_only_its_new_blocks() -> None:
    payloads, bodies = FakePayloads(), session_bodies(60)
    reader = BodyReader(payloads)
    asked = []
    for number, body in enumerate(bodies):
        wanted = await stored(payloads, body, number)
        payloads.asked.clear()
        assert (await reader.views([wanted]))[UUID(int=number)] == view_of_json(body)
        asked.append(sum(len(keys) for keys in payloads.asked))
        assert len(payloads.asked) <= 5, "a question for each level, not for each part"
    assert max(asked[20:]) <= 12


async def test_a_batch_of_a_session_asks_level_by_level() -> None:
    payloads, bodies = FakePayloads(), session_bodies(60)
    wanted = [await stored(payloads, body, number) for number, body in enumerate(bodies)]
    await BodyReader(payloads).views(wanted)
    assert len(payloads.asked) <= 5


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections.body_reader, "_BLOCKS_REMEMBERED", 2)
    monkeypatch.setattr(projections.body_reader, "_STRUCTURE_REMEMBERED", 2)
    payloads, bodies = FakePayloads(), session_bodies(10)
    reader = BodyReader(payloads)
    for number, body in enumerate(bodies):
        wanted = await stored(payloads, body, number)
        assert (await reader.views([wanted]))[UUID(int=number)] == view_of_json(body)
    sizes = {len(reader._seen), len(reader._structure), len(reader._items), len(reader._runs)}
    assert sizes == {2}


async def test_whatever_part_is_gone_there_is_no_view_or_an_empty_block() -> None:
    payloads, body = FakePayloads(), session_bodies(20)[-1]
    wanted = await stored(payloads, body)
    whole = (await BodyReader(payloads).views([wanted]))[wanted.request_id]
    assert whole is not None
    for key in list(payloads.stored):
        data = payloads.stored.pop(key)
        view = (await BodyReader(payloads).views([wanted]))[wanted.request_id]
        is_block = data.startswith(b'{"')
        assert view is None or (is_block and len(view.messages) == len(whole.messages)) or view == whole
        payloads.stored[key] = data


@pytest.mark.parametrize("damaged", [b"no recipe", encode([RunRef(b"r" * 16)])])
async def test_a_damaged_recipe_is_no_view(damaged: bytes) -> None:
    payloads = FakePayloads({("s", b"r" * 16): damaged})
    reference = BodyReference(kind="run", key=(b"r" * 16).hex(), digest="0" * 64)
    assert await BodyReader(payloads).views([WantedBody(UUID(int=1), "s", reference, "")]) == {UUID(int=1): None}


async def test_a_damaged_block_says_nothing() -> None:
    payloads, body = FakePayloads(), session_bodies(2)[-1]
    wanted = await stored(payloads, body)
    for key, data in payloads.stored.items():
        if data.startswith(b'{"type"'):
            payloads.stored[key] = b"{broken"
    view = (await BodyReader(payloads).views([wanted]))[wanted.request_id]
    assert view is not None
    assert {block.facts.kind for message in view.messages for block in message.blocks} == {"empty"}


async def test_an_encoded_body_is_opened() -> None:
    payloads, body = FakePayloads(), session_bodies(3)[-1]
    wanted = await stored(payloads, gzip.compress(body), encoding="gzip")
    assert (await BodyReader(payloads).views([wanted]))[wanted.request_id] == view_of_json(body)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"\x1f\x8bbroken", "gzip"), (b"{}", "unknown"), (gzip.compress(b"{}", mtime=0)[:-4], "gzip")],
)
async def test_a_body_that_cannot_be_opened_whole_is_no_view(body: bytes, encoding: str) -> None:
    payloads = FakePayloads()
    wanted = await stored(payloads, body, encoding=encoding)
    assert (await BodyReader(payloads).views([wanted]))[wanted.request_id] is None


async def test_json_that_is_no_object_is_no_view() -> None:
    payloads = FakePayloads()
    wanted = await stored(payloads, json.dumps([1, 2]).encode())
    assert (await BodyReader(payloads).views([wanted]))[wanted.request_id] is None
