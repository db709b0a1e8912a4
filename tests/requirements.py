"""What do some tests need from outside of Python, and is it a failure when that is not there?

A newcomer without it sees those tests skipped, with the reason. CI sets ``NEXUS_REQUIRE_…=1``, and a skip fails.
"""

from typing import NoReturn

import pytest

from ops.settings import inherited


def given(variable: str) -> str:
    """The value of an environment variable; "": it is not set."""
    return inherited({}).get(variable, "")


def missing(what: str, how: str, *, required_by: str) -> NoReturn:
    """Skip the test, or fail it if this machine has to have it."""
    reason = f"{what} is not here: {how}"
    if given(required_by) == "1":
        pytest.fail(f"{reason} ({required_by}=1)", pytrace=False)
    pytest.skip(reason)


def scaled(short: int, nightly: int) -> int:
    """How much of it: ``make nightly`` sets ``NEXUS_NIGHTLY=1`` and runs the same tests with larger numbers."""
    return nightly if given("NEXUS_NIGHTLY") == "1" else short
