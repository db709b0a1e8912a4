"""Every promise of docs/reliability.md has a test, and no test keeps a promise that nobody gave."""

import re

from tests.source_tree import ROOT, own_tests

DEMANDED = {*range(1, 12), 13, *range(15, 19), *range(20, 33), *range(62, 72), 78, 79, 80}
PLUGIN = "tests/test_bar.py"
_MARK = re.compile(r"\b(?:bar\(|Part\(\()([\d, ]+)\)")
"""Also the parts of the one life in tests/endurance/test_torture.py."""
_ROW = re.compile(r"^\| (\d+)(?:–(\d+))? \|", re.MULTILINE)


def marked() -> set[int]:
    calls = [numbers for source in own_tests() if source.name != PLUGIN for numbers in _MARK.findall(source.text)]
    return {int(number) for numbers in calls for number in numbers.split(",") if number.strip()}


def promised() -> set[int]:
    text = (ROOT / "docs" / "reliability.md").read_text()
    return {number for first, last in _ROW.findall(text) for number in range(int(first), int(last or first) + 1)}


def test_every_promise_that_must_be_kept_has_a_test() -> None:
    assert promised() >= DEMANDED
    assert sorted(DEMANDED - marked()) == []


def test_nobody_keeps_what_was_not_promised() -> None:
    assert sorted(marked() - promised()) == []
