"""Events, payload and bodies as the product writes them are read as they were; what is broken is said."""

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import parts as writer
from ops.checking.stored_format import (
    TOPICS,
    Body,
    BrokenError,
    Foreign,
    content_of,
    items_of,
    joined,
    payload_of,
    scope_row_of,
    wanted,
)
from ops.db.codec import EventCodec
from ops.db.compression import pack
from ops.db.scopes import stored_name
from schemas.stored.events import EXCHANGE_EVENTS, ExchangeEvent
from tests.checked import body_of
from tests.strategies import exchange_events, json_texts, request_bodies

KEY = b"k" * 32
CODEC = EventCodec()


def plain(value: Any) -> Any:
    """The same whether it is a model or a struct."""
    return json.loads(msgspec.json.encode(value, enc_hook=lambda model: model.model_dump(mode="json")))


@given(exchange_events())
def test_every_event_is_read_as_it_was_written(event: ExchangeEvent) -> None:
    content = content_of(event.TOPIC, CODEC.to_stored_event(event).state)
    assert type(content) is TOPICS[event.TOPIC]
    for name in type(content).__struct_fields__:
        mine, theirs = getattr(content, name), getattr(event, name)
        if isinstance(mine, datetime):
            assert mine == theirs
        elif name in {"headers", "body"} and mine:
            assert plain(mine) == plain(theirs)
        else:
            assert mine == theirs, name


def test_every_topic_is_known() -> None:
    assert TOPICS.keys() == {event.TOPIC for event in EXCHANGE_EVENTS}


def test_what_a_newer_nexus_wrote_is_foreign() -> None:
    assert content_of("response-completed", b'{"class_version":2}') == Foreign(2)
    assert content_of("client-key-issued", b'{"any":1}') == Foreign()


@pytest.mark.parametrize("state", [b"", b"{", b"{}", b"\x28\xb5\x2f\xfd", b'{"byte_count":1}'])
def test_a_broken_event_is_said(state: bytes) -> None:
    with pytest.raises(BrokenError):
        content_of("response-completed", state)


@given(st.binary(max_size=2000) | st.binary(min_size=1, max_size=9).map(lambda data: data * 300))
def test_payload_opens_to_what_was_packed(data: bytes) -> None:
    codec, packed = pack(data)
    assert payload_of(int(codec), packed, len(data)) == data


@pytest.mark.parametrize(
    ("codec", "data", "length", "words"),
    [
        (2, b"", 0, "codec 2 is unknown"),
        (0, b"ab", 3, "opens to 2 bytes and says 3"),
        (1, b"ab", 3, "no Zstandard frame"),
        (1, zstandard.compress(bytes(100)), 99, "more than 99"),
    ],
)
def test_broken_payload_is_said(codec: int, data: bytes, length: int, words: str) -> None:
    with pytest.raises(BrokenError, match=words):
        payload_of(codec, data, length)


def fetched(body: Body, stored: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Level by level, as from the tables."""
    parts: dict[bytes, bytes] = {}
    while keys := wanted(body, parts) & stored.keys():
        parts |= {key: stored[key] for key in keys}
    return parts


@settings(max_examples=30)
@given(json_texts(request_bodies()) | st.binary(max_size=200) | st.integers(0, 1).map(body_of))
def test_a_body_is_joined_to_what_was_cut(data: bytes) -> None:
    cut = writer.cut(data, KEY)
    body = Body(cut.reference.kind, cut.reference.key, cut.reference.digest)
    parts = fetched(body, {key: part.data for key, part in cut.parts.items()})
    assert parts.keys() == cut.parts.keys()
    assert joined(body, KEY, parts) == data
    with pytest.raises(BrokenError, match="other bytes"):
        joined(body, b"another key", parts)


def test_a_lost_part_is_said_wherever_it_lies() -> None:
    cut = writer.cut(body_of(5), KEY)
    body = Body(cut.reference.kind, cut.reference.key, cut.reference.digest)
    stored = {key: part.data for key, part in cut.parts.items()}
    assert len(stored) > 20
    for key in stored:
        rest = {one: data for one, data in stored.items() if one != key}
        assert wanted(body, fetched(body, rest)) == {key}
        with pytest.raises(BrokenError, match="a part of the body is missing"):
            joined(body, KEY, rest)


HEAD = b"NXR\x01"


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (b"NXR\x02", "does not begin"),
        (HEAD + b"\x05", "unknown kind 5"),
        (HEAD + b"\x01short", "ends within an item"),
        (HEAD + b"\x00\x03ab", "ends within an item"),
        (HEAD + b"\x00" + b"\xff" * 11, "does not end"),
        (HEAD + b"\x00", "does not end"),
    ],
)
def test_a_broken_recipe_is_said(recipe: bytes, words: str) -> None:
    with pytest.raises(BrokenError, match=words):
        items_of(recipe)


def test_long_numbers_are_read() -> None:
    (item,) = items_of(HEAD + b"\x03" + bytes(16) + b"\x80\x01" + b"\x01" + b"x")
    assert (item.at, item.data) == (128, b"x")


def test_recipes_that_hold_themselves_are_said() -> None:
    key = bytes(16)
    with pytest.raises(BrokenError, match="too deep"):
        wanted(Body("run", key.hex(), ""), {key: HEAD + b"\x04" + key})


@given(st.text(max_size=250) | st.sampled_from(["sha256:x", "plain", "a" * 201, "\ud800"]))
def test_scopes_are_named_as_their_table_names_them(scope: str) -> None:
    assert scope_row_of(scope) == stored_name(scope)
