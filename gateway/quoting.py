"""How is an upstream that quotes our credential kept from saying it to a client? Its error answers are searched.

Whatever says no (status 400 and above) to a signed request may quote what it was sent. In its header lines and its body
as many ``*`` stand in the place of each secret; so it is recorded too.

* A plain body is searched as it comes. The beginning of a secret at the end of a read is held back until it is clear
  how it goes on.
* A body with a content-encoding is read whole, and opened to be searched. It goes on as it came; only if it holds a
  secret, it goes on opened and without the encoding. One that cannot be opened, or is very large, does not go on.
"""

from collections.abc import Sequence
from dataclasses import replace

from domain.decoding import decode_body
from domain.errors import UndecodableBodyError
from gateway.answers import AnswerHead
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines, HeaderMap, by_name
from gateway.upstream import UpstreamAnswer, UpstreamError

MAX_ENCODED_BYTES = 256 * 1024
MAX_OPENED_BYTES = 4 * 1024 * 1024
_ENCODING = b"content-encoding"
_REFRAMED = {_ENCODING, b"content-length", b"transfer-encoding"}
_PLAIN = {b"", b"identity"}


async def unquoting(answer: UpstreamAnswer, secrets: Sequence[bytes]) -> UpstreamAnswer:
    """The same answer, without these words if it is an error. Raises UpstreamError."""
    mask = _Mask(secrets)
    if answer.head.status < 400 or not mask.secrets:
        return answer
    if answer.head.length == 0 or answer.told.get(_ENCODING, b"").strip().lower() in _PLAIN:
        return _MaskedAnswer(answer, mask)
    try:
        return await _searched(answer, mask)
    except BaseException:
        answer.close()
        raise


class _Mask:
    """Stars in the place of secrets."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self.secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def over(self, data: bytes) -> bytes:
        for secret in self.secrets:
            data = data.replace(secret, b"*" * len(secret))
        return data

    def over_lines(self, lines: HeaderLines) -> HeaderLines:
        return tuple((name, self.over(value)) for name, value in lines)

    def over_head(self, head: AnswerHead) -> AnswerHead:
        return replace(head, reason=self.over(head.reason), headers=self.over_lines(head.headers))

    def begun(self, data: bytes) -> int:
        """Bytes at the end that a secret may begin with."""
        longest = min(len(data), len(self.secrets[0]) - 1)
        for size in range(longest, 0, -1):
            end = data[-size:]
            if any(secret.startswith(end) and len(secret) > size for secret in self.secrets):
                return size
        return 0


class _MaskedAnswer:
    """An answer that is searched as it comes."""

    def __init__(self, answer: UpstreamAnswer, mask: _Mask) -> None:
        self._answer, self._mask = answer, mask
        self._held = b""
        """May be the beginning of a secret."""
        self._failure: UpstreamError | None = None
        self.head: AnswerHead = mask.over_head(answer.head)
        self.headers: HeaderLines = mask.over_lines(answer.headers)
        self.told: HeaderMap = by_name(self.headers)

    @property
    def ready(self) -> bool:
        return self._answer.ready

    async def read(self) -> bytes:
        while self._failure is None and (data := await self._next()):
            data = self._mask.over(self._held + data)
            sure = len(data) - self._mask.begun(data)
            data, self._held = data[:sure], data[sure:]
            if data:
                return data
        held, self._held = self._held, b""
        if not held and self._failure is not None:
            raise self._failure
        return held

    async def _next(self) -> bytes:
        """Empty too when upstream breaks off: what is held comes first."""
        try:
            return await self._answer.read()
        except UpstreamError as error:
            self._failure = error
            return b""

    def close(self) -> None:
        self._answer.close()


class _WholeAnswer:
    """An answer that is here already."""

    ready = True

    def __init__(self, head: AnswerHead, headers: HeaderLines, pieces: Sequence[bytes]) -> None:
        self.head, self.headers, self.told = head, headers, by_name(headers)
        self._pieces = iter(pieces)

    async def read(self) -> bytes:
        return next(self._pieces, b"")

    def close(self) -> None:
        """Nothing is left to be given up."""


async def _searched(answer: UpstreamAnswer, mask: _Mask) -> _WholeAnswer:
    """Raises UpstreamError."""
    pieces, size = list[bytes](), 0
    while data := await answer.read():
        pieces.append(data)
        size += len(data)
        if size > MAX_ENCODED_BYTES:
            raise _unsearchable("it is very large")
    opened = _opened(b"".join(pieces), answer.told[_ENCODING])
    head, headers = mask.over_head(answer.head), mask.over_lines(answer.headers)
    said = mask.over(opened)
    if said == opened:
        return _WholeAnswer(head, headers, pieces)
    length = (b"content-length", b"%d" % len(said))
    plain = replace(head, headers=(*_unframed(head.headers), length), length=len(said))
    return _WholeAnswer(plain, (*_unframed(headers), length), [said])


def _unframed(lines: HeaderLines) -> HeaderLines:
    return tuple(line for line in lines if line[0].lower() not in _REFRAMED)


def _opened(body: bytes, encoding: bytes) -> bytes:
    """Raises UpstreamError."""
    try:
        opened = decode_body(body, encoding.decode("latin-1"), MAX_OPENED_BYTES)
    except UndecodableBodyError:
        raise _unsearchable("its content-encoding is not known") from None
    if opened.state != "complete":
        raise _unsearchable("its content-encoding does not come off")
    return opened.data


def _unsearchable(why: str) -> UpstreamError:
    message = f"Upstream answered with an error that Nexus cannot search for its credential ({why}), so it is withheld."
    return UpstreamError("upstream", "an error that cannot be searched", Refusal(502, message))
