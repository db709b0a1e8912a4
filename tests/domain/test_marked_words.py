"""Are the words marked that differ, no others, and is nothing lost of either line?"""

from hypothesis import given
from hypothesis import strategies as st

from domain.marked_words import MOST_CHARS, Stretches, Window, marked, windowed

lines = st.lists(st.sampled_from(["one", "two", "three", " ", ".", "(", "ä"]), max_size=10).map("".join)


def text(stretches: Stretches) -> str:
    return "".join(words for words, _ in stretches)


def kept(stretches: Stretches) -> str:
    return "".join(words for words, is_marked in stretches if not is_marked)


def shown(stretches: Stretches) -> str:
    return "".join(f"[{words}]" if is_marked else words for words, is_marked in stretches)


@given(lines | st.text(max_size=30), lines | st.text(max_size=30))
def test_joined_each_is_its_line_and_what_is_not_marked_is_in_both(left: str, right: str) -> None:
    ours, theirs = marked(left, right)
    assert (text(ours), text(theirs)) == (left, right)
    assert kept(ours) == kept(theirs)
    assert all(words for words, _ in (*ours, *theirs))
    assert marked(right, left) == (theirs, ours)


@given(lines)
def test_of_equal_lines_nothing_is_marked(line: str) -> None:
    assert [kept(each) for each in marked(line, line)] == [line, line]


def test_words_are_marked_whole_and_neighbours_together() -> None:
    ours, theirs = marked("return cat(a, b) or None", "return car(a, c) or None")
    assert shown(ours) == "return [cat](a, [b]) or None"
    assert shown(theirs) == "return [car](a, [c]) or None"
    ours, theirs = marked("the same here it stays", "the same now and then here it stays")
    assert (shown(ours), shown(theirs)) == ("the same here it stays", "the same [now and then ]here it stays")


def test_lines_with_little_in_common_are_marked_whole() -> None:
    ours, theirs = marked("a completely other sentence stands", "nothing like it is written here a")
    assert (shown(ours), shown(theirs)) == (
        "[a completely other sentence stands]",
        "[nothing like it is written here a]",
    )
    assert marked("", "x") == ((), (("x", True),))


def test_the_least_that_lines_must_share() -> None:
    """35 of 100 characters that are no blanks."""
    just, below = "a" * 35, "a" * 34
    assert shown(marked(f"{just} {'b' * 65}", f"{just} {'c' * 65}")[0]).startswith(just)
    assert shown(marked(f"{below} {'b' * 66}", f"{below} {'c' * 66}")[0]).startswith("[")


def test_of_a_line_of_a_million_characters_the_middle_is_marked() -> None:
    left = "x" * 600_000 + "left" + "y" * 600_000
    right = "x" * 600_000 + "something" + "y" * 600_000
    ours, theirs = marked(left, right)
    assert ours == (("x" * 600_000, False), ("left", True), ("y" * 600_000, False))
    assert theirs[1] == ("something", True)
    assert kept(ours) == kept(theirs)
    longer = "x" * (MOST_CHARS + 1)
    assert marked(longer, longer) == (((longer, False),), ((longer, False),))
    assert marked(longer, "x") == ((("x", False), (longer[1:], True)), (("x", False),))


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=9), st.booleans()), max_size=6), st.integers(1, 20))
def test_a_window_is_a_part_of_the_line_and_says_what_it_leaves_out(pieces: list[tuple[str, bool]], most: int) -> None:
    whole = text(tuple(pieces))
    window = windowed(tuple(pieces), most)
    assert len(text(window.stretches)) == min(most, len(whole))
    assert whole[window.before : len(whole) - window.after] == text(window.stretches)
    if any(is_marked for _, is_marked in pieces):
        assert any(is_marked for _, is_marked in window.stretches), "it shows the first difference"


def test_a_window_begins_before_the_first_mark() -> None:
    pieces = (("a" * 100, False), ("b" * 10, True), ("c" * 100, False))
    assert windowed(pieces, 40) == Window((("a" * 10, False), ("b" * 10, True), ("c" * 20, False)), 90, 80)
    assert windowed((("a" * 100, False),), 40) == Window((("a" * 40, False),), 0, 60)
    assert windowed(pieces, 500) == Window(pieces, 0, 0)
