"""Merges, splits, moves and renames are what a search through all members finds, and nothing is lost or told twice."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.forest_diff import ForestDiff, Overlap, Regrouping, Weight, compare, successors, total


def conversation(number: int) -> UUID:
    return UUID(int=number)


@dataclass(frozen=True)
class Member:
    """One exchange: its conversation on either side."""

    request_id: UUID
    before: UUID | None
    after: UUID | None
    weight: Weight


def members(pairs: Sequence[tuple[int | None, int | None]]) -> list[Member]:
    """Each of another weight, so that any sum of them tells which they are."""
    return [
        Member(UUID(int=1000 + n), _end(before), _end(after), Weight(1, 10**n, 2 * 10**n, 3 * 10**n, 4 * 10**n))
        for n, (before, after) in enumerate(pairs)
    ]


def _end(number: int | None) -> UUID | None:
    return None if number is None else conversation(number)


def overlaps(among: Sequence[Member]) -> list[Overlap]:
    """As the database groups them; every exchange is an example."""
    groups = defaultdict[tuple[UUID | None, UUID | None], list[Member]](list)
    for one in among:
        groups[one.before, one.after].append(one)
    return [
        Overlap(*ends, sum((one.weight for one in group), Weight()), tuple(one.request_id for one in group))
        for ends, group in groups.items()
    ]


ENDS = st.none() | st.integers(1, 5)
FORESTS = st.lists(st.tuples(ENDS, ENDS), max_size=14).map(members)


def diff(*pairs: tuple[int | None, int | None]) -> ForestDiff:
    return compare(overlaps(members(pairs)))


Told = set[tuple[str, UUID | None, UUID | None, UUID]]


def told(found: ForestDiff) -> list[tuple[str, UUID | None, UUID | None, UUID]]:
    """Every exchange of which the diff says something: how, from where, to where."""
    kinds = {
        "merge": [part for group in found.merges for part in group.parts],
        "split": [part for group in found.splits for part in group.parts],
        "move": found.moves,
        "join": found.joins,
        "leave": found.leaves,
        "rename": found.renames,
    }
    return [
        (kind, one.before, one.after, each) for kind, parts in kinds.items() for one in parts for each in one.examples
    ]


def paired(among: Sequence[Member]) -> dict[UUID, UUID]:
    """Brute force: the same id, and then again and again the two whose members have the most in common."""
    before = {one.before for one in among if one.before}
    after = {one.after for one in among if one.after}
    found = {one: one for one in before & after}

    def common(pair: tuple[UUID, UUID]) -> int:
        return sum((one.before, one.after) == pair for one in among)

    while True:
        left = [pair for pair in product(before - set(found), after - set(found.values())) if common(pair)]
        if not left:
            return found
        old, new = min(left, key=lambda pair: (-common(pair), sorted(pair)))
        found[old] = new


def expected(among: Sequence[Member]) -> Told:
    goes_on = paired(among)
    out: Told = set()
    for one in among:
        if one.before is None or one.after is None:
            kind = {(True, False): "join", (False, True): "leave"}.get((one.before is None, one.after is None), "")
        elif goes_on.get(one.before) == one.after:
            kind = "rename" if one.before != one.after else ""
        elif one.before not in goes_on:
            kind = "merge"
        elif one.after not in goes_on.values():
            kind = "split"
        else:
            kind = "move"
        if kind:
            out.add((kind, one.before, one.after, one.request_id))
    return out


@given(FORESTS)
def test_it_says_what_a_search_through_all_members_finds(among: list[Member]) -> None:
    found = told(compare(overlaps(among)))
    assert set(found) == expected(among)
    assert len(found) == len(set(found)), "each exchange once"


@given(FORESTS)
def test_the_pairs_are_those_of_a_search(among: list[Member]) -> None:
    assert successors(overlaps(among)) == paired(among)


@given(FORESTS)
def test_sizes_add_up(among: list[Member]) -> None:
    found = compare(overlaps(among))
    moved = {each for kind, _, _, each in expected(among) if kind != "rename"}
    assert found.moved == sum((one.weight for one in among if one.request_id in moved), Weight())
    stays = [one for one in among if one.request_id not in moved]
    assert found.moved.requests + len(stays) == len(among)
    assert total(found.renames).requests <= len(stays)


@given(FORESTS)
def test_backwards_merges_are_splits(among: list[Member]) -> None:
    there = compare(overlaps(among))
    back = compare(overlaps([Member(one.request_id, one.after, one.before, one.weight) for one in among]))
    mirror = {"merge": "split", "split": "merge", "join": "leave", "leave": "join"}
    assert {(mirror.get(kind, kind), after, before, each) for kind, before, after, each in told(there)} == set(
        told(back)
    )
    assert [one.conversation for one in there.merges] == [one.conversation for one in back.splits]
    assert there.moved == back.moved


@given(FORESTS)
def test_the_same_on_both_sides_is_no_difference(among: list[Member]) -> None:
    same = compare(overlaps([Member(one.request_id, one.before, one.before, one.weight) for one in among]))
    assert same == ForestDiff((), (), (), (), (), ())
    assert same.is_empty


@given(FORESTS)
def test_it_is_empty_only_if_every_exchange_stays(among: list[Member]) -> None:
    assert compare(overlaps(among)).is_empty == all(one.before == one.after for one in among)


@given(FORESTS)
def test_new_names_alone_move_nothing(among: list[Member]) -> None:
    renamed = [
        Member(one.request_id, one.before, one.before and conversation(one.before.int + 50), one.weight)
        for one in among
    ]
    found = compare(overlaps(renamed))
    assert found.moved == Weight()
    assert {one.before for one in found.renames} == {one.before for one in among} - {None}


@given(FORESTS.flatmap(lambda among: st.tuples(st.just(overlaps(among)), st.permutations(overlaps(among)))))
def test_the_order_of_the_overlaps_does_not_matter(both: tuple[list[Overlap], list[Overlap]]) -> None:
    assert compare(both[0]) == compare(both[1])


@given(FORESTS)
def test_the_largest_come_first(among: list[Member]) -> None:
    found = compare(overlaps(among))
    for parts in (found.moves, found.joins, found.leaves, found.renames, *(one.parts for one in found.merges)):
        assert [one.weight.requests for one in parts] == sorted((one.weight.requests for one in parts), reverse=True)
    for groups in (found.merges, found.splits):
        sizes = [one.weight.requests for one in groups]
        assert sizes == sorted(sizes, reverse=True)


def test_two_conversations_become_one() -> None:
    [merge] = diff((1, 1), (1, 1), (2, 1)).merges
    assert (merge.conversation, merge.weight.requests, merge.parts[0].before) == (conversation(1), 1, conversation(2))


def test_one_conversation_becomes_three() -> None:
    found = diff((1, 1), (1, 2), (1, 3), (1, 3))
    [split] = found.splits
    assert (split.conversation, [part.after for part in split.parts]) == (
        conversation(1),
        [conversation(3), conversation(2)],
    )
    assert split.weight == Weight(3, 1110, 2220, 3330, 4440)
    assert (found.merges, found.moves) == ((), ())


def test_a_member_changes_sides() -> None:
    found = diff((1, 1), (1, 2), (2, 2))
    assert [(one.before, one.after) for one in found.moves] == [(conversation(1), conversation(2))]
    assert (found.merges, found.splits) == ((), ())


def test_an_id_is_worth_more_than_size() -> None:
    """Links to a conversation lead to its id: what leaves it has moved, however much it is."""
    found = diff((1, 1), (1, 2), (1, 2), (1, 2))
    assert found.splits == (Regrouping(conversation(1), found.splits[0].parts),)
    assert found.moved.requests == 3


def test_without_an_id_the_larger_part_goes_on() -> None:
    found = diff((1, 2), (1, 3), (1, 3))
    assert [(one.before, one.after) for one in found.renames] == [(conversation(1), conversation(3))]
    assert found.splits[0].parts[0].after == conversation(2)


def test_two_that_swap_members_are_told_in_the_same_order_always() -> None:
    there, back = overlaps(members([(1, 2), (2, 1)]))
    found = compare([there, back])
    assert found == compare([back, there])
    assert [one.before for one in found.moves] == [conversation(1), conversation(2)]
