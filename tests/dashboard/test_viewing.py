"""The front's word on who looks: read as it was written, and nothing else is anybody."""

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.viewing import read, written
from domain.viewers import OWNER, ROLES, Viewer

VIEWERS = st.builds(
    Viewer,
    name=st.text(),
    role=st.sampled_from(ROLES),
    accounts=st.none() | st.frozensets(st.text(), max_size=4),
    person_id=st.none() | st.text(),
)
GOOD = {"name": "ada", "role": "reader", "accounts": ["acme"], "person": "abcd1234"}


@given(VIEWERS)
def test_it_is_read_as_it_was_written(viewer: Viewer) -> None:
    assert read(written(viewer)) == viewer
    assert written(viewer).isascii()
    assert written(viewer).isprintable()


def said(**changes: object) -> str:
    return urlsafe_b64encode(json.dumps(GOOD | changes).encode()).decode()


@pytest.mark.parametrize(
    "value",
    ["", "x", "é", "bm9ib2R5", said(role="root"), said(name=1), said(accounts="acme"), said(accounts=[1]),
     said(role=None), said(person=7), said(person=["abcd1234"]),
     urlsafe_b64encode(b"[]").decode(), urlsafe_b64encode(b"\xff\xff").decode(), written(OWNER)[:-4]],
)  # fmt: skip
def test_anything_else_is_nobody(value: str) -> None:
    assert read(said()) == Viewer(name="ada", role="reader", accounts=frozenset({"acme"}), person_id="abcd1234")
    assert read(value) is None


@pytest.mark.parametrize("left_out", sorted(GOOD))
def test_half_a_word_is_nobody(left_out: str) -> None:
    """Above all not the owner, who has no id."""
    half = {name: value for name, value in GOOD.items() if name != left_out}
    assert read(urlsafe_b64encode(json.dumps(half).encode()).decode()) is None


@given(st.text())
def test_no_text_is_a_mistake_of_ours(text: str) -> None:
    assert read(text) is None or written(read(text) or OWNER)
