"""What may a caller of the dashboard have got wrong?"""

from domain.errors import NexusError


class InvalidQueryError(NexusError):
    """The query asks for something that cannot be; the message says what and how to mend it."""
