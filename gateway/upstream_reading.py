"""What does upstream answer? One HTTP/1.1 answer off the wire, read with httptools (llhttp), without IO.

Answers are read as leniently as aiohttp's client reads them: servers are what they are. What could make a client see
another answer than we do is refused: breaks within header lines, an upgrade, two lengths.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.answers import AnswerHead
from gateway.headers import HeaderLines, HeaderMap, body_length, by_name, for_client

_MAX_LINE_BYTES = 64 * 1024
_MAX_LINES = 512
_MAX_HEAD_BYTES = 1024 * 1024
_BREAKS = (b"\r", b"\n", b"\0")


class _MalformedError(Exception):
    """Stops the parser."""


class AnswerReader:
    """Reads one answer, and the interim ones (1xx) before it."""

    def __init__(self, method: str) -> None:
        """``method``: of the request that is answered."""
        self._method = method
        self.head: AnswerHead | None = None
        """As it goes to the client; None: it has not come."""
        self.headers: HeaderLines = ()
        self.told: HeaderMap = {}
        self.is_complete = self.is_malformed = False
        self.is_last = True
        """Its connection cannot be used again. Known with the end."""
        self._reason = b""
        self._lines: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._body: list[bytes] = []
        self.on_body = self._body.append
        """Called by the parser, like all ``on_…``."""
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in what has come. Look at ``is_complete`` and ``is_malformed`` then."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._stopped()
        if self.head is None:
            self._head_bytes += len(data)
            self.is_malformed |= self._head_bytes > _MAX_HEAD_BYTES
            return b""
        if self._method == "HEAD" and not data.endswith(b"\r\n\r\n"):
            self.is_last = True  # more came than was asked for
        return self._taken()

    def finish(self) -> None:
        """Nothing will be fed any more: parser and reader need not wait for a collector of cycles."""
        del self._parser

    def _stopped(self) -> None:
        """The parser will not go on: we have stopped it, or what came is no HTTP."""
        self.is_malformed = not self.is_complete
        if self._method != "HEAD":
            self.is_last = True  # more came than was asked for

    def _taken(self) -> bytes:
        body = self._body
        if not body:
            return b""
        data = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return data

    def ends_with_connection(self) -> bool:
        """Is the answer whole when the connection ends now?"""
        if self.head is None or self.head.length is not None:
            return False
        codings = b",".join(value for name, value in self.headers if name.lower() == b"transfer-encoding")
        return not codings.strip().lower().endswith(b"chunked")

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise _MalformedError  # nobody asked for another answer
        self._reason = b""
        self._lines = []

    def on_status(self, part: bytes) -> None:
        self._reason += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head is None:  # else it is a trailer
            self._lines.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        lines = tuple(self._lines)
        if status == 101 or not _is_sound(self._reason, lines):
            raise _MalformedError
        self.headers, self.told = lines, by_name(lines)
        length = body_length(self._method, status, self.told)
        self.head = AnswerHead(status, self._reason, for_client(lines, self.told, length), length)
        if self._method == "HEAD":
            self.on_message_complete()
            raise _MalformedError  # the parser would wait for a body

    def on_message_complete(self) -> None:
        if self.head is not None:
            self.is_complete = True
            self.is_last = not self._parser.should_keep_alive()


def _is_sound(reason: bytes, lines: HeaderLines) -> bool:
    if len(lines) > _MAX_LINES or any(len(name) + len(value) > _MAX_LINE_BYTES for name, value in lines):
        return False
    text = b"".join([reason, *(name + value for name, value in lines)])
    return not any(mark in text for mark in _BREAKS)
