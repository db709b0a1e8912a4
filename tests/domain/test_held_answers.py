"""An answer is known again by its blocks, or, if it was cut, as a beginning of the recorded text."""

from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import BlockFacts, block_facts
from domain.held_answers import (
    NO_TEXT,
    NOTHING_HELD,
    begins_with,
    content_digest,
    print_of,
    signed_in,
    text_of,
    tool_uses_in,
)

words = st.text(max_size=12)
plain = st.text("abc", max_size=6)
said = st.one_of(
    words.map(block_facts),
    st.sampled_from(["t1", "t2"]).map(lambda one: block_facts({"type": "tool_use", "id": one, "name": "Bash"})),
    st.just(block_facts({"type": "thinking", "thinking": "hm"})),
)
answers = st.lists(said, max_size=4)


@given(answers, answers)
def test_answers_are_equal_if_the_blocks_that_count_are(one: list[BlockFacts], other: list[BlockFacts]) -> None:
    def counted(blocks: list[BlockFacts]) -> list[bytes]:
        return [block.digest for block in blocks if block.digest]

    same = counted(one) == counted(other)
    assert (content_digest(one) == content_digest(other)) == same
    assert (content_digest(one) is None) == (not counted(one))


@given(plain, plain)
def test_a_beginning_is_known_again_and_nothing_else_is(text: str, beginning: str) -> None:
    assert begins_with(text, print_of(beginning)) == text.startswith(beginning)


@given(words, st.integers(0, 12))
def test_every_beginning_of_any_text_is_one(text: str, length: int) -> None:
    assert begins_with(text, print_of(text[:length]))


def test_half_a_character_has_a_print() -> None:
    assert begins_with("a\ud83d\ude00", print_of("a\ud83d"))


@given(st.lists(words, max_size=4), words)
def test_white_space_does_not_count_and_neither_do_calls(texts: list[str], other: str) -> None:
    call = block_facts({"type": "tool_use", "id": "t", "name": other or "x"})
    blocks = [each for text in texts for each in (block_facts(f" \n{text}\t"), call)]
    got = text_of(blocks)
    assert got == "".join("".join(block_facts(text).text.split()) for text in texts)
    assert not any(character.isspace() for character in got)


def test_of_no_other_block_is_the_text_taken() -> None:
    assert (
        text_of([BlockFacts("thinking", text="hm"), BlockFacts("text", text="a b"), BlockFacts("x", text="y")]) == "ab"
    )


def test_calls_are_listed_in_order_and_results_are_none() -> None:
    blocks = [
        block_facts({"type": "tool_use", "id": "t2", "name": "Bash"}),
        block_facts("text"),
        block_facts({"type": "server_tool_use", "id": "t1", "name": "web_search"}),
        block_facts({"type": "tool_result", "tool_use_id": "t3"}),
        block_facts({"type": "tool_use", "name": "nameless call"}),
    ]
    assert tool_uses_in(blocks) == ("t2", "t1")


def test_signatures_tell_histories_of_equal_words_apart() -> None:
    one, other = (block_facts({"type": "thinking", "thinking": "hm", "signature": name}) for name in "sS")
    assert signed_in([block_facts("a"), one, other]) == signed_in([one, block_facts("b"), other])
    assert len({signed_in([one]), signed_in([other]), signed_in([one, other]), signed_in([other, one])}) == 4
    assert signed_in([]) is signed_in([block_facts("a")]) is None


def test_a_request_without_an_answer_holds_nothing() -> None:
    assert (NOTHING_HELD.depth, NOTHING_HELD.content, NOTHING_HELD.tool_uses) == (0, None, ())
    assert begins_with("anything", NO_TEXT) is False, "no text is no beginning: nothing is held at all"
    assert begins_with("anything", print_of("")), "an empty text begins every text"
