"""Request ids are UUIDv7 and only grow."""

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import RequestIds

draws = st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 2**80))


@given(st.lists(draws, min_size=2, max_size=30))
def test_ids_only_grow_whatever_the_clock_does(calls: list[tuple[int, int]]) -> None:
    ids = RequestIds()
    made = [ids.new(*call) for call in calls]
    assert made == sorted(set(made))


@given(draws)
def test_an_id_is_a_version_7_uuid_of_its_millisecond(call: tuple[int, int]) -> None:
    made = RequestIds().new(*call)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == call[0]


def test_ids_of_one_millisecond_differ_by_their_random_bits() -> None:
    low, high = RequestIds().new(1, 0), RequestIds().new(1, 2**74 - 1)
    assert low.hex == "00000000000170008000000000000000"
    assert high.hex == "0000000000017fffbfffffffffffffff"
