"""How is an upstream that quotes our credential kept from saying it to a client? Its error answers are searched.

Whatever says no (status 400 and above) to a signed request may quote what it was sent. In its header lines and its body
as many ``*`` stand in the place of each secret; so it is recorded too.

* A plain body is searched as it comes. The beginning of a secret at the end of a read is held back until it is clear
  how it goes on.
* A body with a content-encoding is read whole, and opened to be searched. It goes on as it came; only if it holds a
  secret, it goes on opened and without the encoding. One that cannot be opened, or is very large, does not go on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from domain.decoding import decode_body
from domain.errors import UndecodableBodyError
from gateway.answers import AnswerHead
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines, HeaderMap, by_name
from gateway.upstream import AnswerSink, UpstreamAnswer, UpstreamError
from gateway.upstream_flow import Flow

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


class _MaskedAnswer(Flow):
    """An answer that is searched as it comes: the sink of the real one."""

    def __init__(self, answer: UpstreamAnswer, mask: _Mask) -> None:
        super().__init__()
        self._answer, self._mask = answer, mask
        self._begun = b""
        """May be the beginning of a secret."""
        self.head: AnswerHead = mask.over_head(answer.head)
        self.headers: HeaderLines = mask.over_lines(answer.headers)
        self.told: HeaderMap = by_name(self.headers)

    def flow(self, sink: AnswerSink) -> None:
        super().flow(sink)
        self._answer.flow(self)

    def pause(self) -> None:
        super().pause()
        self._answer.pause()

    def resume(self) -> None:
        super().resume()
        self._answer.resume()

    def close(self) -> None:
        super().close()
        self._answer.close()

    def received(self, data: bytes) -> None:
        data = self._mask.over(self._begun + data)
        sure = len(data) - self._mask.begun(data)
        self._begun = data[sure:]
        if sure:
            self.push(data[:sure])

    def ended(self) -> None:
        self._let_go()
        self.end()

    def failed(self, error: UpstreamError) -> None:
        self._let_go()
        self.end(error)

    def _let_go(self) -> None:
        if self._begun:
            self.push(self._begun)


class _WholeAnswer(Flow):
    """An answer that is here already."""

    def __init__(self, head: AnswerHead, headers: HeaderLines, pieces: Sequence[bytes]) -> None:
        super().__init__()
        self.head, self.headers, self.told = head, headers, by_name(headers)
        for piece in pieces:
            self.push(piece)
        self.end()


class _Gathered:
    """A sink for all of a body."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises UpstreamError."""
        self._size = 0

    def received(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= MAX_ENCODED_BYTES:
            self.pieces.append(data)
        elif not self.done.done():
            self.done.set_exception(_unsearchable("it is very large"))

    def ended(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def failed(self, error: UpstreamError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def _searched(answer: UpstreamAnswer, mask: _Mask) -> _WholeAnswer:
    """Raises UpstreamError."""
    gathered = _Gathered()
    answer.flow(gathered)
    await gathered.done
    opened = _opened(b"".join(gathered.pieces), answer.told[_ENCODING])
    head, headers = mask.over_head(answer.head), mask.over_lines(answer.headers)
    said = mask.over(opened)
    if said == opened:
        return _WholeAnswer(head, headers, gathered.pieces)
    length = (b"content-length", b"%d" % len(said))
    plain = replace(head, headers=(*_unframed(head.headers), length), length=len(said))
    return _WholeAnswer(plain, (*_unframed(headers), length), [said] if said else [])


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
