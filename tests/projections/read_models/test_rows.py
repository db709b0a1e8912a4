"""Text from the wire can always be stored; records keep their values."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from projections.read_models.rows import MAX_TEXT, as_json, storable, storable_or_none


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")) | st.just("a\x00\ud800b"))
def test_any_text_can_be_stored_and_good_text_is_kept(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\x00" not in kept
    assert len(kept) == min(len(text), MAX_TEXT)
    assert all(now == before for now, before in zip(kept, text, strict=False) if now != "\N{REPLACEMENT CHARACTER}")


def test_text_is_bounded_and_nothing_stays_nothing() -> None:
    assert storable("abcdef", 3) == "abc"
    assert storable_or_none(None) is None
    assert storable_or_none("a\x00") == "a\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Row:
    at: datetime
    one: UUID
    words: tuple[str, ...]


def test_records_become_json() -> None:
    row = Row(datetime(2026, 1, 1, 2, 3, 4, 5, tzinfo=UTC), UUID(int=1), ("a", "ü"))
    assert json.loads(as_json([row])) == [
        {"at": "2026-01-01T02:03:04.000005Z", "one": str(UUID(int=1)), "words": ["a", "ü"]}
    ]


def test_no_key_gets_into_a_row() -> None:
    key = "sk-ant-api03-" + "AbCdEf0123456789" * 3
    assert storable(f"use {key}", 30) == "use sk-ant-" + "*" * 19
