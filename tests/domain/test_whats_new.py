"""Is everything told as new that was not there, and nothing that only came back in another shape?"""

from collections.abc import Sequence
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import block_facts
from domain.transcript import Said, Transcript
from domain.whats_new import News, aligned, nothing_before, whats_new
from schemas.anthropic.stream import JsonObject
from tests.forest import talk
from tests.forest.client import World, begun
from tests.forest.dialects import CLAUDE_CODE, Dialect
from tests.forest.playing import somebody
from tests.forest.shapes import Message, reminder, text, thinking, tool_result, tool_use
from tests.forest.telling import Item, recorded_turn, remembered, told
from tests.forest.truth import Exchange

MOVES = (talk.prompt, talk.tools, talk.limit_hit, talk.paused, talk.interrupted, talk.interrupted_at_once)
letters = st.lists(st.sampled_from("abcde"), max_size=9)


def user(*blocks: JsonObject) -> Said:
    return Said("user", blocks)


def model(*blocks: JsonObject) -> Said:
    return Said("assistant", blocks)


def note(words: str) -> Said:
    return Said("system", (text(words),))


def news(messages: Sequence[Said], before: Sequence[Said], *answer: JsonObject) -> News:
    return whats_new(messages, before, answer)


def initials(found: News) -> str:
    """The states as one letter each; ``x`` is changed."""
    return "".join({"carried": "c", "changed": "x", "partly": "p", "new": "n"}[state] for state in found.states)


words = st.text("xyz ", min_size=1, max_size=3).filter(str.strip)
blocks = words.map(text) | st.sampled_from(["t1", "t2", "t3"]).flatmap(
    lambda name: st.sampled_from([tool_use(name, "Bash", {}), tool_result(name, "done")])
)
messages = st.builds(Said, st.sampled_from(["user", "assistant"]), st.lists(blocks, min_size=1, max_size=3).map(tuple))
histories = st.lists(messages, max_size=8)


def reshaped(message: Said, random: Random) -> Said:
    """As Claude Code may send it again: marks move, reminders come, white space grows."""
    shaped: list[JsonObject] = []
    for block in message.blocks:
        changed: dict[str, Any] = dict(block)
        if changed["type"] == "text" and random.random() < 0.5:
            changed["text"] = f"{changed['text']}\n<system-reminder>Mind.</system-reminder>\n"
        if random.random() < 0.5:
            changed["cache_control"] = {"type": "ephemeral"}
        shaped.append(changed)
        if random.random() < 0.3:
            shaped.append(reminder("Look out."))
    return Said(message.role, tuple(shaped))


@given(histories, st.lists(blocks, max_size=3), histories, st.randoms(use_true_random=False))
def test_what_goes_on_carries_all_there_was_and_the_rest_is_new(
    before: list[Said], answer: list[JsonObject], more: list[Said], random: Random
) -> None:
    kept = [*before, *([model(*answer)] if answer else [])]
    found = news([*(reshaped(one, random) for one in kept), *more], before, *answer)
    assert len(found.states) == len(kept) + len(more)
    assert found.states[: len(kept)] == ("carried",) * len(kept)
    assert found.states[len(kept) :] == ("new",) * len(more)
    assert (found.gone, found.answer) == (0, "held" if answer else "none")


@given(histories, st.randoms(use_true_random=False))
def test_nothing_is_new_in_the_same_request_again(before: list[Said], random: Random) -> None:
    again = news([reshaped(one, random) for one in before], before)
    assert again.states == ("carried",) * len(before)
    assert again.gone == 0


@given(histories)
def test_without_a_request_before_everything_is_new(now: list[Said]) -> None:
    assert nothing_before(now) == news(now, [])
    assert nothing_before(now).states == ("new",) * len(now)


