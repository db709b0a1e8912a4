"""An answer of upstream, pulled piece by piece: for tests that would rather ask than be told."""

import asyncio
from collections import deque

from gateway.upstream import UpstreamAnswer, UpstreamError


class Pulled:
    """Takes one piece at a time; in between the answer pauses."""

    def __init__(self, answer: UpstreamAnswer) -> None:
        self._answer = answer
        self._pieces: deque[bytes | UpstreamError] = deque()
        self._came = asyncio.Event()
        self._begun = False

    async def read(self) -> bytes:
        """The next piece; empty: the answer is complete. Raises UpstreamError."""
        if not self._begun:
            self._begun = True
            self._answer.flow(self)
        elif not self._pieces:
            self._answer.resume()
        while not self._pieces:
            self._came.clear()
            await self._came.wait()
        piece = self._pieces.popleft()
        if isinstance(piece, UpstreamError):
            raise piece
        return piece

    async def all(self) -> bytes:
        pieces = []
        while data := await self.read():
            pieces.append(data)
        return b"".join(pieces)

    def received(self, data: bytes) -> None:
        assert data
        self._take(data)
        self._answer.pause()

    def ended(self) -> None:
        self._take(b"")

    def failed(self, error: UpstreamError) -> None:
        self._take(error)

    def _take(self, piece: bytes | UpstreamError) -> None:
        self._pieces.append(piece)
        self._came.set()
