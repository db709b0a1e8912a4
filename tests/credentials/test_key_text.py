"""A client key: one way to write it, every part of it tells, none of it is kept but a hash."""

import hashlib
import zlib
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.key_text import RANDOM_BYTES, SECRET_BYTES, ClientKeyText, hash_of, looks_like_ours, make, parse
from tests.key_samples import text_of

RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
KEY = text_of(12345)


@given(RANDOM)
def test_a_key_holds_its_id_its_secret_and_a_checksum_of_both(random_bytes: bytes) -> None:
    key = make(random_bytes)
    before, checksum = key.text[:-9], key.text[-8:]
    assert len(key.text) == 65
    assert key.text.startswith(f"cnx_{key.key_id}_")
    assert urlsafe_b64decode(key.text[13:56] + "=") == random_bytes[:SECRET_BYTES]
    assert int(checksum, 16) == zlib.crc32(before.encode())


@given(RANDOM)
def test_a_key_is_taken_apart_as_text_and_as_bytes(random_bytes: bytes) -> None:
    key = make(random_bytes)
    assert parse(key.text) == parse(key.text.encode()) == key


@given(RANDOM, st.integers(0, 64), st.characters(codec="utf-8"))
def test_one_wrong_character_makes_it_no_key(random_bytes: bytes, place: int, letter: str) -> None:
    text = make(random_bytes).text
    wrong = text[:place] + letter + text[place + 1 :]
    assert (parse(wrong) is None) == (wrong != text)


def signed(text: str) -> str:
    return f"{text}_{zlib.crc32(text.encode()):08x}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cnx_",
        KEY[:-1],
        KEY + "0",
        f" {KEY}",
        f"{KEY}\n",
        f"Bearer {KEY}",
        KEY.upper(),
        signed(KEY[:55]),
        signed(KEY[:55] + "B"),  # the same 32 bytes in another writing
        signed(KEY[:12] + KEY[12:56].replace("A", "+")),
        signed("cnx_ABCDEFGH" + KEY[12:56]),
        signed("cnx_abcdefg" + KEY[12:56]),
        "sk-ant-api03-" + "A" * 60,
    ],
)
def test_what_is_not_exactly_a_key_is_none(text: str) -> None:
    assert parse(text) is None
    assert parse(text.encode()) is None


def test_bytes_that_are_no_text_are_no_key() -> None:
    assert parse(b"\xff" * 65) is None
    assert parse("\u0660" * 65) is None


@given(st.lists(RANDOM, min_size=2, max_size=2, unique=True))
def test_different_secrets_give_different_keys(two: list[bytes]) -> None:
    one, other = make(two[0]).text, make(two[1]).text
    assert (one == other) == (two[0][:SECRET_BYTES] == two[1][:SECRET_BYTES] and one[:12] == other[:12])


def test_public_ids_use_all_their_letters_evenly() -> None:
    ids = "".join(make(hashlib.sha512(n.to_bytes(2)).digest()[:RANDOM_BYTES]).key_id for n in range(2000))
    assert set(ids) == set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert max(ids.count(letter) for letter in set(ids)) < 2 * min(ids.count(letter) for letter in set(ids))


def test_the_hash_is_of_the_whole_key() -> None:
    assert hash_of(KEY) == hash_of(KEY.encode()) == hashlib.sha256(KEY.encode()).digest()


def test_a_key_does_not_show_itself() -> None:
    assert KEY not in repr(ClientKeyText("abcdefgh", KEY))


def test_keys_that_share_their_first_forty_characters_are_different_keys() -> None:
    """Test 50 of the bar: nothing may go by a prefix."""
    start = bytes(27)
    made = [make(start + number.to_bytes(5) + bytes(8)) for number in range(10_000)]
    assert len({key.text[:40] for key in made}) == 1
    assert len({hash_of(key.text) for key in made}) == len(made)


@pytest.mark.parametrize("text", [KEY, KEY[:-5], "cnx_", f"  {KEY}", f"\t{KEY}", KEY.upper(), "CnX_nonsense"])
def test_what_means_to_be_ours_is_known_by_its_start(text: str) -> None:
    assert looks_like_ours(text)
    assert looks_like_ours(text.encode())


@pytest.mark.parametrize("text", ["", "cnx", "cn", "sk-ant-cnx_", "x" + KEY])
def test_others_keys_do_not_look_like_ours(text: str) -> None:
    assert not looks_like_ours(text)
    assert not looks_like_ours(text.encode())
