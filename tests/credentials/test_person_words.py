"""Words to log in with: made once, written in one way, told apart by kind, and nothing is kept but a hash."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.person_words import ID_BYTES, SECRET_BYTES, Kind, hash_of, make, make_id, parse

SECRETS = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)
IDS = st.binary(min_size=ID_BYTES, max_size=ID_BYTES).map(make_id)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(["key", "link"])


@given(KINDS, IDS, SECRETS)
def test_a_word_is_read_as_it_was_made(kind: Kind, person_id: str, secret: bytes) -> None:
    word = make(kind, person_id, secret)
    assert parse(word.text) == word
    assert (word.kind, word.person_id, len(person_id)) == (kind, person_id, 8)
    assert hash_of(word.text) == hashlib.sha256(word.text.encode()).hexdigest()
    assert word.text not in repr(word)


@given(KINDS, IDS, SECRETS, st.data())
def test_a_changed_word_is_another_one_or_none(kind: Kind, person_id: str, secret: bytes, data: st.DataObject) -> None:
    text = make(kind, person_id, secret).text
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("aZ9_-= \n").filter(lambda one: one != text[place]))
    other = parse(text[:place] + letter + text[place + 1 :])
    assert other is None or hash_of(other.text) != hash_of(text)


@pytest.mark.parametrize(
    "text", ["", "nxd_", "cnx_abcdefgh_x", "the-owner's-own-key", "nxd_abcdefgh_" + "A" * 44, "\ud800"]
)
def test_anything_else_is_none(text: str) -> None:
    assert parse(text) is None
    assert hash_of(text)


@given(SECRETS)
def test_the_last_letter_has_no_second_spelling(secret: bytes) -> None:
    text = make("key", "abcdefgh", secret).text
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [letter for letter in letters if parse(text[:-1] + letter)]
    assert text[-1] in spellings
    assert len(spellings) == 16  # four bits of the last byte's end: each is another secret
