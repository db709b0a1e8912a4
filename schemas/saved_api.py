"""How does the read API tell of saved filters?"""

from datetime import datetime

from schemas.read_api import Answer


class SavedFilterItem(Answer):
    """A view that has a name."""

    name: str
    page: str
    """Its path."""
    query: str
    """What its address asks for, encoded, without the question mark."""
    url: str
    """Path and query."""
    saved_at: datetime
