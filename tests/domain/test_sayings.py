"""Every block with words is a saying at its place, and marks tell equal beginnings apart from others."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.assembly import assemble
from domain.request_view import view_of_json
from domain.said import said_in
from domain.sayings import EVERY, MOST, Saying, Thread, marks_of, sayings_of

TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "Look."},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "image", "source": {}},
            {"type": "tool_result", "tool_use_id": "t1", "content": "a.py", "is_error": True},
            {"type": "tool_result", "tool_use_id": "t0", "content": "lost"},
        ],
    },
]
ANSWER = {"type": "message", "content": [{"type": "text", "text": "Done."}, {"type": "text", "text": ""}]}
WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3 * EVERY)


def body(messages: list[dict[str, Any]]) -> bytes:
    return json.dumps({"messages": messages}).encode()


def sayings(words: list[str]) -> tuple[Saying, ...]:
    return sayings_of(view_of_json(body([{"role": "user", "content": word} for word in words])), None)


def test_sayings_have_places_roles_and_tools() -> None:
    found = sayings_of(view_of_json(body(TALK)), assemble(json.dumps(ANSWER).encode(), "application/json"))
    assert [(one.place, one.in_answer, one.role, one.tool_name) for one in found] == [
        (0, False, "user", ""),
        (1, False, "assistant", ""),
        (2, False, "assistant", "Bash"),
        (4, False, "user", "Bash"),
        (5, False, "user", ""),
        (0, True, "assistant", ""),
    ]
    for one in found:
        said = said_in(one.block)
        assert said is not None
        assert said.digest == one.digest


def test_nothing_recorded_says_nothing() -> None:
    assert sayings_of(None, None) == ()


def test_more_than_any_talk_is_cut() -> None:
    assert len(sayings(["x"] * (MOST + 5))) == MOST


@given(WORDS, WORDS)
def test_a_mark_is_equal_for_equal_beginnings_only(one: list[str], other: list[str]) -> None:
    marks, others = marks_of(b"thread", sayings(one)), marks_of(b"thread", sayings(other))
    assert len(marks) == len(one) // EVERY
    for number, (mark, against) in enumerate(zip(marks, others, strict=False), 1):
        assert (mark == against) == (one[: number * EVERY] == other[: number * EVERY])
    assert not set(marks) & set(marks_of(b"another", sayings(one)))


def test_answers_have_no_marks() -> None:
    answer = {"type": "message", "content": [{"type": "text", "text": f"{n}"} for n in range(20)]}
    found = sayings_of(view_of_json(body(TALK)), assemble(json.dumps(answer).encode(), "application/json"))
    assert marks_of(b"t", found) == []


def test_threads_are_told_apart() -> None:
    said = sayings(["a", "b"])
    keys = {
        Thread(scope, session, agent, aside).key(said)
        for scope in ("s", "t")
        for session in ("", "1")
        for agent in ("", "2")
        for aside in (True, False)
    }
    assert len(keys) == 16
    assert Thread("s", "1", "", aside=False).key(said) == Thread("s", "1", "", aside=False).key(sayings(["c"]))
    assert Thread("s", "", "", aside=False).key(said) == Thread("s", "", "", aside=False).key(sayings(["a"]))
    assert Thread("s", "", "", aside=False).key(said) != Thread("s", "", "", aside=False).key(sayings(["c"]))
    assert Thread("s", "", "", aside=False).key(()) == Thread("s", "", "", aside=False).key(())
