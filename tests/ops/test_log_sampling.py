"""A storm of entries is held back and counted; a quiet log is written whole."""

from ops.log_sampling import ALTOGETHER, PER_EVENT, WINDOW_S, Sampling


class Clock:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_many_of_one_kind_then_none_until_the_window_ends() -> None:
    clock = Clock()
    sampling = Sampling(clock)
    assert [sampling.admits("a") for _ in range(PER_EVENT + 5)] == [True] * PER_EVENT + [False] * 5
    assert sampling.admits("b"), "another kind"
    clock.now += WINDOW_S - 0.1
    assert not sampling.admits("a")
    clock.now += 0.1
    assert sampling.admits("a")


def test_so_many_altogether() -> None:
    sampling = Sampling(Clock())
    assert sum(sampling.admits(str(number)) for number in range(10_000)) == ALTOGETHER


def test_what_is_held_back_is_told_once() -> None:
    sampling = Sampling(Clock())
    assert sampling.take_held_back() == 0
    for _ in range(PER_EVENT + 3):
        sampling.admits("a")
    assert (sampling.take_held_back(), sampling.take_held_back()) == (3, 0)


def test_memory_is_bounded_by_what_is_written() -> None:
    sampling = Sampling(Clock())
    for number in range(10_000):
        sampling.admits(str(number))
    assert len(sampling._seen) <= ALTOGETHER
