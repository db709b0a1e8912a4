"""Keys are hidden wherever they stand; everything else, and every length, stays."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.secrets_in_text import hide, hide_bytes, hide_in, may_hold_keys
from schemas.anthropic.stream import JsonValue

PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKC\nqwerty==\n-----END RSA PRIVATE KEY-----"
WORDS = st.text(st.characters(exclude_characters="-_", exclude_categories=["Cs"]), max_size=20)
TAILS = st.text("ABCDEFabcdef0123456789", min_size=40, max_size=60)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("sk-ant-api03-AbCdEf0123456789", "sk-ant-" + "*" * 22),
        ("sk-ant-oat01-" + "x" * 80, "sk-ant-" + "*" * 86),
        ("cnx_abcd1234_" + "Z" * 43 + "_0a1b2c3d", "cnx_abcd1234_" + "*" * 52),
        ("ghp_" + "a1" * 18, "ghp_" + "*" * 36),
        ("github_pat_" + "a1" * 20, "github_pat_" + "*" * 40),
        ("glpat-" + "a1" * 10, "glpat-" + "*" * 20),
        ("xoxb-123456789012-abcdef", "xoxb-" + "*" * 19),
        ("AKIAABCDEFGHIJKLMNOP", "AKIA" + "*" * 16),
        ("AIza" + "b" * 35, "AIza" + "*" * 35),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJ" + "*" * 35),
        (PRIVATE, "-----BEGIN RSA PRIVATE KEY-----\n************\n********\n-----END RSA PRIVATE KEY-----"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY-----\n****"),
    ],
)
def test_keys_are_hidden(text: str, hidden: str) -> None:
    assert hide(text) == hidden
    assert hide(f"the key: {text}\n") == f"the key: {hidden}\n"
    assert hide_bytes(f"é {text}".encode()) == f"é {hidden}".encode()


@pytest.mark.parametrize(
    "key",
    [
        "sk-ant-api03-" + "A" * 40,
        "cnx_abcd1234_" + "Z" * 43,
        "xoxb-123456789012-abcdef",
        "eyJhbGciOiJI.eyJzdWIi.c2lnbmF0dXJl",
    ],
)
@given(st.data())
def test_a_key_that_came_in_pieces_is_hidden_also_if_its_beginning_was(key: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(key)))
    assert hide(hide(key[:cut]) + key[cut:]) == hide(key)
    assert hide_bytes(hide_bytes(key[:cut].encode()) + key[cut:].encode()) == hide(key).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-ant-short",
        "a task-antipattern-that-is-no-key",
        "the cnx_ prefix of keys",
        "eyJ is how JSON begins",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "iVBORw0KGgoAAAAAAAAIzabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "xAKIAABCDEFGHIJKLMNOPQ",
        "eyJ" + "*" * 35 + ". And so on.",
    ],
)
def test_what_is_no_key_stays(text: str) -> None:
    assert hide(text) == text
    assert hide_bytes(text.encode()) == text.encode()


@given(WORDS, TAILS, WORDS)
def test_hiding_is_final_and_keeps_the_length(before: str, tail: str, after: str) -> None:
    text = f"{before} sk-ant-{tail} {after}"
    hidden = hide(text)
    assert tail not in hidden
    assert len(hidden) == len(text)
    assert hide(hidden) == hidden
    assert hidden.startswith(before)
    assert hidden.endswith(after)


@given(WORDS, TAILS)
def test_text_and_bytes_are_hidden_alike(before: str, tail: str) -> None:
    text = f"{before} ghp_{tail}"
    assert hide_bytes(text.encode()).decode() == hide(text)


@given(st.binary(max_size=200))
def test_bytes_of_anything_keep_their_length(data: bytes) -> None:
    assert len(hide_bytes(data)) == len(data)


def test_a_value_is_hidden_to_its_leaves() -> None:
    key = "sk-ant-api03-AbCdEf0123456789"
    value: JsonValue = {key: [key, {"a": key}], "n": 1, "none": None, "yes": True, "f": 1.5}
    found = hide_in(value)
    assert not re.search("AbCdEf", repr(found))
    assert found == {hide(key): [hide(key), {"a": hide(key)}], "n": 1, "none": None, "yes": True, "f": 1.5}


def test_a_beginning_is_hidden_as_the_beginning_of_the_whole() -> None:
    whole = "use sk-ant-" + "k" * 90 + " for it"
    assert hide(whole).startswith(hide(whole[:60]))


@pytest.mark.parametrize("escaped", [True, False])
@given(before=WORDS, tail=TAILS)
def test_json_that_may_hold_no_keys_holds_none(escaped: bool, before: str, tail: str) -> None:
    """However it is written: an escape may stand for any letter."""
    values: list[JsonValue] = [{"a": [before]}, {"a": f"{before} ghp_{tail}"}]
    for value in values:
        text = json.dumps(value, ensure_ascii=escaped)
        for written in (text, text.replace("ghp_", "gh\\u0070_")):
            if not may_hold_keys(written.encode()):
                assert hide_in(value) == value
    assert may_hold_keys(b'{"a": "sk\\u002dant-"}')
    assert not may_hold_keys(b'{"a": "plain"}')
