"""What clients ask: every body another one, the same for the same seed; some of them leave early."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ops.torture.asking import LEAVING, body_of, leaves_after
from ops.torture.script import answer_to

NUMBERS = st.integers(0, 10_000)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_the_same_numbers_make_the_same_body(seed: int, client: int, number: int) -> None:
    assert body_of(seed, client, number) == body_of(seed, client, number)


@given(st.sets(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=20))
def test_other_numbers_make_another_body(which: set[tuple[int, int, int]]) -> None:
    assert len({body_of(*one) for one in which}) == len(which)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_it_is_a_request_for_a_message(seed: int, client: int, number: int) -> None:
    said = json.loads(body_of(seed, client, number))
    assert said["stream"] is True
    assert str(number) in said["messages"][0]["content"]


def test_some_are_large() -> None:
    sizes = [len(body_of(1, 0, number)) for number in range(400)]
    assert max(sizes) > 200_000
    assert sorted(sizes)[200] < 3_000


def test_about_as_many_leave_as_are_said_to_and_all_within_the_answer() -> None:
    bodies = [body_of(1, 0, number) for number in range(300)]
    leaving = [(body, after) for body in bodies if (after := leaves_after(body)) is not None]
    assert abs(len(leaving) / 300 - LEAVING) < 0.15
    assert all(0 <= after < len(answer_to(body).body) for body, after in leaving)
