"""What can a check find? A promise that is not kept, by whom, and what to do; and how much was looked at."""

from dataclasses import asdict, dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    invariant: str
    """``I1`` … ``I8`` of docs/reliability.md, or ``store``: the tables do not fit together."""
    request_id: UUID | None
    detail: str


@dataclass(slots=True)
class Counts:
    """What was looked at."""

    exchanges: int = 0
    open: int = 0
    """Exchanges without an end whose journal can still bring it."""
    events: int = 0
    chunk_bytes: int = 0
    body_bytes: int = 0
    gaps: int = 0
    """Stretches or facts that could not be kept, and are told."""
    gap_bytes: int = 0
    journals: int = 0
    frames: int = 0
    compared: int = 0
    """Exchanges of which journal and store were held against each other."""
    unshipped: int = 0
    """Exchanges that are in a journal only."""
    damaged_bytes: int = 0
    """Bytes of journals that hold no good frame."""
    clients: int = 0
    upstream: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


ADVICE = {
    "I1": "a client received bytes that are not recorded",
    "I2": "upstream saw a request that is not recorded",
    "I3": "a client saw a whole answer that is not recorded as whole",
    "I4": "every exchange has one end; `nexus events show ID` has its stream, a running shipper ends what a crash cut",
    "I5": "journal and store differ; stop the shipper and keep the journal folder, it holds the original",
    "I6": "read models are behind no event; `nexus projections verify` and `rebuild` mend them",
    "I7": "bytes are missing and no RecordingGap says so; restore the rows from a backup",
    "I8": "a client failed though upstream did not; see the gateway's log of that time",
    "store": "somebody changed the tables; compare with a backup",
}
"""What to do, by invariant."""
