"""Tomás's files agree with what is said about them."""

import re

from ops.demo.sessions import tomas_files as files
from ops.demo.story import plain


def test_the_changes_fit_the_files() -> None:
    assert plain(files.OLD_RULE) in plain(files.CSS)
    assert plain(files.NEW_RULE).startswith(plain(files.OLD_RULE))
    assert ".tooltip { position: absolute; left: 12px; }" in plain(files.CSS).splitlines()
    assert 'className="legend"' in files.LEGEND


def test_searches_find_what_stands_in_the_files() -> None:
    for line, content in zip(plain(files.TOOLTIP).splitlines(), (files.TOOLTIP_FILE, files.CSS), strict=True):
        _, number, text = line.split(":", 2)
        assert plain(content).splitlines()[int(number) - 1] == text


def test_the_bundle_adds_up() -> None:
    rows = [re.findall(r"(-|\d+) (?:kB)? *", line) for line in plain(files.BUNDLE_DIFF).splitlines()[3:]]
    grown = [int(match) for line in plain(files.BUNDLE_DIFF).splitlines() for match in re.findall(r"\+(\d+) kB", line)]
    assert rows
    assert sum(grown[:-1]) == grown[-1] == 402


def test_the_tests_add_up() -> None:
    counts = [int(found) for found in re.findall(r"\((\d+) tests\)", files.VITEST_PASSES)]
    assert sum(counts) == 31
    assert "2 failed | 29 passed (31)" in files.VITEST_FAILS
