"""The raw tree shows what is open, counts what is hidden, and its places lead to the values they name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import OpenedBody
from dashboard.views import raw_json
from dashboard.views.raw_json import LONG_CHARS, MAX_LINES, MAX_MEMBERS, SHORT_CHARS, JsonLine, json_lines, raw_side
from tests.strategies import json_values

VALUE: dict[str, Any] = {"model": "opus", "messages": [{"role": "user"}, {}], "n": 1.5, "stream": True, "none": None}


def line_at(place: str, value: Any, *opened: str) -> JsonLine:
    return next(line for line in json_lines(value, opened) if line.place == place)


def value_at(value: Any, place: str) -> Any:
    """Oracle: walk by numbers."""
    for number in map(int, place.split(".")) if place else ():
        value = list(value.values())[number] if isinstance(value, dict) else value[number]
    return value


def every_place(value: Any, place: str = "") -> list[str]:
    members = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    inner = [at for number, member in enumerate(members) for at in every_place(member, f"{place}.{number}".lstrip("."))]
    return [place, *inner]


@given(json_values())
def test_with_everything_open_every_value_has_its_line(value: Any) -> None:
    places = every_place(value)
    lines = json_lines(value, places)
    assert [line.place for line in lines] == places
    for line in lines:
        if line.kind in {"number", "literal"}:
            assert json.loads(line.text) == value_at(value, line.place)
        assert line.depth == (line.place.count(".") + 1 if line.place else 0)


@given(json_values(), st.sets(st.sampled_from(["0", "1", "0.0", "0.1", "2.3", "x", ""])))
def test_only_what_stands_in_something_open_is_shown(value: Any, opened: set[str]) -> None:
    for line in json_lines(value, opened):
        parents = [line.place.rsplit(".", count)[0] for count in range(1, line.place.count(".") + 1)]
        assert set(parents) <= opened


def test_at_first_the_whole_is_open_and_nothing_in_it() -> None:
    lines = json_lines(VALUE, ())
    assert [(line.place, line.name, line.kind, line.text, line.opens, line.opened) for line in lines] == [
        ("", None, "object", "{model, messages, n, stream, none}", True, True),
        ("0", "model", "string", '"opus"', False, False),
        ("1", "messages", "array", "[2]", True, False),
        ("2", "n", "number", "1.5", False, False),
        ("3", "stream", "literal", "true", False, False),
        ("4", "none", "literal", "null", False, False),
    ]


def test_what_is_empty_does_not_open() -> None:
    assert not line_at("1.1", VALUE, "1").opens
    assert line_at("1.0", VALUE, "1").opens
    assert line_at("1.0", VALUE, "1").name is None


@pytest.mark.parametrize("value", ["x" * (SHORT_CHARS + 1), "two\nlines"])
def test_a_long_string_opens(value: str) -> None:
    closed, opened = line_at("0", [value]), line_at("0", [value], "0")
    assert (closed.opens, closed.opened) == (True, False)
    assert (opened.text, opened.opened) == (value, True)
    assert len(closed.text) < SHORT_CHARS + 40


def test_the_rest_of_a_string_is_counted() -> None:
    assert line_at("0", ["x" * (SHORT_CHARS + 7)]).text.endswith('" … 7 more characters')
    assert line_at("0", ["x" * (LONG_CHARS + 7)], "0").text == "x" * LONG_CHARS + " … 7 more characters"
    assert not line_at("0", ["x" * SHORT_CHARS]).opens


def test_of_very_many_members_the_first_are_shown() -> None:
    lines = json_lines([list(range(MAX_MEMBERS + 3))], ("0",))
    assert lines[1].text == f"[{MAX_MEMBERS + 3}], the first {MAX_MEMBERS} shown"
    assert len(lines) == MAX_MEMBERS + 2
    names = {f"n{number}": 1 for number in range(MAX_MEMBERS + 3)}
    assert line_at("0", [names]).text.endswith(f"…, the first {MAX_MEMBERS} shown")


def test_a_page_never_gets_more_lines_than_it_can_bear() -> None:
    value: Any = [[0] * MAX_MEMBERS for _ in range(20)]
    assert len(json_lines(value, [str(number) for number in range(20)])) == MAX_LINES


def side(data: bytes, *opened: str) -> raw_json.RawSide:
    return raw_side("request", OpenedBody("kept", "complete", data), opened)


def test_a_body_that_is_json_is_a_tree() -> None:
    it = side(b'{"a": {"b": 1}}', "request:0", "response:0.0")
    assert [line.place for line in it.lines] == ["", "0", "0.0"]
    assert it.text is None


def test_any_other_body_is_text() -> None:
    it = side(b"event: ping\ndata: {}\n\n")
    assert it.lines == ()
    assert it.text is not None
    assert it.text.segments[0].text == "event: ping\ndata: {}\n\n"


def test_nothing_and_too_much_are_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (side(b"").lines, side(b"").text) == ((), None)
    monkeypatch.setattr(raw_json, "MAX_TREE_BYTES", 3)
    assert side(b"1234").text is None
    assert side(b"123").lines


def test_a_key_with_escaped_letters_is_hidden() -> None:
    side = raw_side("request", OpenedBody("kept", "complete", b'["\\u0073k-ant-api03-AbCdEf0123456789"]'), {"request:"})
    assert [line.text for line in side.lines if line.kind == "string"] == ['"sk-ant-' + "*" * 22 + '"']
