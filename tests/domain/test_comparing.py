"""Are two runs paired so that both are all there, as much as can be is the same, and the rest stands by its like?"""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.comparing import Item, Kind, Pairing, Unit, compared, paired
from tests.domain.test_alignment import longest


def item(text: str) -> Item:
    """``text``: shape, head and key, a letter each; what has one key has one head, what has one head has one shape."""
    return Item(key=text[:3].encode(), head=text[:2].encode(), shape=text[:1].encode())


def unit(text: str) -> Unit:
    """Its parts: the words of it."""
    words = text.split()
    whole = Item(key=text.encode(), head=words[0].encode() if words else b"", shape=text[:1].encode())
    return Unit(whole, tuple(map(item, words)))


names = st.text("ab", min_size=3, max_size=3)
items = st.lists(names.map(item), max_size=7)
units = st.lists(st.lists(names, max_size=3).map(" ".join).map(unit), max_size=5)


def sides(pairs: tuple[Pairing, ...]) -> tuple[list[int], list[int]]:
    lefts = [pair.left for pair in pairs if pair.left is not None]
    rights = [pair.right for pair in pairs if pair.right is not None]
    return lefts, rights


def mirrored(pair: Pairing) -> Pairing:
    kinds: dict[Kind, Kind] = {"left": "right", "right": "left"}
    parts = tuple(map(mirrored, pair.parts))
    return replace(pair, kind=kinds.get(pair.kind, pair.kind), left=pair.right, right=pair.left, parts=parts)


def in_one_order(pairs: tuple[Pairing, ...]) -> list[tuple[object, ...]]:
    """Of what stands on one side alone nothing says which side comes first."""
    found = ((one.kind, one.left, one.right, tuple(in_one_order(one.parts))) for one in pairs)
    return sorted(found, key=repr)


@given(items, items)
def test_both_sides_are_there_whole_and_in_order(left: list[Item], right: list[Item]) -> None:
    lefts, rights = sides(paired(left, right))
    assert lefts == list(range(len(left)))
    assert rights == list(range(len(right)))


@given(items, items)
def test_as_much_as_can_be_is_the_same(left: list[Item], right: list[Item]) -> None:
    pairs = paired(left, right)
    keys = [[one.key.decode() for one in run] for run in (left, right)]
    assert sum(pair.kind == "same" for pair in pairs) == longest(*keys)


@given(items, items)
def test_each_kind_is_what_it_says(left: list[Item], right: list[Item]) -> None:
    for pair in paired(left, right):
        match pair:
            case Pairing("same", int(here), int(there)):
                assert left[here].key == right[there].key
            case Pairing("changed", int(here), int(there)):
                assert left[here].key != right[there].key or left[here].shape == right[there].shape
            case Pairing("left", int(), None) | Pairing("right", None, int()):
                pass
            case _:
                raise AssertionError(pair)


@given(items, items)
def test_no_two_of_a_shape_stand_side_by_side_unpaired(left: list[Item], right: list[Item]) -> None:
    """Between two pairs, what is left on the left has no like on the right."""
    lefts, rights = set[bytes](), set[bytes]()
    for pair in (*paired(left, right), Pairing("same", None, None)):
        if pair.left is not None and pair.right is None:
            lefts.add(left[pair.left].shape)
        elif pair.right is not None and pair.left is None:
            rights.add(right[pair.right].shape)
        else:
            assert not lefts & rights
            lefts, rights = set(), set()


@given(units, units)
def test_swapped_it_says_the_same_the_other_way_round(left: list[Unit], right: list[Unit]) -> None:
    there = tuple(map(mirrored, compared(right, left)))
    assert in_one_order(compared(left, right)) == in_one_order(there)


@given(units)
def test_what_is_the_same_shows_no_difference(run: list[Unit]) -> None:
    pairs = compared(run, list(run))
    assert pairs == tuple(Pairing("same", place, place) for place in range(len(run)))


@given(units, units)
def test_only_what_changed_has_parts_and_they_are_all_of_both(left: list[Unit], right: list[Unit]) -> None:
    for pair in compared(left, right):
        if pair.kind != "changed" or pair.left is None or pair.right is None:
            assert pair.parts == ()
            continue
        lefts, rights = sides(pair.parts)
        assert lefts == list(range(len(left[pair.left].parts)))
        assert rights == list(range(len(right[pair.right].parts)))


def test_what_begins_alike_goes_before_what_is_of_one_shape() -> None:
    left, right = [item("aaa"), item("aba")], [item("abb")]
    assert paired(left, right) == (Pairing("left", 0, None), Pairing("changed", 1, 0))
    assert paired([item("aaa")], [item("abb")]) == (Pairing("changed", 0, 0),)
    assert paired([item("aaa")], [item("bbb")]) == (Pairing("left", 0, None), Pairing("right", None, 0))
