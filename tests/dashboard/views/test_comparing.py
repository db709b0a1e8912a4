"""Do two runs stand side by side with all that differs, what is the same folded, and no more than fits on a page?"""

from typing import Any

import pytest

from dashboard.comparing import Aligned, Member, requests_compared
from dashboard.views import comparing
from dashboard.views.comparing import ShownPart, ShownRow, ShownRuns, shown_piece, shown_runs
from domain.comparable import Piece, piece_of_block, piece_of_entry
from domain.comparing import compared, paired
from domain.passages import Row
from domain.transcript_entries import Entry, mark, system_entry
from tests.compared_samples import bash, result, said
from tests.read_rows import request_id
from tests.recorded_details import REQUEST, request_details


def aligned(left: list[Any], right: list[Any]) -> Aligned:
    """Contents of messages, user and assistant in turn."""
    roles = ("user", "assistant")
    bodies = [
        {**REQUEST, "messages": [{"role": roles[n % 2], "content": it} for n, it in enumerate(side)]}
        for side in (left, right)
    ]
    return requests_compared(*(request_details(n, body=body) for n, body in enumerate(bodies, 1))).messages


def turns(left: list[Entry], right: list[Entry]) -> Aligned:
    """One turn on either side."""
    members = [
        Member(number=1, role="turn", request_id=request_id(n), pieces=tuple(map(piece_of_entry, side)), edge="forks")
        for n, side in enumerate((left, right), 1)
    ]
    items = [[piece.item for piece in member.pieces] for member in members]
    pairs = paired(*items)
    (whole,) = compared(*([comparing_unit(member)] for member in members))
    assert whole.kind == "same" or whole.parts == pairs
    return Aligned((members[0],), (members[1],), (whole,))


def comparing_unit(member: Member) -> Any:
    from dashboard.comparing import _unit

    return _unit(member)


def entry(block: Any, kind: str = "call", **changes: Any) -> Entry:
    return Entry(id="x", kind=kind, role="assistant", block=block, **changes)  # type: ignore[arg-type]  # kinds


def parts(found: ShownRuns) -> list[ShownPart]:
    return [part for run in found.runs for row in run.rows for part in row.parts]


def rows(found: ShownRuns) -> list[ShownRow]:
    return [row for run in found.runs for row in run.rows]


def drawn(part: ShownPart, which: int = 0) -> list[str]:
    return [
        "|".join(
            "".join(f"[{text}]" if is_marked else text for text, is_marked in line.shown.stretches) if line else ""
            for line in (row.left, row.right)
        )
        for row in part.passages[which].passage.rows
        if isinstance(row, Row)
    ]


def test_what_is_the_same_is_one_line_until_it_is_opened() -> None:
    it = aligned(["a", "b", "c", "d"], ["a", "b", "x", "d"])
    found = shown_runs(it, 10, ())
    assert [(run.start, run.same, run.hidden, len(run.rows)) for run in found.runs] == [
        (0, 2, 2, 0), (2, 0, 0, 1), (3, 1, 1, 0),
    ]  # fmt: skip
    assert (found.differences, found.more) == (1, 0)
    opened = shown_runs(it, 10, {0})
    assert [(run.hidden, len(run.rows)) for run in opened.runs] == [(0, 2), (0, 1), (1, 0)]
    assert [(row.number, row.kind) for row in rows(opened)] == [(0, "same"), (0, "same"), (1, "changed")]
    assert opened.runs[0].rows[0].parts[0].left == shown_piece(it.left[0].pieces[0])


def test_of_a_long_run_that_is_the_same_the_last_ones_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_SAME", 2)
    (run,) = shown_runs(aligned(list("abcde"), list("abcde")), 10, {0}).runs
    assert (run.same, run.hidden) == (5, 3)
    assert [row.left and row.left.number for row in run.rows] == [4, 5]


def test_so_many_differences_are_shown_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    it = aligned(list("abcdef"), list("uvwxyz"))
    found = shown_runs(it, 4, (), first=10)
    assert [row.number for row in rows(found)] == [11, 12, 13, 14]
    assert (found.differences, found.more) == (6, 2)
    monkeypatch.setattr(comparing, "MOST_CHARS", 3)
    assert len(rows(shown_runs(it, 4, ()))) == 1, "one is shown in any case; then there is no room"


