"""How many tokens were used, of which kind? Counted once an exchange, when its end is taken in."""

from dataclasses import dataclass, field
from uuid import UUID

from projections.projector import Write
from projections.projectors.requests import RequestsWrite

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


@dataclass(slots=True)
class TokenTally:
    """Counters that only grow."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def take(self, write: Write, ended: frozenset[UUID]) -> None:
        """``ended``: exchanges whose end was among the events of this write; their rows are final."""
        if not isinstance(write, RequestsWrite):
            return
        for row in write.rows:
            if row.request_id in ended:
                self._add(
                    row.input_tokens,
                    row.output_tokens,
                    row.cache_read_tokens,
                    row.cache_write_5m_tokens,
                    row.cache_write_1h_tokens,
                )

    def _add(self, *used: int | None) -> None:
        for kind, count in zip(KINDS, used, strict=True):
            self.counts[kind] += count or 0