@given(histories, histories, st.lists(blocks, max_size=3))
def test_what_is_carried_was_there(now: list[Said], before: list[Said], answer: list[JsonObject]) -> None:
    """Oracle: in any two requests, each block of a carried message stands in the one before, or in its answer."""
    found = news(now, before, *answer)
    there = {(block_facts(block).digest, one.role) for one in (*before, model(*answer)) for block in one.blocks}
    said = "".join(block_facts(block).text for block in answer)
    for message, state in zip(now, found.states, strict=True):
        for block in message.blocks if state in {"carried", "changed"} else ():
            facts = block_facts(block)
            assert (facts.digest, message.role) in there or facts.text in said
    assert 0 <= found.gone <= len(before)


@given(letters, letters)
def test_what_is_aligned_is_equal_and_in_order(before: list[str], now: list[str]) -> None:
    found = aligned(before, now)
    assert [now[here] for here in found] == [before[there] for there in found.values()]
    assert sorted(found) == list(found)
    assert sorted(set(found.values())) == list(found.values())
    common = next((n for n, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    assert all(found[place] == place for place in range(common))


@given(st.permutations("abcdefg"), st.sets(st.sampled_from("abcdefg")))
def test_of_what_stands_once_in_either_as_much_as_can_be_is_aligned(now: list[str], left: set[str]) -> None:
    """Oracle: the longest common part, by trying every one."""
    before = [letter for letter in "abcdefg" if letter not in left]
    longest = max(
        size for size in range(len(before) + 1) for some in combinations(now, size) if _stands_in(some, before)
    )
    assert len(aligned(before, now)) == longest


def _stands_in(some: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(letter in rest for letter in some)


@pytest.mark.parametrize("dialect", CLAUDE_CODE, ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_a_clients_talk_is_told_without_a_gap_and_without_repeating(dialect: Dialect, seed: int) -> None:
    """Oracle: the transcript, which finds for every exchange what its request brought."""
    world = World(Random(f"news {dialect} {seed}"))
    world.trouble = 0.2
    thread = begun(world, somebody(world.words), dialect, 0.0)
    talk.prompt(thread)
    for _ in range(8):
        world.words.random.choice(MOVES)(thread)
    told_some = 0
    for number, exchange in enumerate(world.exchanges, start=1):
        if exchange.link.parent is None:
            continue
        before, now = recorded_turn(exchange.link.parent, number), recorded_turn(exchange, number + 1)
        transcript = Transcript({})
        transcript.pass_over(before)
        transcript.add(now)
        expected = _users(told(transcript.turns()))
        found = whats_new(now.messages, before.messages, [block.value for block in before.answer])
        assert _users(remembered(_brought(now.messages, found))) == expected
        told_some += bool(expected)
    assert told_some


def _users(items: Sequence[Item]) -> list[Item]:
    """Without answers, in which upstream's own results stand."""
    return [item for item in items if item[0] != "assistant" and not item[1].startswith("srv")]


def _brought(messages: Sequence[Said], found: News) -> list[Message]:
    return [
        Message(
            one.role,
            tuple(
                dict(block)
                for place, block in enumerate(one.blocks)
                if state == "new" or place in found.new_blocks.get(number, ())
            ),
        )
        for number, (one, state) in enumerate(zip(messages, found.states, strict=True))
    ]


GO, CALL, DONE = user(text("Go")), tool_use("t1", "Bash", {"command": "ls"}), user(tool_result("t1", "two files"))


def test_an_answer_comes_back_with_its_thinking_dropped() -> None:
    found = news([GO, model(text("I look."), CALL), DONE], [GO], thinking("Hm", "sig"), text("I look. "), CALL)
    assert (initials(found), found.answer) == ("ccn", "held")


def test_an_answer_comes_back_in_two_messages() -> None:
    found = news([GO, model(text("I look.")), model(CALL), DONE], [GO], text("I look."), CALL)
    assert (initials(found), found.answer) == ("cccn", "held")


def test_of_a_cut_answer_the_beginning_is_carried_over() -> None:
    now = [GO, model(text("I lo")), user(text("Stop"))]
    found = news(now, [GO], text("I look around."))
    assert (initials(found), found.answer) == ("ccn", "held")
    other = news([GO, model(text("You lo")), user(text("Stop"))], [GO], text("I look around."))
    assert (initials(other), other.answer) == ("cnn", "left_out")


def test_after_the_same_words_no_beginning_of_an_answer_is_looked_for() -> None:
    """The request before was cut back, so what stands there is another answer."""
    found = news([GO, model(text("I lo"))], [GO, model(text("Hm")), user(text("Well?"))], text("I look"))
    assert initials(found) == "cn"
    assert (found.gone, found.answer) == (2, "left_out")


def test_after_a_rewind_what_was_not_kept_is_counted() -> None:
    before = [GO, model(CALL), DONE, model(text("Two.")), user(text("Thanks"))]
    found = news([GO, model(CALL), DONE, user(text("No, another way"))], before, text("Welcome."))
    assert (initials(found), found.gone, found.answer) == ("cccn", 2, "left_out")


def test_after_a_compaction_what_was_kept_is_found_behind_the_summary() -> None:
    before = [GO, model(CALL), DONE, model(text("Two.")), user(text("And the sizes?")), user(text("Summarise."))]
    now = [user(text("This session is being continued. Two files.")), user(text("And the sizes?")), user(text("Go on"))]
    found = news(now, before, text("<summary>Two files.</summary>"))
    assert (initials(found), found.gone, found.answer) == ("ncn", 5, "left_out")


def test_a_history_that_was_edited_further_up_keeps_the_rest() -> None:
    before = [GO, model(text("One.")), user(text("And?")), model(text("Two."))]
    now = [GO, model(text("Another.")), user(text("And?")), model(text("Two.")), user(text("More"))]
    found = news(now, before, text("Three."))
    assert (initials(found), found.gone, found.answer) == ("cnccn", 1, "left_out")


def test_a_message_that_grew_is_new_in_part() -> None:
    found = news([GO, model(CALL), user(tool_result("t1", "two files"), text("Stop"))], [GO, model(CALL), DONE])
    assert (initials(found), found.gone) == ("ccp", 0)
    assert found.new_blocks == {2: frozenset({1})}


def test_a_result_that_was_cleared_is_carried_over_changed() -> None:
    before, answer = [GO, model(CALL), DONE], text("Two.")
    cleared = user(tool_result("t1", "[Old tool result content cleared]"))
    found = news([GO, model(CALL), cleared, model(answer), user(text("More"))], before, answer)
    assert initials(found) == "ccxcn"


def test_a_result_in_another_shape_is_the_same() -> None:
    shapes: list[Any] = [
        [{"type": "text", "text": "two files", "cache_control": {"type": "ephemeral"}}],
        "two files\n<system-reminder>Mind.</system-reminder>",
    ]
    for shape in shapes:
        assert initials(news([GO, user(tool_result("t1", shape))], [GO, DONE])) == "cc"
    numbers: list[Any] = [[{"type": "x", "n": 1}], [{"type": "x", "n": 2}]]
    assert initials(news([user(tool_result("t1", numbers[0]))], [user(tool_result("t1", numbers[1]))])) == "x"


def test_what_the_client_puts_in_by_itself_makes_nothing_new() -> None:
    found = news([GO, user(reminder("Mind.")), model(text("One.")), user(reminder("Mind."))], [GO], text("One."))
    assert initials(found) == "cccc"
    marked = {**text("Tool loaded."), "cache_control": {"type": "ephemeral"}}
    assert initials(news([user(marked)], [user(text("Tool loaded."))])) == "c"


def test_a_note_that_is_no_part_of_the_talk_is_new_only_at_the_end() -> None:
    found = news([note("Be quick."), GO, model(text("One.")), note("Be slow.")], [GO], text("One."))
    assert initials(found) == "cccn"


def test_an_exchange_of_the_forest_has_a_parent_now_and_then() -> None:
    world = World(Random("any"))
    thread = begun(world, somebody(world.words), CLAUDE_CODE[-1], 0.0)
    talk.prompt(thread)
    talk.tools(thread)
    exchanges: list[Exchange] = world.exchanges
    assert any(one.link.parent for one in exchanges)
