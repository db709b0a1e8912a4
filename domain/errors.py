"""What can go wrong? One base; a child for each rule that somebody catches."""


class NexusError(Exception):
    """Something Nexus can name and the reader can mend."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").strip().splitlines()[0]


class SetupError(NexusError):
    """The installation or its settings cannot work; the message says how to mend it."""


class StoreUnavailableError(NexusError):
    """The event store does not answer now; it is worth trying again."""


class TooSlowError(StoreUnavailableError):
    """The database ended the question, which took too long; it answers others, so less must be asked for."""


class AppendConflictError(NexusError):
    """Another writer already appended this version, or already shipped this part of the journal."""


class UnknownEventError(NexusError):
    """No class is registered for this topic."""


class PayloadMissingError(NexusError):
    """The payload of this event is not in the store: erased, expired or never kept."""


class BrokenPayloadError(NexusError):
    """The payload does not give back the bytes that its digest promises."""


class BrokenFrameError(NexusError):
    """These bytes are no journal frame."""


class UndecodableBodyError(NexusError):
    """The content-encoding is unknown, broken, or opens to more than the limit."""
