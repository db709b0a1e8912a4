"""Each thing that can go wrong has its status, its kind and its mend."""

import pytest

from dashboard.errors import InvalidQueryError
from dashboard.refusals import KINDS, RefusedError, refusal_of
from domain.errors import BrokenPayloadError, NexusError, PayloadMissingError, StoreUnavailableError, TooSlowError


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidQueryError("limit=0"), 400, "invalid_request_error"),
        (PayloadMissingError(), 410, "erased_error"),
        (StoreUnavailableError("gone"), 503, "unavailable_error"),
        (TooSlowError("statement timeout"), 504, "timeout_error"),
        (BrokenPayloadError(), 500, "api_error"),
    ],
)
def test_what_it_means_for_the_caller(error: NexusError, status: int, kind: str) -> None:
    refused = refusal_of(error)
    assert (refused.status, refused.kind) == (status, kind)
    assert refused.message


def test_a_refusal_is_kept_as_it_is() -> None:
    refused = RefusedError(404, "There is none.", {"X": "y"})
    assert refusal_of(refused) is refused
    assert (str(refused), refused.kind, refused.headers) == ("There is none.", "not_found_error", {"X": "y"})


def test_a_store_that_is_away_may_be_back_soon() -> None:
    assert refusal_of(StoreUnavailableError()).headers == {"Retry-After": "1"}


def test_what_took_too_long_is_not_worth_asking_again() -> None:
    refused = refusal_of(TooSlowError("canceling statement"))
    assert (refused.headers, "shorter range" in refused.message, "canceling" in refused.message) == ({}, True, False)


def test_the_words_of_a_caller_come_back_to_him() -> None:
    assert refusal_of(InvalidQueryError("limit=0 is too small.")).message == "limit=0 is too small."


@pytest.mark.parametrize(
    ("status", "kind"), [(418, "invalid_request_error"), (507, "api_error"), (499, "invalid_request_error")]
)
def test_a_status_without_a_kind_of_its_own_is_the_callers_fault_below_500(status: int, kind: str) -> None:
    assert status not in KINDS
    assert RefusedError(status, "x").kind == kind
