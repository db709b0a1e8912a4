"""Where a prompt leaves the one before, held against the plain definition, and what is told of the difference."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cached_prompt import CachedPrompt, Mark, Piece, Section
from domain.prompt_diff import LOOK_BACK, PromptDiff, diff


def piece(word: str, role: str = "user", kind: str = "text", size: int = 10, section: Section = "message") -> Piece:
    return Piece(section, 0, role, kind, "", word.encode(), size)


def tool(word: str) -> Piece:
    """Named by its first letter."""
    return Piece("tool", 0, "", "tool", word[0], word.encode(), 10)


def system(word: str) -> Piece:
    return piece(word, role="", section="system")


def said(word: str) -> Piece:
    return piece(word, role="assistant")


def prompt(*pieces: Piece, marks: tuple[int, ...] | None = None) -> CachedPrompt:
    at = (len(pieces) - 1,) if marks is None else marks
    return CachedPrompt(pieces, tuple(Mark(one, "5m") for one in at))


PIECES = st.lists(
    st.builds(piece, st.sampled_from("abc"), role=st.sampled_from(["user", "assistant"]), size=st.integers(1, 9)),
    min_size=1,
    max_size=8,
)


@given(PIECES, PIECES, st.data())
def test_the_difference_is_where_the_plain_definition_says(
    old: list[Piece], new: list[Piece], data: st.DataObject
) -> None:
    mark = data.draw(st.integers(0, len(old) - 1))
    found = diff(prompt(*old, marks=(mark,)), prompt(*new))
    cached = old[: mark + 1]
    longest = max(n for n in range(len(cached) + 1) if [p.same for p in cached[:n]] == [p.same for p in new[:n]])
    assert found.stable == longest
    assert found.diverged == (longest < len(cached))
    assert (found.divergence() is None) == (not found.diverged)
    start = data.draw(st.integers(0, len(cached)))
    again = Counter(p.same for p in cached[start:]) & Counter(p.same for p in new[start:])
    total = sum(p.size for p in cached[start:])
    share = found.sent_again(start)
    assert 0.0 <= share <= 1.0
    assert (share > 0) == bool(again)
    assert not total or (share == 1.0) == (sum(again.values()) == len(cached[start:]))
    tokens = [found.tokens_at(n, 1000) for n in range(len(cached) + 1)]
    assert tokens == sorted(tokens)
    assert (tokens[0], tokens[-1]) == (0, 1000)
    read = data.draw(st.integers(0, 1000))
    blocks = found.read_to(read, 1000)
    assert blocks <= found.stable
    nearest = min(abs(one - read) for one in tokens[: found.stable + 1])
    assert abs(tokens[blocks] - read) <= nearest + 1


def test_nothing_is_a_share_of_nothing() -> None:
    found = diff(CachedPrompt((), ()), prompt(piece("a")))
    assert (found.tokens_at(0, 5), found.sent_again(0), found.diverged) == (0, 0.0, False)
    assert found.read_to(3, 0) == 0


A, B, C = tool("Aa"), tool("Bb"), tool("Cc")
X, Y, Z = system("x"), system("y"), system("z")
P, Q, R, S = piece("p"), said("q"), piece("r"), said("s")


@pytest.mark.parametrize(
    ("old", "new", "change", "words"),
    [
        ((A, B, X, P), (B, A, X, P), "tools_reordered", "another order"),
        ((A, B, X, P), (A, tool("B2"), X, P), "tools_changed", "B changed"),
        ((A, B, X, P), (A, X, P), "tools_changed", "B removed"),
        ((A, X, P), (A, B, C, X, P), "tools_changed", "B, C added"),
        ((A, X, P), (X, P), "tools_changed", "A removed"),
        ((A, X, P), (A, A, X, P), "tools_changed", "Tools were repeated"),
        ((A, X, P), (*map(tool, "abcdefgh"), X, P), "tools_changed", "a, b, c, d, e and 3 more added"),
        ((A, X, P), (A, Y, X, P), "system_inserted", "1 block was inserted"),
        ((A, X, P), (A, X, Y, Z, P), "system_inserted", "2 blocks were inserted"),
        ((A, X, Y, P), (A, Y, P), "system_changed", "1 block was taken out"),
        ((A, X, P), (A, Y, P), "system_changed", "another text"),
        ((A, X, P), (A, Y, Z, P), "system_changed", "another text"),
        ((A, X, P), (A, P), "system_changed", "1 block was taken out"),
        ((X, P, Q, R), (X, P, S, Q, R), "message_inserted", "1 block was inserted before"),
        ((X, P, Q, R), (X, S, S, P, Q, R, S), "message_inserted", "2 blocks were inserted before"),
        ((X, P, Q, R), (X, P, R), "history_changed", "1 block was taken out"),
        ((X, P, Q, R), (X, P, S, R), "history_changed", "changed or replaced"),
        ((X, P, Q, R), (X, P), "history_changed", "changed or replaced"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(one.digest.decode() for one in value),
)  # fmt: skip
def test_the_change_has_a_name(old: tuple[Piece, ...], new: tuple[Piece, ...], change: str, words: str) -> None:
    found = diff(prompt(*old), prompt(*new)).divergence()
    assert found is not None
    assert found.change == change
    assert words in found.detail


def test_the_divergent_block_is_shown_as_it_is_now_or_as_it_was() -> None:
    found = diff(prompt(A, X, P), prompt(A, Y, X, P)).divergence()
    assert found is not None
    assert (found.section, found.role, found.kind) == ("system", "", "text")
    gone = diff(prompt(A, B, X), prompt(A, X)).divergence()
    assert gone is not None
    assert (gone.section, gone.name) == ("tool", "B")


def facts(found: PromptDiff) -> tuple[bool, bool, bool, bool]:
    return found.cut_back, found.begins_anew, found.keeps_answers, found.retouches


@pytest.mark.parametrize(
    ("old", "new", "said_of_it"),
    [
        ((X, P, Q, R), (X, P, Q, R, S), (False, False, True, False)),
        ((X, P, Q, R, S), (X, P, Q, piece("t")), (True, False, True, False)),
        ((X, P, Q, R, S, P), (X, P, Q, piece("t"), P), (True, False, True, False)),
        ((X, P, Q, R), (X, P, S, R), (False, False, False, False)),
        ((X, P, Q, R), (X, P, Q, piece("r2")), (True, False, True, True)),
        ((X, P, Q, R), (X, piece("t")), (True, True, False, False)),
        ((X, P, Q, R), (X, piece("t"), S, R), (True, True, False, False)),
        ((X, P, Q, R), (X,), (True, True, False, False)),
        ((X, P), (X, R, Q), (True, False, True, True)),
        ((X, P), (Y, P), (False, True, True, False)),
        ((X, P, Q, piece("o", kind="tool_result")), (X, P, Q, R), (True, False, True, False)),
    ],
    ids=lambda value: "-".join(one.digest.decode() for one in value) if isinstance(value[0], Piece) else "",
)
def test_what_became_of_the_history(
    old: tuple[Piece, ...], new: tuple[Piece, ...], said_of_it: tuple[bool, bool, bool, bool]
) -> None:
    assert facts(diff(prompt(*old), prompt(*new))) == said_of_it


@pytest.mark.parametrize(("behind", "reached"), [(0, True), (LOOK_BACK - 1, True), (LOOK_BACK, False)])
def test_a_mark_looks_back_twenty_places(behind: int, reached: bool) -> None:
    more = tuple(piece(f"n{number}") for number in range(behind))
    before = prompt(X, P)
    assert diff(before, prompt(X, P, *more)).reachable() == reached
    assert diff(before, prompt(X, P, *more, marks=())).reachable()
    assert not diff(before, prompt(X, P, *more, marks=(0,))).reachable()


def test_the_frame_ends_at_the_last_mark_before_the_messages() -> None:
    assert diff(prompt(A, X, Y, P, marks=(1, 3)), prompt(A, X, Y, P)).frame_end() == 2
    assert diff(prompt(A, X, P), prompt(A, X, P)).frame_end() == 0
    assert diff(prompt(A, X, Y, P, marks=(2, 3)), prompt(A, Y, P)).frame_end() == 1


def test_the_answer_before_a_difference() -> None:
    assert diff(prompt(X, P, Q, S, R), prompt(X, P, Q, S)).answer_before() == 2
    assert diff(prompt(X, P, Q), prompt(X, P)).answer_before() == 2
    assert diff(prompt(Q), prompt(Q)).answer_before() == 0
