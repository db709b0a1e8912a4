"""Are texts held against each other line by line, nothing lost, what is the same folded, and is it bounded?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import passages
from domain.passages import CONTEXT, Fold, Line, Passage, Row, lines_paired, passage
from tests.domain.test_alignment import longest

texts = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=9)


def words(line: Line | None) -> str:
    return "" if line is None else "".join(text for text, _ in line.shown.stretches)


def drawn(found: Passage) -> list[str]:
    """A line each: kind, left, right; folds by their number."""
    signs = {"same": "=", "changed": "~", "left": "-", "right": "+"}
    return [
        f"({row.count})" if isinstance(row, Fold) else f"{signs[row.kind]}{words(row.left)}|{words(row.right)}"
        for row in found.rows
    ]


@given(texts, texts)
def test_every_line_of_both_is_there_once_and_in_order(left: list[str], right: list[str]) -> None:
    pairs = list(lines_paired(left, right))
    assert [pair.left for pair in pairs if pair.left is not None] == list(range(len(left)))
    assert [pair.right for pair in pairs if pair.right is not None] == list(range(len(right)))
    assert sum(pair.kind == "same" for pair in pairs) == longest(left, right)
    for pair in pairs:
        if pair.left is not None and pair.right is not None:
            assert (left[pair.left] == right[pair.right]) == (pair.kind == "same")
        else:
            assert pair.kind == ("left" if pair.right is None else "right")


@given(texts, texts)
def test_rows_and_folds_add_up_to_the_lines(left: list[str], right: list[str]) -> None:
    found = passage("\n".join(left), "\n".join(right))
    rows = [row for row in found.rows if isinstance(row, Row)]
    folded = sum(row.count for row in found.rows if isinstance(row, Fold))
    for text, lines in (("\n".join(left), [r.left for r in rows]), ("\n".join(right), [r.right for r in rows])):
        there = [line for line in lines if line is not None]
        assert len(there) + folded == text.count("\n") + 1
        assert all(words(line) == text.split("\n")[line.number - 1] for line in there)
    assert (found.more, found.uncompared) == (0, 0)


@given(texts)
def test_equal_texts_are_one_fold(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert passage(text, text).rows == (Fold(text.count("\n") + 1),)
    assert not passage(text, text).differs
    assert passage(text, f"{text}\nmore").differs


def test_lines_around_a_difference_stay_and_words_are_marked() -> None:
    before = [f"line {number}" for number in range(1, 11)]
    after = [*before[:5], "line six", *before[6:]]
    found = passage("\n".join(before), "\n".join(after))
    assert drawn(found) == [
        "(3)", "=line 4|line 4", "=line 5|line 5", "~line 6|line six", "=line 7|line 7", "=line 8|line 8", "(2)",
    ]  # fmt: skip
    row = found.rows[3]
    assert isinstance(row, Row)
    assert row.left is not None
    assert row.left.shown.stretches == (("line ", False), ("6", True))
    assert row.left.number == 6
    assert CONTEXT == 2


def test_one_line_alone_is_not_folded() -> None:
    left = ["x", "a", "b", "c", "y"]
    right = ["X", "a", "b", "c", "Y"]
    assert drawn(passage("\n".join(left), "\n".join(right))) == ["~x|X", "=a|a", "=b|b", "=c|c", "~y|Y"]
    longer = ["x", "a", "b", "c", "d", "e", "f", "y"]
    assert drawn(passage("\n".join(longer), "\n".join(["X", *longer[1:]])))[-1] == "(5)"


def test_what_has_no_partner_stands_alone_and_is_marked_whole() -> None:
    found = passage("a\nb", "a\nb\nc")
    assert drawn(found) == ["=a|a", "=b|b", "+|c"]
    row = found.rows[-1]
    assert isinstance(row, Row)
    assert row.left is None
    assert row.right is not None
    assert row.right.shown.stretches == (("c", True),)
    assert drawn(passage("", "c")) == ["~|c"]


def test_ends_of_lines_make_a_difference() -> None:
    assert drawn(passage("a\r\nb", "a\nb")) == ["~a\r|a", "=b|b"]
    assert drawn(passage("a", "a\n")) == ["=a|a", "+|"]


def test_very_long_texts_are_compared_so_far_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "MOST_CHARS", 10)
    found = passage("a\nb\nc\nd\ne\nf\ng", "a\nB\nc")
    assert found.uncompared == len("a\nb\nc\nd\ne\nf\ng") - 10
    monkeypatch.setattr(passages, "MOST_CHARS", 1000)
    monkeypatch.setattr(passages, "MOST_LINES", 3)
    assert passage("a\nb\nc\nd\ne", "a\nB\nc").uncompared == len("\nd\ne")
    monkeypatch.setattr(passages, "MOST_LINES", 1000)
    monkeypatch.setattr(passages, "MOST_ROWS", 4)
    many = passage("\n".join("abcdef"), "\n".join("ABCDEF"))
    assert (len(many.rows), many.more) == (4, 2)


def test_so_many_pairs_are_looked_into_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "MOST_MARKED", 1)
    first, second = passage("same 1\nsame 2", "same x\nsame y").rows
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.left is not None
    assert second.left is not None
    assert first.left.shown.stretches == (("same ", False), ("1", True))
    assert second.left.shown.stretches == (("same 2", True),)


def test_a_line_of_a_megabyte_is_shown_around_its_difference() -> None:
    left, right = ("x" * 500_000 + middle + "y" * 500_000 for middle in ("one", "two"))
    (row,) = passage(left, right).rows
    assert isinstance(row, Row)
    assert row.left is not None
    assert len(words(row.left)) == passages.LINE_CHARS
    assert ("one", True) in row.left.shown.stretches
    assert row.left.shown.before + row.left.shown.after + passages.LINE_CHARS == len(left)
