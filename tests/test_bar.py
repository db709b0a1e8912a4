"""The table of promises: who kept which, and what was measured."""

from typing import Literal

import pytest

from tests.bar import Figure, pytest_collection_modifyitems, table

Outcome = Literal["passed", "failed", "skipped"]


def report(outcome: Outcome, *told: tuple[str, object]) -> pytest.TestReport:
    return pytest.TestReport(
        "tests/test_x.py::test_x",
        ("", 0, ""),
        {},
        outcome,
        None,
        "call",
        user_properties=list(told),
    )


def test_promises_stand_in_their_order_with_outcomes_and_figures() -> None:
    reports = [
        report("passed", ("bar", 12), ("figure", "3 ms")),
        report("failed", ("bar", 3)),
        report("passed", ("bar", 3), ("bar", 12), ("figure", "0 lost")),
        report("passed", ("figure", "of no promise")),
    ]
    assert table(reports) == ["  3  1 failed, 1 passed", "     0 lost", " 12  2 passed", "     3 ms", "     0 lost"]


def test_without_promises_there_is_no_table() -> None:
    assert table([report("passed")]) == []


def test_an_item_takes_the_numbers_of_its_marks_along(request: pytest.FixtureRequest, figure: Figure) -> None:
    item = request.node
    item.add_marker(pytest.mark.bar(7))
    pytest_collection_modifyitems([item])
    figure("measured")
    told, item.user_properties = item.user_properties, []
    assert told == [("bar", 7), ("figure", "measured")]
