"""The memory forgets what was used longest ago, never holds too much, and never tells anything but what was put."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from projections.remembered import Remembered

MOST, MOST_WEIGHT = 3, 10
calls = st.lists(st.tuples(st.integers(0, 5), st.none() | st.tuples(st.integers(1, 99), st.integers(0, 12))))


class Oracle:
    """The same, slowly: pairs from the oldest to the newest."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, int, int]] = []

    def get(self, key: int) -> int | None:
        found = [one for one in self.kept if one[0] == key]
        self.kept = [one for one in self.kept if one[0] != key] + found
        return found[0][1] if found else None

    def put(self, key: int, value: int, weight: int) -> None:
        self.kept = [one for one in self.kept if one[0] != key]
        if weight <= MOST_WEIGHT:
            self.kept.append((key, value, weight))
        while len(self.kept) > MOST or sum(one[2] for one in self.kept) > MOST_WEIGHT:
            self.kept.pop(0)


@given(calls)
def test_it_is_as_the_oracle(said: Sequence[tuple[int, tuple[int, int] | None]]) -> None:
    memory, oracle = Remembered[int, int](MOST, MOST_WEIGHT), Oracle()
    for key, put in said:
        if put is None:
            assert memory.get(key) == oracle.get(key)
        else:
            memory.put(key, *put)
            oracle.put(key, *put)
        assert len(memory) == len(oracle.kept)


def test_without_weights_only_the_number_counts() -> None:
    memory = Remembered[int, str](2)
    for number in range(5):
        memory.put(number, str(number))
    assert [memory.get(number) for number in range(5)] == [None, None, None, "3", "4"]
