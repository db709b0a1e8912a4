"""What a caller got wrong is an error that Nexus can name."""

from dashboard.errors import InvalidQueryError
from domain.errors import NexusError


def test_it_is_one_of_ours_and_says_what_was_said() -> None:
    assert isinstance(InvalidQueryError(), NexusError)
    assert (
        str(InvalidQueryError("limit=0 is out of range; give 1 to 500.")) == "limit=0 is out of range; give 1 to 500."
    )
