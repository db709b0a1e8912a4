"""What has come of an HTTP/1.1 answer so far? Bytes in, head and body out, pure; whatever came is kept.

A client library would throw away what it had not handed on when the connection broke. Here every byte that the kernel
gave counts: it must be in the record.
"""

from collections.abc import Callable


class BrokenAnswerError(ValueError):
    """These bytes are no HTTP answer."""


class AnswerReader:
    """Feed it; then look at ``status``, ``headers``, ``body``, ``whole``."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        """Lower-case names; of several the last."""
        self.body = bytearray()
        self.whole = False
        self._buffer = bytearray()
        self._left = 0
        self._step: Callable[[], bool] = self._read_head

    def feed(self, data: bytes) -> None:
        """Raises BrokenAnswerError."""
        self._buffer += data
        while not self.whole and self._step():
            pass

    @property
    def excess(self) -> bytes:
        """What came behind the answer; there should be nothing."""
        return bytes(self._buffer) if self.whole else b""

    def _read_head(self) -> bool:
        head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found:
            return False
        self._buffer[:] = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdecimal():
            raise BrokenAnswerError(f"no status line: {first[:40]!r}")
        self.status = int(words[1])
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            self._step = self._read_size
        else:
            self._left = self._length()
            self._step = self._read_plain
        return True

    def _length(self) -> int:
        said = self.headers.get("content-length", "")
        if not said.isdecimal():
            raise BrokenAnswerError("neither chunks nor a length")
        return int(said)

    def _read_plain(self) -> bool:
        self._take_some()
        self.whole = self._left == 0
        return False

    def _take_some(self) -> None:
        piece = self._buffer[: self._left]
        del self._buffer[: self._left]
        self.body += piece
        self._left -= len(piece)

    def _read_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise BrokenAnswerError(f"no chunk size: {line[:40]!r}") from None
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        self._take_some()
        if self._left:
            return False
        self._step = self._read_behind_chunk
        return True

    def _read_behind_chunk(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise BrokenAnswerError(f"no end of a chunk: {line[:40]!r}")
        self._step = self._read_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        if line == b"":
            self.whole = True
        return line is not None

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line
