"""Own use and that of everything below add up, in any tree."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.usage_tree import SubTask, below_each, trees_of

Tree = dict[UUID, UUID | None]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Every branch but the first has one above it, which was there before; listed in any order."""
    size = draw(st.integers(1, 20))
    above: Tree = {UUID(int=1): None}
    above |= {UUID(int=n): UUID(int=draw(st.integers(1, n - 1))) for n in range(2, size + 1)}
    return dict(draw(st.permutations(list(above.items()))))


@given(trees(), st.data())
def test_what_is_below_is_own_use_and_that_of_each_child_with_its_own(tree: Tree, data: st.DataObject) -> None:
    own = {branch: data.draw(st.integers(0, 100)) for branch in tree}
    whole = {branch: sum(own[one] for one in below) for branch, below in below_each(tree).items()}
    for branch in tree:
        children = [child for child, above in tree.items() if above == branch]
        assert whole[branch] == own[branch] + sum(whole[child] for child in children)
    assert whole[UUID(int=1)] == sum(own.values())


@given(trees())
def test_a_branch_stands_below_itself_and_those_above_it_only(tree: Tree) -> None:
    depth = {branch: len(list(line(branch, tree))) for branch in tree}
    times = Counter(one for below in below_each(tree).values() for one in below)
    assert times == depth


def line(branch: UUID | None, tree: Tree) -> list[UUID]:
    return [] if branch is None else [branch, *line(tree[branch], tree)]


def test_a_branch_above_that_nobody_names_is_none() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert below_each({one: other}) == {one: frozenset({one})}


def test_a_ring_has_an_end() -> None:
    """No links make one; nobody must wait for ever if some did."""
    one, other = UUID(int=1), UUID(int=2)
    assert below_each({one: other, other: one}) == {one: frozenset({one, other}), other: frozenset({one, other})}


@given(trees())
def test_the_line_up_is_whom_one_stands_below(tree: Tree) -> None:
    """Both ways of asking for what is below agree."""
    tasks = [SubTask(one, UUID(int=1), above, None, None) for one, above in tree.items()]
    found = trees_of(tasks)
    below = below_each(tree)
    for one in tree:
        assert list(found.line_up(one)) == line(one, tree)
        assert set(found.line_up(one)) == {above for above, each in below.items() if one in each}


def test_forks_belong_to_the_sub_task_they_are_in() -> None:
    main, task, fork, unknown = (UUID(int=n) for n in range(1, 5))
    found = trees_of(
        [
            SubTask(main, main, None, None, None, (main,)),
            SubTask(task, main, main, "Count", "Explore", (task, fork)),
        ]
    )
    assert [found.task_of(one) for one in (main, task, fork, unknown)] == [main, task, task, unknown]
    assert list(found.line_up(unknown)) == [unknown]


def test_a_caller_that_is_not_there_ends_the_line_and_a_ring_does_too() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert list(trees_of([SubTask(one, one, other, None, None)]).line_up(one)) == [one, other]
    ring = trees_of([SubTask(one, one, other, None, None), SubTask(other, one, one, None, None)])
    assert list(ring.line_up(one)) == [one, other]
