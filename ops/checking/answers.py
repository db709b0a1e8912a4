"""What does the store have of one answer? Chunk rows in, row by row, hashed and compared as they pass; pure."""

import hashlib
from collections.abc import Callable, Sequence

from ops.checking.invariants import StoredChunk
from ops.checking.spans import Stretch, Witness
from ops.checking.stored_format import BrokenError, payload_of


class AnswerReading:
    """The rows of one answer, in order of their offsets. Keeps no bytes."""

    def __init__(self, promised: Sequence[Stretch], differs: Callable[[int, bytes], bool]) -> None:
        """``promised``: what a journal says must be here. ``differs``: did the client receive something else there?"""
        self._witnesses = [Witness(stretch) for stretch in promised]
        self._client_differs = differs
        self._hash = hashlib.sha256()
        self.chunks: list[StoredChunk] = []
        self.differs = False

    def take(self, offset: int, codec: int, raw_length: int, data: bytes) -> None:
        try:
            raw = payload_of(codec, data, raw_length)
        except BrokenError as error:
            self.chunks.append(StoredChunk(offset, raw_length, str(error)))
            return
        self.chunks.append(StoredChunk(offset, len(raw)))
        self._hash.update(raw)
        for witness in self._witnesses:
            witness.feed(offset, raw)
        self.differs = self.differs or self._client_differs(offset, raw)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def complaints(self) -> list[str]:
        """What is not as promised."""
        return [witness.complaint for witness in self._witnesses if witness.complaint]
