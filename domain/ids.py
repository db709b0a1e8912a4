"""What are things called? Identifier types and the one generator of request ids."""

from typing import NewType
from uuid import UUID

RequestId = NewType("RequestId", UUID)
"""One exchange: a UUIDv7, also the stream's ``originator_id``."""
ConversationId = NewType("ConversationId", UUID)
"""A conversation: the request id of its root."""
BranchId = NewType("BranchId", UUID)
"""A branch: the request id of its first exchange."""
JournalId = NewType("JournalId", UUID)
Position = NewType("Position", int)
"""Place of an event in the whole store, from 1."""

_RANDOM_BITS = 74
_COUNTER_SHIFT = 62


class RequestIds:
    """Makes UUIDv7 ids that only grow, also when the wall clock steps back (RFC 9562 §5.7, §6.2)."""

    def __init__(self) -> None:
        self._last = 0

    def new(self, unix_ms: int, random_bits: int) -> RequestId:
        """``unix_ms``: wall clock in milliseconds; ``random_bits``: at least 74 random bits."""
        value = ((unix_ms & (1 << 48) - 1) << _RANDOM_BITS) | (random_bits & (1 << _RANDOM_BITS) - 1)
        if value <= self._last:
            value = self._last + 1
        self._last = value
        high, low = value >> _COUNTER_SHIFT, value & (1 << _COUNTER_SHIFT) - 1
        time_part, rand_a = high >> 12, high & 0xFFF
        return RequestId(UUID(int=time_part << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | low))
