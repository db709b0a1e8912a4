"""A client domain is a lower-case host name of bounded labels, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client_domains import MAX_CHARS, is_client_domain

FULL = ".".join(["a" * 63] * 3 + ["b" * 61])


@pytest.mark.parametrize("text", ["localhost", "team-a.example", "a_b.example", "_x", "127.0.0.1", "a" * 63, FULL])
def test_host_names_are(text: str) -> None:
    assert is_client_domain(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a..b", "A.example", "-a", "a-", "a" * 64, f"{FULL}b", "a b", "a\n", "a:1", "a/b", "\u0430"],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_client_domain(text)


@given(st.integers(1, MAX_CHARS))
def test_where_there_is_less_room_less_is_taken(most: int) -> None:
    assert is_client_domain(FULL, most) is (most >= len(FULL))
    assert is_client_domain(FULL[:1], most)
