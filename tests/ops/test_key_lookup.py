"""Which key is meant: by id, by a name that is clear, by itself; and never a key's text in an error."""

from dataclasses import replace

import pytest

from domain.client_keys import UnknownKeyError
from ops.key_lookup import meant, taken
from tests.key_samples import NOON, facts, text_of

ONE, TWO, OLD = facts(1, "ci"), facts(2, "farm"), replace(facts(3, "farm"), revoked_at=NOON)
KEYS = (OLD, ONE, TWO)


def test_a_key_is_named_by_its_id_or_by_its_name_or_by_itself() -> None:
    assert (
        meant(KEYS, ONE.key_id) == meant(KEYS, "ci") == meant(KEYS, text_of(1)) == meant(KEYS, f"{text_of(1)}\n") == ONE
    )


def test_of_one_name_the_key_in_force_is_meant() -> None:
    assert meant(KEYS, "farm") == TWO
    assert meant([OLD], "farm") == OLD
    assert meant(KEYS, OLD.key_id) == OLD


def test_an_id_goes_before_a_name() -> None:
    assert meant([ONE, replace(TWO, name=ONE.key_id)], ONE.key_id) == ONE


def test_a_name_that_several_have_is_refused_with_their_ids() -> None:
    other = facts(4, "ci")
    with pytest.raises(
        UnknownKeyError, match=f"2 keys are called 'ci'; name one by its id: {ONE.key_id}, {other.key_id}"
    ):
        meant([*KEYS, other], "ci")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("fram", f"did you mean farm ({TWO.key_id})?"),
        (ONE.key_id[:-1] + "x", f"did you mean {ONE.key_id} (ci)?"),
        ("something else", "`nexus keys list` shows"),
        ("", "`nexus keys list` shows"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(UnknownKeyError) as raised:
        meant([ONE, TWO], word)
    assert hint in str(raised.value)


@pytest.mark.parametrize("word", [text_of(9), text_of(1)[:-1], "cnx_typo"])
def test_a_key_that_is_none_of_ours_is_not_repeated(word: str) -> None:
    with pytest.raises(UnknownKeyError, match="none of ours") as raised:
        meant(KEYS, word)
    assert word not in str(raised.value)


def test_a_name_is_taken_by_a_key_in_force_only() -> None:
    assert taken(KEYS, "farm") == TWO
    assert taken([OLD], "farm") is None
    assert taken(KEYS, "new") is None
