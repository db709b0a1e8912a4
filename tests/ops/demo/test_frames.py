"""Frames: the order of the API, every letter once, in uneven pieces. The client SDK's own accumulator is the oracle."""

import msgspec
from anthropic.types.message import Message
from hypothesis import given
from hypothesis import strategies as st

from ops.demo.blocks import AnswerBlock, Answered, CacheCreation, Text, Thinking, ToolUse, Usage, raw
from ops.demo.frames import Frame, error_frame, frames, pieces
from ops.demo.reading import Reading

USAGE = Usage(1, 2, 3, CacheCreation(2, 0), 4)
BLOCKS: st.SearchStrategy[AnswerBlock] = st.one_of(
    st.builds(Text, st.text(max_size=200)),
    st.builds(Thinking, st.text(max_size=200), st.text(min_size=1, max_size=20)),
    st.builds(lambda command: ToolUse("toolu_1", "Bash", raw({"command": command})), st.text(max_size=200)),
)


def answered(*content: AnswerBlock) -> Answered:
    return Answered("msg_1", "assistant", "claude-opus-5-5", content, "end_turn", None, USAGE)


def kinds(answer: Answered) -> list[str]:
    names = [frame.data.split(b"\n")[0].removeprefix(b"event: ").decode() for frame in frames(answer)]
    return [name for number, name in enumerate(names) if number == 0 or names[number - 1] != name]


@given(st.lists(BLOCKS, max_size=4))
def test_every_letter_comes_once_and_in_order(content: list[AnswerBlock]) -> None:
    reading = Reading()
    for frame in frames(answered(*content)):
        reading.feed(frame.data)
    assert reading.content == content
    assert reading.whole
    assert (reading.stop_reason, reading.usage) == ("end_turn", USAGE)


@given(st.text(max_size=2000))
def test_pieces_are_the_text_cut_unevenly_and_always_the_same_way(text: str) -> None:
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert cut == list(pieces(text))
    assert all(3 <= len(piece) <= 28 for piece in cut[:-1])


def test_a_long_text_is_cut_in_many_lengths() -> None:
    assert len({len(piece) for piece in pieces("abc " * 500)}) > 10


def test_the_frames_come_in_the_order_of_the_api() -> None:
    answer = answered(Thinking("hm", "sig"), Text("Let me look."), ToolUse("toolu_1", "Bash", raw({"command": "ls"})))
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    first = [block[0], "ping", *block[1:]]
    assert kinds(answer) == ["message_start", *first, *block, *block, "message_delta", "message_stop"]
    assert kinds(answered()) == ["message_start", "message_delta", "message_stop"]


def test_the_first_frame_promises_nothing_yet() -> None:
    first = next(frames(answered(Text("x"))))
    (payload,) = [line.removeprefix(b"data: ") for line in first.data.splitlines() if line.startswith(b"data: ")]
    message = Message.model_validate(msgspec.json.decode(payload)["message"])
    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], None, 1)
    assert message.usage.cache_creation_input_tokens == 2


def test_letters_are_counted_where_they_are() -> None:
    answer = answered(Text("twelve chars"), Thinking("six ch", "sig"))
    letters = [frame.letters for frame in frames(answer)]
    assert sum(letters) == 18
    assert all(count == 0 for frame, count in zip(frames(answer), letters, strict=True) if b"delta" not in frame.data)


def test_an_error_frame_is_an_error_event() -> None:
    data = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert error_frame("overloaded_error", "Overloaded") == Frame(b"event: error\ndata: %b\n\n" % data)
