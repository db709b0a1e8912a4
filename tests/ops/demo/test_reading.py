"""Reading a stream: however the bytes are split, the same message; and what is there when it breaks off."""

from hypothesis import given
from hypothesis import strategies as st

from ops.demo.blocks import Answered, CacheCreation, Text, Thinking, ToolUse, Usage, raw
from ops.demo.frames import error_frame, frames
from ops.demo.reading import Reading

USAGE = Usage(1, 2, 3, CacheCreation(2, 0), 4)
CONTENT = (Thinking("Hm, a cent …", "sig"), Text("I look für it."), ToolUse("t", "Bash", raw({"command": "ls “a”"})))
ANSWER = Answered("m", "assistant", "model", CONTENT, "tool_use", None, USAGE)
STREAM = b"".join(frame.data for frame in frames(ANSWER))


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_message(cuts: list[int]) -> None:
    reading, at = Reading(), 0
    for cut in [*sorted(cuts), len(STREAM)]:
        reading.feed(STREAM[at:cut])
        at = cut
    assert tuple(reading.content) == CONTENT
    assert (reading.whole, reading.failed, reading.stop_reason, reading.usage) == (True, False, "tool_use", USAGE)


def test_it_counts_the_deltas_that_brought_letters() -> None:
    reading = Reading()
    reading.feed(STREAM)
    assert reading.deltas == len([frame for frame in frames(ANSWER) if frame.letters])


def test_before_the_end_there_is_what_came_so_far() -> None:
    text = "One two three four five six seven. " * 5
    whole = Answered("m", "assistant", "model", (Text(text),), "end_turn", None, USAGE)
    reading = Reading()
    for frame in frames(whole):
        reading.feed(frame.data)
        if reading.deltas == 2:
            break
    (block,) = reading.content
    assert isinstance(block, Text)
    assert 0 < len(block.text) < len(text)
    assert text.startswith(block.text)
    assert (reading.whole, reading.stop_reason) == (False, None)
    assert reading.usage
    assert reading.usage.output_tokens == 1


def test_an_error_event_is_noticed() -> None:
    reading = Reading()
    reading.feed(STREAM[: STREAM.index(b"event: message_delta")] + error_frame("overloaded_error", "Overloaded").data)
    assert (reading.failed, reading.whole) == (True, False)