def test_a_difference_says_what_it_is_of_on_either_side() -> None:
    (row,) = rows(shown_runs(aligned(["Go on"], ["Go off"]), 1, ()))
    assert row.left is not None
    assert row.right is not None
    assert (row.left.number, row.left.role, row.left.request_id) == (1, "user", request_id(1))
    assert row.right.request_id == request_id(2)
    assert drawn(row.parts[0]) == ["Go [on]|Go [off]"]
    assert (row.parts[0].label, row.parts[0].left, row.parts[0].right) == ("Text", None, None)


def test_what_stands_on_one_side_alone_is_shown_there_whole() -> None:
    found = shown_runs(aligned(["a"], ["a", "b", [said("c"), said("d")]]), 10, ())
    assert [(part.kind, part.left is None, part.right is None) for part in parts(found)] == [("right", True, False)] * 3
    back = shown_runs(aligned(["a", "b"], ["a"]), 10, ())
    assert [(part.kind, part.left is None, part.right is None) for part in parts(back)] == [("left", False, True)]


def test_blocks_that_stayed_in_a_message_that_changed_are_counted() -> None:
    left = [said("one"), said("two"), said("three"), bash("ls")]
    right = [said("one"), said("two"), said("other words here"), bash("ls -l")]
    first, *rest = parts(shown_runs(aligned([left], [right]), 10, ()))
    assert (first.kind, first.count, first.label, first.left) == ("same", 2, "Text", None)
    assert [(part.kind, part.label, part.name) for part in rest] == [
        ("changed", "Text", ""), ("changed", "Call", "Bash"),
    ]  # fmt: skip
    assert drawn(rest[1]) == ["command: ls|command: ls[ -l]"]


def test_of_a_call_what_it_was_given_and_what_came_back_are_told_apart() -> None:
    def one(command: str, back: str | None) -> Entry:
        return entry(bash(command), result=None if back is None else result(back))

    cases: tuple[tuple[tuple[str, str | None], tuple[str, str | None], list[str]], ...] = (
        (("ls", "a"), ("ls", "b"), ["What came back"]),
        (("ls", "a"), ("ls -l", "a"), ["Called with"]),
        (("ls", "a"), ("ls -l", "b"), ["Called with", "What came back"]),
        (("ls", None), ("ls -l", None), [""]),
        (("ls", None), ("ls", "b"), ["What came back"]),
    )
    for left, right, names in cases:
        (part,) = parts(shown_runs(turns([one(*left)], [one(*right)]), 1, ()))
        assert [each.what for each in part.passages] == names


def test_what_says_the_same_in_words_and_is_not_the_same_is_shown_whole() -> None:
    left, right = ([{"type": "tool_use", "id": "t", "name": "X", "input": given}] for given in ({"a": 1}, {"a": "1"}))
    (part,) = parts(shown_runs(aligned([left], [right]), 1, ()))
    assert part.kind == "changed"
    assert part.left is not None
    assert part.right is not None


def test_so_many_blocks_of_a_message_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_PARTS", 2)
    (row,) = rows(shown_runs(aligned([[said(text) for text in "abc"]], []), 1, ()))
    assert (len(row.parts), row.hidden) == (2, 1)


def test_an_entry_is_shown_as_what_it_is() -> None:
    failed = shown_piece(piece_of_entry(mark("x", "lost answer", "erased")))
    assert failed.title == "An answer is missing"
    assert failed.body is not None
    assert failed.body.preview == "it was erased"
    assert shown_piece(piece_of_entry(mark("x", "failed", "Overloaded"))).body is not None
    system = shown_piece(piece_of_entry(system_entry("x", ("Be brief.",))))
    assert (system.title, system.body and system.body.preview) == ("System prompt", "Be brief.")
    whole = shown_piece(piece_of_entry(entry(bash("ls"), result=result("a"))))
    assert whole.tool_use_id == ""
    assert whole.result is not None
    cut = shown_piece(piece_of_entry(entry(bash("ls"), raw_input='{"com')))
    assert [argument.name for argument in cut.arguments] == ["input, cut"]
    block: Piece = piece_of_block({"type": "image", "source": {}}, "user")
    assert shown_piece(block).kind == "image"
