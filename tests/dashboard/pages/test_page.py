"""What all pages share."""

from uuid import UUID

import pytest

from dashboard.pages.page import member_of


def test_an_id_is_read() -> None:
    assert member_of("0192f5a0-0000-7000-8000-000000000001") == UUID("0192f5a0-0000-7000-8000-000000000001")


@pytest.mark.parametrize("text", ["", "x", "0192f5a0", "../..", "0192f5a0-0000-7000-8000-00000000000g"])
def test_anything_else_is_no_id(text: str) -> None:
    assert member_of(text) is None
