"""A failure of upstream says whose fault it is, and how."""

from domain.errors import NexusError
from gateway.upstream import UpstreamError, UpstreamRequest


def test_a_failure_has_an_outcome_and_a_word_on_the_cause() -> None:
    error = UpstreamError("timeout", "no bytes for too long")
    assert isinstance(error, NexusError)
    assert (error.outcome, error.detail, str(error)) == ("timeout", "no bytes for too long", "no bytes for too long")
    assert error.refusal is None


def test_a_request_belongs_to_no_tenant_unless_it_is_said() -> None:
    assert UpstreamRequest("GET", b"/", (), b"").tenant is None
