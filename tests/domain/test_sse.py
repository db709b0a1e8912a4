"""The parser against a second one, written straight from the standard's text, over any split of any bytes."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.sse import Frame, SseParser
from tests.strategies import Cut, cuts

LINES = [
    "event: content_block_delta", "event:ping", "event", "event: ", "data: {}", "data:x", "data:  two", "data",
    "data: ", "data: é€😀", "data: a:b", ": comment", ":", "id: 7", "id", "id: a\0b", "retry: 1500", "retry: 15x",
    "retry: ٣", "retry: " + "9" * 5000, "unknown: 1", " data: x", "Data: x", "\ufeffdata: x", "",
]  # fmt: skip
LINE_ENDS = ["\n", "\r\n", "\r"]


@st.composite
def event_streams(draw: st.DrawFn) -> bytes:
    """Plausible lines with every line end, some of the bytes damaged."""
    a_line = st.sampled_from(LINES) | st.sampled_from(["", "data: x"])
    lines = draw(st.lists(st.tuples(a_line, st.sampled_from(LINE_ENDS)), max_size=30))
    stream = draw(st.sampled_from(["", "\ufeff"])) + "".join(line + end for line, end in lines)
    damage = draw(st.binary(max_size=3))
    at = draw(st.integers(0, len(stream.encode())))
    return stream.encode()[:at] + damage + stream.encode()[at:]


def streams() -> st.SearchStrategy[bytes]:
    return (
        event_streams()
        | st.binary(max_size=60)
        | st.lists(st.sampled_from([b"\r", b"\n", b"data:", b"x"])).map(b"".join)
    )


def frames_of(pieces: Sequence[bytes]) -> list[Frame]:
    parser = SseParser()
    frames = [frame for piece in pieces for frame in parser.feed(piece)]
    return frames + parser.finish()


class Standard:
    """WHATWG HTML §9.2.6, step by step, over the whole stream at once."""

    def __init__(self, stream: bytes) -> None:
        text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
        self.data = self.event = self.last_event_id = ""
        self.retry: int | None = None
        self.dispatched: list[tuple[str, str, str, int | None]] = []
        *lines, _ = re.split("\r\n|\r|\n", text)
        for line in lines:
            self.process(line)

    def process(self, line: str) -> None:
        if line == "":
            self.dispatch()
        elif ":" in line:
            name, value = line.split(":", 1)
            self.field(name, value.removeprefix(" "))
        else:
            self.field(line, "")

    def field(self, name: str, value: str) -> None:
        if name == "event":
            self.event = value
        elif name == "data":
            self.data += value + "\n"
        elif name == "id" and "\0" not in value:
            self.last_event_id = value
        elif name == "retry" and re.fullmatch("[0-9]{1,18}", value):
            self.retry = int(value)

    def dispatch(self) -> None:
        if self.data:
            frame = (self.event or "message", self.data.removesuffix("\n"), self.last_event_id, self.retry)
            self.dispatched.append(frame)
        self.data = self.event = ""


@settings(max_examples=300)
@example(b"id: 1\ndata: x\n\nid: a\0b\ndata: y\n\n")
@given(streams())
def test_frames_are_those_of_the_standard(stream: bytes) -> None:
    finished = [frame for frame in frames_of([stream]) if frame.finished]
    found = [(frame.event, frame.data, frame.last_event_id, frame.retry_ms) for frame in finished]
    assert found == Standard(stream).dispatched


@settings(max_examples=300)
@example(b"data: x\r\n\r\n", Cut(()))
@given(streams(), cuts(8))
def test_any_split_gives_the_same_frames(stream: bytes, cut: Cut) -> None:
    whole = frames_of([stream])
    assert frames_of(cut.split(stream)) == whole
    assert frames_of([stream[at : at + 1] for at in range(len(stream))]) == whole


@given(streams())
def test_the_range_of_a_frame_is_the_frame(stream: bytes) -> None:
    behind = 0
    for frame in frames_of([stream]):
        assert behind <= frame.start < frame.end <= len(stream)
        behind = frame.end
        again = frames_of([b"\n" + stream[frame.start : frame.end]])
        assert [(one.event, one.data, one.finished) for one in again] == [(frame.event, frame.data, frame.finished)]
        assert stream[frame.start : frame.start + 1] not in {b"\r", b"\n"}


@given(streams())
def test_a_range_never_ends_between_cr_and_lf(stream: bytes) -> None:
    for frame in frames_of([stream]):
        if stream[frame.end - 1 : frame.end] == b"\r":
            assert stream[frame.end : frame.end + 1] != b"\n"


@given(streams())
def test_only_the_last_frame_is_unfinished(stream: bytes) -> None:
    frames = frames_of([stream])
    assert all(frame.finished for frame in frames[:-1])
    assert [frame for frame in frames_of([stream + b"\n\n"]) if not frame.finished] == []


@given(streams(), st.integers(0, 200))
def test_the_frames_of_a_prefix_are_a_prefix(stream: bytes, length: int) -> None:
    """Of what was fed so far, and not yet ended."""
    prefix = stream[:length]
    parser, whole = SseParser(), frames_of([stream])
    frames = parser.feed(prefix)
    assert frames == whole[: len(frames)]


@pytest.mark.parametrize(
    ("rest", "event", "data"),
    [
        (b"data: {", "message", "{"),
        (b"data: {}\n", "message", "{}"),
        (b"event: ping", "ping", ""),
        (b"event: pi", "pi", ""),
        (b"eve", "message", ""),
        (b": comment\nid: 4", "message", ""),
        (b"data: \xf0\x9f", "message", "\ufffd"),
    ],
)
def test_an_unterminated_frame_is_reported_as_unfinished(rest: bytes, event: str, data: str) -> None:
    first, last = frames_of([b"data: 1\n\n" + rest])
    assert first.finished
    assert (last.event, last.data, last.start, last.end, last.finished) == (event, data, 9, 9 + len(rest), False)


@pytest.mark.parametrize("rest", [b"", b"\n", b"\r", b": keep-alive", b": keep-alive\n", b"\r\n:\r\n"])
def test_comments_and_line_ends_at_the_end_are_no_frame(rest: bytes) -> None:
    assert [frame.data for frame in frames_of([b"data: 1\n\n" + rest])] == ["1"]


def test_a_byte_order_mark_counts_at_the_start_of_the_stream_only() -> None:
    first, second = frames_of([b"\xef\xbb", b"\xbfdata: 1\n\n", b"\xef\xbb\xbfdata: 2\n\ndata: 3\n\n"])
    assert (first.data, first.start, first.end) == ("1", 3, 12)
    assert second.data == "3"


def test_comments_before_the_fields_belong_to_the_frame() -> None:
    (frame,) = frames_of([b"\n\n: one\n: two\nevent: ping\ndata: {}\n\n"])
    assert (frame.event, frame.data, frame.start, frame.end) == ("ping", "{}", 2, 36)


def test_a_frame_is_given_as_soon_as_it_is_whole() -> None:
    parser = SseParser()
    assert parser.feed(b"data: 1\n") == []
    assert [frame.data for frame in parser.feed(b"\ndata: 2")] == ["1"]
    assert [frame.data for frame in parser.feed(b"\r\n\r\n")] == ["2"]


def test_id_and_reconnection_time_hold_on() -> None:
    frames = frames_of([b"id: 1\nretry: 5\ndata: a\n\nid: 2\n\ndata: b\n\nid\nretry: 9\n\ndata: c\n\n"])
    assert [(frame.last_event_id, frame.retry_ms) for frame in frames] == [("1", 5), ("2", 5), ("", 9)]


def test_a_long_line_in_small_pieces_is_not_searched_again_from_its_start() -> None:
    """Counted, not timed: the search goes on where it stopped."""
    parser = SseParser()
    for _ in range(1000):
        parser.feed(b"data: " + b"x" * 100)
    assert parser._searched == 1000 * 106 - 3
    (frame,) = parser.feed(b"\n\n")
    assert frame.end == 1000 * 106 + 2
