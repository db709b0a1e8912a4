"""Which promise of docs/reliability.md does a test keep, and what did it measure? A table at the end of the run.

``@pytest.mark.bar(3)`` says that a test keeps promise 3. What it measured it tells through the fixture ``figure``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import pytest

Figure = Callable[[str], None]
_BAR, _FIGURE = "bar", "figure"


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Tell a number that was measured: it stands in the table of promises."""

    def tell(text: str) -> None:
        request.node.user_properties.append((_FIGURE, text))

    return tell


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties += [(_BAR, number) for mark in item.iter_markers(_BAR) for number in mark.args]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for kind in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(kind, [])
        if isinstance(report, pytest.TestReport) and (report.when == "call" or kind != "passed")
    ]
    lines = table(reports)
    if lines:
        terminalreporter.section("promises of docs/reliability.md")
        for line in lines:
            terminalreporter.write_line(line)


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """One line per promise, with the figures of its tests under it."""
    outcomes: dict[int, list[str]] = defaultdict(list)
    figures: dict[int, list[str]] = defaultdict(list)
    for report in reports:
        for number in map(int, _told(report, _BAR)):
            outcomes[number].append(report.outcome)
            figures[number] += _told(report, _FIGURE)
    lines: list[str] = []
    for number, ended in sorted(outcomes.items()):
        counted = ", ".join(f"{ended.count(outcome)} {outcome}" for outcome in dict.fromkeys(ended))
        lines += [f"{number:>3}  {counted}", *(f"     {text}" for text in figures[number])]
    return lines


def _told(report: pytest.TestReport, what: str) -> list[str]:
    return [str(value) for name, value in report.user_properties if name == what]
