"""Is every difference of system prompt, tools, settings and marks told, and nothing that only looks different?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.prompt_changes import COMPARED, CONTEXT, Change, Hunk, Mark, Prompt, changes, hunks_of, marks_of
from domain.transcript import Said
from schemas.anthropic.stream import JsonObject
from tests.strategies import json_values

MARK: JsonObject = {"cache_control": {"type": "ephemeral"}}
HOUR: JsonObject = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
lines = st.lists(st.sampled_from(["", "one", "two", "three "]), max_size=14)


def system(*texts: str) -> Prompt:
    return Prompt(system=[{"type": "text", "text": text} for text in texts])


def tools(*names: str, **members: Any) -> Prompt:
    return Prompt(tools=[{"name": name, "description": f"Does {name}.", **members} for name in names])


def told(before: Prompt, now: Prompt) -> list[tuple[str, str, str]]:
    return [(one.part, one.kind, one.name) for one in changes(before, now)]


def signed(hunks: tuple[Hunk, ...]) -> list[str]:
    return [f"{line.sign}{line.text}" for hunk in hunks for line in hunk]


settings = st.dictionaries(st.sampled_from(["model", "max_tokens", "thinking", "stream"]), json_values(3))


@given(settings, settings)
def test_every_setting_that_differs_is_told_once_the_model_first(before: JsonObject, now: JsonObject) -> None:
    found = changes(Prompt(settings=before), Prompt(settings=now))
    absent = object()
    differing = {name for name in before | now if before.get(name, absent) != now.get(name, absent)}
    assert {one.name for one in found} == differing
    assert len(found) == len(differing)
    assert [one.name for one in found][1:] == sorted(one.name for one in found[1:])
    for one in found:
        assert (one.part == "model") == (one.name == "model")
        assert (one.before, one.now) == (before.get(one.name), now.get(one.name))
        assert one.kind == ("added" if one.name not in before else "removed" if one.name not in now else "changed")


def test_a_setting_that_stays_is_not_told() -> None:
    before: JsonObject = {"model": "m", "max_tokens": 100, "thinking": None}
    now: JsonObject = {**before, "max_tokens": 200}
    assert told(Prompt(settings=before), Prompt(settings=now)) == [("setting", "changed", "max_tokens")]
    assert told(Prompt(settings=before), Prompt()) == [
        ("model", "removed", "model"),
        ("setting", "removed", "max_tokens"),
        ("setting", "removed", "thinking"),
    ]


prompts = st.builds(
    lambda texts, names, marked: Prompt(
        system=[{"type": "text", "text": text} | (MARK if marked else {}) for text in texts],
        tools=[{"name": name} for name in names],
    ),
    st.lists(st.text("ab ", max_size=3), max_size=5),
    st.lists(st.sampled_from("XYZ"), max_size=4),
    st.booleans(),
)


@given(prompts)
def test_a_prompt_is_not_changed_against_itself(prompt: Prompt) -> None:
    assert changes(prompt, prompt) == ()


@given(lines, lines)
def test_a_difference_can_be_applied(old: list[str], new: list[str]) -> None:
    """Oracle: without what came, the old lines stand there; without what went, the new; with CONTEXT around."""
    shown = [line for hunk in hunks_of("\n".join(old), "\n".join(new)) for line in hunk]
    went = [line.text for line in shown if line.sign != "+"]
    came = [line.text for line in shown if line.sign != "-"]
    old, new = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    assert (not shown) == (old == new)
    assert _stands_in(went, old)
    assert _stands_in(came, new)
    assert len(old) - sum(line.sign == "-" for line in shown) == len(new) - sum(line.sign == "+" for line in shown)


def _stands_in(some: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(line in rest for line in some)


@given(lines, lines)
def test_what_is_not_compared_closely_says_the_same(old: list[str], new: list[str]) -> None:
    """What went stands before what came; neither is shorter than where it is compared."""
    closely, plainly = (hunks_of("\n".join(old), "\n".join(new), closely=closely) for closely in (True, False))
    signs = "".join(line.sign for hunk in plainly for line in hunk).strip()
    assert signs == signs.count("-") * "-" + signs.count("+") * "+"
    for sign in "-+":
        texts = [[line.text for hunk in one for line in hunk if line.sign == sign] for one in (closely, plainly)]
        assert _stands_in(*texts)


def test_of_very_many_texts_the_first_are_compared_line_by_line() -> None:
    before, now = (system(*(f"{n}a\nsame\n{n}{end}" for n in range(COMPARED + 1))) for end in ("b", "c"))
    now = system(*(str(block["text"]).replace("a\n", "x\n") for block in now.system))
    kept = [sum(line.sign == " " for hunk in one.hunks for line in hunk) for one in changes(before, now)]
    assert kept == [1] * COMPARED + [0]


def test_far_from_what_changed_nothing_is_shown() -> None:
    old = [str(number) for number in range(30)]
    new = [*old[:10], "ten", *old[11:25], "more", *old[25:]]
    first, second = hunks_of("\n".join(old), "\n".join(new))
    assert [line.text for line in first] == ["8", "9", "10", "ten", "11", "12"]
    assert [line.text for line in second] == ["23", "24", "more", "25", "26"]
    assert len(second) == 2 * CONTEXT + 1


def test_changes_that_are_near_each_other_stand_together() -> None:
    old = [str(number) for number in range(12)]
    new = ["0", "x", *old[2:5], "y", *old[6:]]
    (hunk,) = hunks_of("\n".join(old), "\n".join(new))
    assert signed((hunk,)) == [" 0", "-1", "+x", " 2", " 3", " 4", "-5", "+y", " 6", " 7"]


def test_tools_come_go_and_change() -> None:
    before, now = tools("Bash", "Read"), tools("Edit", "Bash")
    assert told(before, now) == [("tool", "added", "Edit"), ("tool", "removed", "Read")]
    (changed,) = changes(before, Prompt(tools=[before.tools[0], {"name": "Read", "description": "Reads."}]))
    assert (changed.kind, changed.name) == ("changed", "Read")
    assert '-  "description": "Does Read.",' in signed(changed.hunks)
    assert '+  "description": "Reads.",' in signed(changed.hunks)


def test_the_same_tools_in_another_order_are_told_once() -> None:
    assert told(tools("Bash", "Read"), tools("Read", "Edit", "Bash")) == [
        ("tool", "added", "Edit"),
        ("tool order", "changed", ""),
    ]


def test_a_mark_on_a_tool_changes_the_marks_alone() -> None:
    (change,) = changes(tools("Bash"), tools("Bash", **MARK))
    assert (change.part, change.kind) == ("marks", "added")
    assert change.marks == (Mark("tool", "Bash", "5m"),)


def test_a_system_prompt_is_compared_block_by_block() -> None:
    before, now = (
        system("You help.", "Date: Monday\nBe brief.", "End"),
        system("You help.", "Date: Tuesday\nBe brief.", "End"),
    )
    (change,) = changes(before, now)
    assert (change.part, change.kind, change.name) == ("system", "changed", "2")
    assert signed(change.hunks) == ["-Date: Monday", "+Date: Tuesday", " Be brief."]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (system("A"), system("A", "B"), [("system", "added", "2")]),
        (system("A", "B"), system("B"), [("system", "removed", "1")]),
        (system("A", "B", "C"), system("X", "C"), [("system", "changed", "1"), ("system", "removed", "2")]),
        (system("A"), system("A\n<system-reminder>Mind.</system-reminder>"), []),
        (system("x-anthropic-billing-header: cch=1", "A"), system("x-anthropic-billing-header: cch=2", "A"), []),
        (system("x-anthropic-billing-header: cch=1", "A"), system("A"), []),
        (system(), system(" "), []),
    ],
)
def test_system_blocks_come_and_go(before: Prompt, now: Prompt, expected: list[Any]) -> None:
    assert told(before, now) == expected


def test_a_system_block_that_is_no_text_is_compared_as_json() -> None:
    before, now = (Prompt(system=[{"type": "odd", "n": number, **MARK}]) for number in (1, 2))
    (change,) = changes(before, now)
    assert signed(change.hunks) == [" {", '-  "n": 1,', '+  "n": 2,', '   "type": "odd"', " }"]


def said(*marks: JsonObject) -> Prompt:
    """Messages with one block each."""
    return Prompt(messages=[Said("user", ({"type": "text", "text": "x", **mark},)) for mark in marks])


def test_marks_in_messages_move_on_with_every_request() -> None:
    before, now = said({}, MARK, {}, MARK), said({}, {}, {}, MARK, {}, MARK)
    assert marks_of(before) == (Mark("message", "3", "5m"), Mark("message", "1", "5m"))
    assert changes(before, now) == ()


@pytest.mark.parametrize(
    ("before", "now", "kind"), [(said(MARK), said(HOUR), "changed"), (said(MARK), said({}), "removed")]
)
def test_marks_that_are_set_otherwise_are_told(before: Prompt, now: Prompt, kind: str) -> None:
    (change,) = changes(before, now)
    assert change == Change(part="marks", kind=kind, name="", marks_before=marks_of(before), marks=marks_of(now))  # type: ignore[arg-type]  # one of the kinds


def test_a_mark_in_the_system_prompt_is_told_by_its_block() -> None:
    prompt = Prompt(system=[{"type": "text", "text": "A"}, {"type": "text", "text": "B", **HOUR}])
    assert marks_of(prompt) == (Mark("system", "2", "1h"),)


def test_a_tool_without_a_name_is_no_harm() -> None:
    assert told(Prompt(), Prompt(tools=[{"name": 7}])) == [("tool", "added", "")]
