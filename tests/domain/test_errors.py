"""Errors carry their message."""

import inspect

import pytest

import domain.errors
from domain.errors import NexusError, SetupError

ERRORS = [one for _, one in inspect.getmembers(domain.errors, inspect.isclass)]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_one_base_and_says_what_it_means(error: type[Exception]) -> None:
    assert issubclass(error, NexusError)
    assert str(error()).endswith(".")
    assert "\n" not in str(error())


def test_a_given_message_wins() -> None:
    assert str(SetupError("Port 3000 is in use.")) == "Port 3000 is in use."
