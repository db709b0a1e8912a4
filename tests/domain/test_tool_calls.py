"""Are edits told as differences, and lists as lists, and is every other input nothing?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tool_calls import MAX_COMPARED, DiffLine, Todo, difference, edits_of, todos_of
from schemas.anthropic.stream import JsonValue


def test_an_edit_is_a_difference_by_line() -> None:
    (edit,) = edits_of("Edit", {"file_path": "a.py", "old_string": "x\ny\nz", "new_string": "x\nw\nz"})
    assert edit.path == "a.py"
    assert [(line.sign, line.text) for line in edit.lines] == [(" ", "x"), ("-", "y"), ("+", "w"), (" ", "z")]


def test_many_edits_are_each_one() -> None:
    edits: JsonValue = [{"old_string": "a", "new_string": "b"}, 5, {"old_string": "c", "new_string": ""}]
    found = edits_of("MultiEdit", {"file_path": "a.py", "edits": edits})
    assert [edit.lines for edit in found] == [(DiffLine("-", "a"), DiffLine("+", "b")), (DiffLine("-", "c"),)]


def test_a_new_file_is_all_new() -> None:
    (edit,) = edits_of("Write", {"file_path": "a.py", "content": "a\nb"})
    assert edit.lines == (DiffLine("+", "a"), DiffLine("+", "b"))


@pytest.mark.parametrize(("name", "given"), [("Edit", {}), ("Bash", {"command": "ls"}), ("Write", None), ("Edit", 5)])
def test_anything_else_is_no_edit(name: str, given: JsonValue) -> None:
    assert edits_of(name, given) == ()


def test_things_to_do_are_a_list() -> None:
    todos: JsonValue = [{"content": "Look", "status": "completed"}, "x", {"content": 5}]
    assert todos_of("TodoWrite", {"todos": todos}) == (Todo("Look", "completed"), Todo("", ""))
    assert todos_of("TodoWrite", {"todos": "x"}) == ()


def test_a_very_long_edit_is_told_plainly() -> None:
    old = "\n".join("a" * (MAX_COMPARED + 1))
    assert difference(old, "a")[-1] == DiffLine("+", "a")
    assert len(difference(old, "a")) == MAX_COMPARED + 2
    assert difference("a", old)[0] == DiffLine("-", "a")


@given(st.text("ab\n", max_size=40), st.text("ab\n", max_size=40))
def test_both_sides_can_be_read_off_a_difference(old: str, new: str) -> None:
    lines = difference(old, new)
    assert [line.text for line in lines if line.sign != "+"] == old.splitlines()
    assert [line.text for line in lines if line.sign != "-"] == new.splitlines()
