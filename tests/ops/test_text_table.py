"""Columns: nothing missing that fits, never wider than the page."""

from hypothesis import given
from hypothesis import strategies as st

from ops.key_tables import WIDTH
from ops.text_table import text_table


@given(st.lists(st.lists(st.text("ab", max_size=150), min_size=4, max_size=4), min_size=1, max_size=5))
def test_no_table_is_wider_than_the_page_and_what_fits_is_whole(rows: list[list[str]]) -> None:
    lines = text_table(("one", "two", "three", "four"), rows, WIDTH).split("\n")
    assert len(lines) == len(rows) + 1
    assert max(map(len, lines)) <= WIDTH
    for row, line in zip(rows, lines[1:], strict=True):
        for cell in row:
            assert cell in line or "…" in line


@given(st.lists(st.lists(st.text("ab", max_size=150), min_size=2, max_size=2), min_size=1, max_size=5))
def test_without_a_width_nothing_is_cut(rows: list[list[str]]) -> None:
    lines = text_table(("one", "two"), rows).split("\n")
    gap = max(3, *(len(row[0]) for row in rows)) + 2
    for row, line in zip(rows, lines[1:], strict=True):
        assert (line[:gap].rstrip(), line[gap:]) == (row[0], row[1])
