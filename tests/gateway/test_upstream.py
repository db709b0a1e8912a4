"""A failure of upstream says whose fault it is, and how."""

from domain.errors import NexusError
from gateway.upstream import UpstreamError


def test_a_failure_has_an_outcome_and_a_word_on_the_cause() -> None:
    error = UpstreamError("timeout", "no bytes for too long")
    assert isinstance(error, NexusError)
    assert (error.outcome, error.detail, str(error)) == ("timeout", "no bytes for too long", "no bytes for too long")
