"""The picture stands on one scale for all goals: right is better, whatever the goal's direction."""

from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.goals import Goal, Verdict, verdicts
from tests.bench.plot import HIGH, LEFT, LOW, MET, RIGHT, SHORT, WIDTH, place, score, svg

LEAST = Goal("json", "a < b & c", "at least", 2, "x", "nexus.per_s")
MOST = Goal("json", "most", "at most", 2, "ms", "nexus.per_s")
_NS = "{http://www.w3.org/2000/svg}"


@given(st.floats(-10, 1000))
def test_better_than_the_goal_is_right_of_it(value: float) -> None:
    least, most = score(Verdict(LEAST, (value,)), value), score(Verdict(MOST, (value,)), value)
    assert (least >= 1) == (value >= 2)
    assert (most >= 1) == (value <= 2)
    for ratio in (least, most):
        assert LOW <= ratio <= HIGH
        assert LEFT <= place(ratio) <= WIDTH - RIGHT + 0.001


def test_twice_as_good_is_as_far_as_twice_as_bad() -> None:
    assert abs((place(2) - place(1)) - (place(1) - place(0.5))) < 0.001


def test_every_goal_is_a_line_in_its_color() -> None:
    found = [Verdict(LEAST, (3.0, 4.0, 5.0)), Verdict(MOST, (3.0,))]
    root = fromstring(svg(found))
    assert [one.get("fill") for one in root.iter(f"{_NS}circle")] == [MET, SHORT]
    words = [one.text for one in root.iter(f"{_NS}text")]
    assert "a < b & c" in words
    assert "4.00×  (≥ 2.00)" in words


def test_of_nothing_there_is_an_empty_picture() -> None:
    assert not list(fromstring(svg(verdicts({}))).iter(f"{_NS}circle"))
