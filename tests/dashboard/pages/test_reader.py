"""Whatever a browser sends, a page gets one of a few acts, or nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.reader import MAX_TEXT, Acted, Asked, Ready, Visible, read_act
from tests.strategies import json_values

KNOWN: list[tuple[dict[str, Any], object]] = [
    ({"kind": "ready", "search": "?a=b", "visible": True}, Ready("?a=b", True)),
    ({"kind": "visible", "visible": False}, Visible(False)),
    ({"kind": "query", "search": ""}, Asked("")),
    ({"kind": "act", "name": "select", "value": "x"}, Acted("select", "x")),
]


@pytest.mark.parametrize(("message", "act"), KNOWN)
def test_known_acts_are_read(message: dict[str, Any], act: object) -> None:
    assert read_act(message) == act
    assert read_act(message | {"more": 1}) == act


@pytest.mark.parametrize(("message", "_"), KNOWN)
def test_an_act_with_a_member_missing_or_of_another_type_is_none(message: dict[str, Any], _: object) -> None:
    for name in message:
        assert read_act({key: value for key, value in message.items() if key != name}) is None
        assert read_act(message | {name: 7}) is None
        assert read_act(message | {name: None}) is None


def test_too_much_text_is_none() -> None:
    most = "x" * MAX_TEXT
    assert read_act({"kind": "query", "search": most}) == Asked(most)
    assert read_act({"kind": "query", "search": most + "x"}) is None
    assert read_act({"kind": "ready", "search": most + "x", "visible": True}) is None
    assert read_act({"kind": "act", "name": "", "value": most}) == Acted("", most)
    assert read_act({"kind": "act", "name": "x", "value": most}) is None


@given(json_values(3) | st.binary() | st.none())
def test_anything_else_is_none(message: object) -> None:
    assert read_act(message) is None
