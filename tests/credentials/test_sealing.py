"""Sealed content opens with its key under its name, and in no other way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.sealing import KEY_BYTES, SealError, SealKey, WrongSealKeyError, is_sealed, sealed, unsealed

KEY = SealKey(b"k" * KEY_BYTES)
OTHER = SealKey(b"o" * KEY_BYTES)


@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_and_is_not_to_be_read(plain: bytes) -> None:
    box = sealed(plain, "acme.example", KEY)
    assert unsealed(box, "acme.example", KEY) == plain
    assert is_sealed(box)
    assert len(plain) < 4 or plain not in box


def test_another_key_is_named_and_changes_nothing() -> None:
    box = sealed(b"{}", "acme.example", KEY)
    with pytest.raises(WrongSealKeyError, match="restore the key file"):
        unsealed(box, "acme.example", OTHER)


def test_under_another_name_it_does_not_open() -> None:
    box = sealed(b"{}", "acme.example", KEY)
    for name in ("acme.exampl", "other.example", ""):
        with pytest.raises(SealError, match="renamed"):
            unsealed(box, name, KEY)


@given(st.data())
def test_a_changed_or_cut_file_does_not_open(data: st.DataObject) -> None:
    content = json.loads(sealed(b"a secret", "acme.example", KEY))
    field = data.draw(st.sampled_from(["nonce", "data"]))
    text = content[field]
    at = data.draw(st.integers(0, len(text) - 5))
    content[field] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(SealError):
        unsealed(json.dumps(content).encode(), "acme.example", KEY)


@pytest.mark.parametrize(
    "box", [b"", b"[]", b"{", b"{}", b'{"nexus-sealed": 2}', b'{"nexus-sealed": "1"}', b"[" * 100_000]
)
def test_another_format_is_refused(box: bytes) -> None:
    with pytest.raises(SealError, match="newer Nexus"):
        unsealed(box, "acme.example", KEY)


@pytest.mark.parametrize("field", ["nonce", "data"])
def test_a_field_that_is_missing_or_no_base64_is_refused(field: str) -> None:
    content = json.loads(sealed(b"x", "acme.example", KEY))
    for wrong in ({k: v for k, v in content.items() if k != field}, {**content, field: "*"}, {**content, field: 3}):
        with pytest.raises(SealError):
            unsealed(json.dumps(wrong).encode(), "acme.example", KEY)


def test_no_two_boxes_are_alike() -> None:
    assert len({json.loads(sealed(b"x", "a", KEY))["nonce"] for _ in range(500)}) == 500


def test_a_plain_file_is_not_sealed() -> None:
    assert not is_sealed(b'{"type": "api_key"}')
    assert not is_sealed(b"\0\0")


def test_keys_are_told_apart_and_say_nothing() -> None:
    assert KEY.key_id != OTHER.key_id
    assert KEY.secret.hex() not in KEY.key_id
    assert "kkkk" not in repr(KEY)


def test_a_fingerprint_is_keyed() -> None:
    assert KEY.fingerprint("sk-1") == KEY.fingerprint("sk-1")
    assert len({KEY.fingerprint("sk-1"), KEY.fingerprint("sk-2"), OTHER.fingerprint("sk-1")}) == 3
    assert "sk-1" not in KEY.fingerprint("sk-1")
