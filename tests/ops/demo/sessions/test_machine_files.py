"""What the machines read agrees with what is said about it."""

import re

from ops.demo.sessions import machine_files as files
from ops.demo.story import plain


def test_the_linter_points_at_the_line() -> None:
    (number,) = re.findall(r"report\.go:(\d+)", files.LINT)
    assert plain(files.REPORT).splitlines()[int(number) - 28] in plain(files.LINT).splitlines()


def test_every_slow_test_begins_and_passes() -> None:
    output = files.slow_tests()
    assert output.count("=== RUN") == output.count("--- PASS") == 96
    assert output.count("ok  \t") == 6


def test_the_ticket_says_from_which_size_on() -> None:
    assert "10,000 rows" in files.TICKET
