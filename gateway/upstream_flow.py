"""When does an answer's body reach its sink? At once while it flows; before that and in a pause it is held."""

from collections import deque

from gateway.upstream import AnswerSink, UpstreamError


class Flow:
    """The way of one body from whoever receives it to its sink; the part that all kinds of answers share."""

    def __init__(self) -> None:
        self._sink: AnswerSink | None = None
        self._flows = self._is_stopped = False
        self._held: deque[bytes] = deque()
        self._end: UpstreamError | None = None
        self._has_end = False
        """The end is known and has not been told."""

    @property
    def flows(self) -> bool:
        """Is there a sink that wants more?"""
        return self._flows

    def push(self, data: bytes) -> None:
        """The body goes on. ``data``: at least one byte."""
        if self._flows and self._sink is not None and not self._held:
            self._sink.received(data)
        elif not self._is_stopped:
            self._held.append(data)

    def end(self, failure: UpstreamError | None = None) -> None:
        """Nothing more will come. ``failure``: the body is not whole."""
        self._end, self._has_end = failure, not self._is_stopped
        if self._flows:
            self._tell()

    def flow(self, sink: AnswerSink) -> None:
        self._sink = sink
        self.resume()

    def pause(self) -> None:
        self._flows = False

    def resume(self) -> None:
        self._flows = not self._is_stopped
        self._tell()

    def close(self) -> None:
        self._sink = None
        self._is_stopped = True
        self._flows = self._has_end = False
        self._held.clear()

    def _tell(self) -> None:
        while self._held and self._flows and self._sink is not None:
            self._sink.received(self._held.popleft())
        if self._has_end and self._flows and self._sink is not None:
            sink, self._has_end = self._sink, False
            if self._end is None:
                sink.ended()
            else:
                sink.failed(self._end)
