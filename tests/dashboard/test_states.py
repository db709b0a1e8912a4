"""How an exchange ended is one of four words."""

import pytest

from dashboard.states import state_of


@pytest.mark.parametrize(
    ("outcome", "status", "error", "state"),
    [
        ("open", None, None, "running"),
        ("open", 200, "overloaded_error", "running"),
        ("completed", 200, None, "done"),
        ("completed", None, None, "done"),
        ("completed", 399, None, "done"),
        ("completed", 400, None, "failed"),
        ("completed", 200, "overloaded_error", "failed"),
        ("client", 200, None, "cut"),
        ("client", 529, "overloaded_error", "cut"),
        ("shutdown", None, None, "cut"),
        ("upstream", 200, None, "failed"),
        ("timeout", None, None, "failed"),
        ("gateway_crash", None, None, "failed"),
    ],
)
def test_how_it_ended(outcome: str, status: int | None, error: str | None, state: str) -> None:
    assert state_of(outcome, status, error) == state
