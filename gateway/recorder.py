"""How does recording never break an exchange? It stands between the exchange and the journal and swallows what fails.

The journal copes with a failing disk by itself; this is for what nobody thought of. What is lost here shows to the
reader as a hole, because every piece says its offset and the end says how many bytes came.
"""

from dataclasses import dataclass

import structlog

from gateway.exchange import Record, RecordPiece
from gateway.frames import Kind, encode_piece
from gateway.headers import HeaderLines, ToFacts
from gateway.journal import Journal
from gateway.metrics import Metrics
from gateway.records import HeaderLine, encode

_LOG = structlog.get_logger("nexus.gateway")


@dataclass(frozen=True, slots=True)
class RecordingMeans:
    """What recording needs, whatever the exchange."""

    journal: Journal
    facts: ToFacts
    metrics: Metrics


class Recorder:
    """Records one exchange."""

    def __init__(self, means: RecordingMeans, exchange: bytes) -> None:
        """``exchange``: 16 bytes."""
        self._journal, self._facts, self._metrics = means.journal, means.facts, means.metrics
        self._exchange = exchange
        self._pending: list[tuple[Kind, bytes]] = []

    def facts(self, lines: HeaderLines) -> tuple[HeaderLine, ...]:
        """What of header lines may be recorded."""
        try:
            return self._facts(lines)
        except Exception as error:  # noqa: BLE001  # whatever recording does, the client's stream goes on
            self._swallow(error)
            return ()

    def record(self, command: Record | RecordPiece) -> None:
        """With the next ``write``."""
        try:
            if isinstance(command, RecordPiece):
                payload = encode_piece(command.offset, command.data)
            else:
                payload = encode(command.content)
            self._pending.append((command.kind, payload))
        except Exception as error:  # noqa: BLE001  # as above
            self._swallow(error)

    def write(self) -> None:
        """Bring what was recorded into the journal, all of it at once."""
        pending = self._pending
        if not pending:
            return
        self._pending = []
        try:
            if len(pending) == 1:
                self._journal.record(pending[0][0], self._exchange, pending[0][1])
            else:
                self._journal.record_together(self._exchange, pending)
        except Exception as error:  # noqa: BLE001  # as above
            self._swallow(error)

    async def sync(self, deadline_s: float) -> bool:
        """Is everything recorded so far on the disk?"""
        self.write()
        try:
            return await self._journal.sync(deadline_s)
        except Exception as error:  # noqa: BLE001  # as above
            self._swallow(error)
            return False

    def _swallow(self, error: Exception) -> None:
        self._metrics.swallowed_errors.inc()
        self._metrics.recording_gaps.inc()
        _LOG.error("recording failed", error=type(error).__name__, exchange=self._exchange.hex())
