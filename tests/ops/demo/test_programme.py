"""The whole programme, played fast and straight at the stand-in: is what goes over the wire as Claude Code's?"""

import asyncio
import re
import time
from typing import Any

import msgspec
import pytest

from ops.demo.old_dialect import SONNET
from ops.demo.pace import Pace
from ops.demo.player import Story
from ops.demo.programme import MINUTES, STORIES
from ops.demo.sessions import ines
from tests.ops.demo.rehearsal import Blocks, Rehearsal, Wired, listed, rehearse

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_GOES_ON = {"continues", "branches"}


@pytest.fixture(scope="module")
def played() -> Rehearsal:
    return asyncio.run(rehearse(*STORIES))


def without_reminders(blocks: Blocks) -> Blocks:
    """What old clients' histories have in common: their reminders come and go."""
    kept = [
        (role, {**block, "text": _REMINDER.sub("", block["text"])} if "text" in block else block)
        for role, block in blocks
    ]
    return [(role, block) for role, block in kept if block.get("text", "something")]


def is_old(wired: Wired) -> bool:
    return "X-Claude-Code-Session-Id" not in wired.request.headers and "metadata" in wired.body


def test_all_stories_are_played_to_their_end(played: Rehearsal) -> None:
    assert played.outcome.failed == []
    assert {wired.played.story for wired in played.wire} == {story.name for story in STORIES}
    assert len(played.wire) == len(played.outcome.played)
    assert len({wired.played.request_id for wired in played.wire}) == len(played.wire) > 100


def test_every_kind_of_request_and_of_edge_is_shown(played: Rehearsal) -> None:
    assert {wired.played.request_class for wired in played.wire} == {"main", "subagent", "compaction", "auxiliary"}
    edges = {wired.played.edge for wired in played.wire}
    assert edges >= {"root", "branches", "retries", "interrupted", "spawned", "compacts", "resumes", "aside", "none"}
    endings = {(wired.played.status, wired.played.ending) for wired in played.wire}
    assert endings >= {(200, "whole"), (200, "broken"), (200, "left"), (429, "error"), (529, "error"), (404, "error")}


def test_each_parent_was_asked_before_its_child(played: Rehearsal) -> None:
    place = {wired.played.request_id: number for number, wired in enumerate(played.wire)}
    for wired in played.wire:
        parent = wired.played.parent
        assert (parent is None) == (wired.played.edge in {"root", "none"})
        assert parent is None or place[parent] < place[wired.played.request_id]


def test_what_goes_on_holds_the_parents_request_and_answer_first(played: Rehearsal) -> None:
    """After dropping cache marks and reading a bare string as one text, and nothing else (old clients: reminders)."""
    known, seen = played.by_id(), 0
    for wired in played.wire:
        if wired.played.edge not in _GOES_ON:
            continue
        parent = known[wired.played.parent or ""]
        history, blocks = parent.blocks + parent.answer, wired.blocks
        if is_old(wired):
            history, blocks = without_reminders(history), without_reminders(blocks)
        assert blocks[: len(history)] == history
        assert len(blocks) > len(history)
        seen += 1
    assert seen > 50


def test_an_interrupted_answer_is_kept_as_far_as_it_was_shown(played: Rehearsal) -> None:
    known = played.by_id()
    (wired,) = [wired for wired in played.wire if wired.played.edge == "interrupted"]
    cut = known[wired.played.parent or ""]
    assert cut.played.ending == "left"
    assert cut.heard.reading.stop_reason is None
    history = cut.blocks
    assert wired.blocks[: len(history)] == history
    (_, shown), (_, interrupted), (_, prompt) = wired.blocks[len(history) :]
    assert cut.answer == [("assistant", shown)]
    assert interrupted["text"] == "[Request interrupted by user]"
    assert prompt["text"].startswith("No machine learning")


def test_retries_are_byte_for_byte_the_same_but_after_an_error_event(played: Rehearsal) -> None:
    known, changed = played.by_id(), []
    for wired in played.wire:
        if wired.played.edge != "retries":
            continue
        first = known[wired.played.parent or ""]
        assert first.played.edge != "retries"
        assert wired.request.headers["X-Stainless-Retry-Count"] == "0"
        if wired.request.body != first.request.body:
            changed.append((first, wired))
    ((broken, again),) = changed
    assert broken.played.ending == "broken"
    assert again.body == {**broken.body, "stream": False, "max_tokens": 64000}
    assert again.request.headers["X-Stainless-Timeout"] == "300"


def test_a_refusal_is_asked_again_with_the_fallback(played: Rehearsal) -> None:
    first, again = played.of("refusal")
    assert first.heard.reading.stop_reason == "refusal"
    assert first.answer == []
    assert (
        again.request.headers["anthropic-beta"]
        == first.request.headers["anthropic-beta"] + ",fallback-credit-2026-06-01"
    )
    assert again.answer


def test_a_sub_task_begins_with_its_prompt_word_for_word(played: Rehearsal) -> None:
    known = played.by_id()
    spawned = [wired for wired in played.wire if wired.played.edge == "spawned"]
    assert len(spawned) == 6
    for wired in spawned:
        calls = [block for _, block in known[wired.played.parent or ""].answer if block["type"] == "tool_use"]
        first = listed(wired.body["messages"][0]["content"])
        assert first[-1]["text"] in {call["input"]["prompt"] for call in calls if call["name"] in {"Agent", "Task"}}


def test_agents_say_their_id_and_so_does_their_result(played: Rehearsal) -> None:
    """But old clients' agents have no header, and an explorer's result has no id."""
    text = msgspec.json.encode([wired.body["messages"] for wired in played.wire if "messages" in wired.body]).decode()
    for wired in played.wire:
        if wired.played.request_class != "subagent":
            assert "x-claude-code-agent-id" not in wired.request.headers
        elif is_old(wired):
            assert wired.body["model"] == SONNET
        else:
            agent = wired.request.headers["x-claude-code-agent-id"]
            assert re.fullmatch("a[0-9a-f]{16}", agent)
            assert "cc_is_subagent=true" in wired.body["system"][0]["text"]
            explores = "file search" in wired.body["system"][2]["text"]
            assert (f"agentId: {agent}" in text) != explores


def test_only_a_nested_agent_names_its_parent(played: Rehearsal) -> None:
    nested = [wired for wired in played.wire if "x-claude-code-parent-agent-id" in wired.request.headers]
    assert {wired.played.story for wired in nested} == {"bundle"}
    known = played.by_id()
    for wired in nested:
        if wired.played.edge == "spawned":
            parent = known[wired.played.parent or ""].request.headers["x-claude-code-agent-id"]
            assert wired.request.headers["x-claude-code-parent-agent-id"] == parent


def test_a_background_agents_end_is_told_by_a_notification(played: Rehearsal) -> None:
    told = [
        block["text"]
        for wired in played.of("audit")
        for _, block in wired.blocks[-1:]
        if "<task-notification>" in block.get("text", "")
    ]
    (text,) = told
    spawned = next(wired for wired in played.of("audit") if wired.played.edge == "spawned")
    assert f"<task-id>{spawned.request.headers['x-claude-code-agent-id']}</task-id>" in text
    call = next(block for wired in played.of("audit") for _, block in wired.answer if block.get("name") == "Agent")
    assert f"<tool-use-id>{call['id']}</tool-use-id>" in text


def test_the_summary_is_asked_for_behind_the_marked_answer_and_handed_on_word_for_word(played: Rehearsal) -> None:
    asked = next(wired for wired in played.wire if wired.played.edge == "compacts")
    *_, marked, last = asked.body["messages"]
    assert (marked["role"], "cache_control" in marked["content"][-1]) == ("assistant", True)
    assert isinstance(last["content"], str)
    assert "Your task is to create a detailed summary of" in last["content"]
    resumed = next(wired for wired in played.wire if wired.played.edge == "resumes")
    first, emptied, kept, prompt, around = resumed.body["messages"]
    (_, answer) = asked.answer[0]
    inside = re.search(r"<summary>\n(.*)\n</summary>", answer["text"], re.DOTALL)
    assert inside
    assert inside[1] in first["content"]
    assert first["content"].startswith("This session is being continued from a previous conversation")
    assert (emptied["role"], emptied["content"]) == ("system", [])
    assert kept["role"] == "assistant"
    assert [block["text"][:14] for block in prompt["content"]][1:3] == ["<local-command", "<command-name>"]
    assert around["role"] == "system"
    assert asked.body["metadata"] == resumed.body["metadata"]


def test_the_newest_cache_mark_is_at_the_end_but_in_side_threads(played: Rehearsal) -> None:
    for wired in played.wire:
        if not wired.body_has_tools:
            continue
        marks = [
            (number, message["role"])
            for number, message in enumerate(wired.body["messages"])
            if isinstance(message["content"], list)
            for block in message["content"]
            if "cache_control" in block
        ]
        place, role = marks[-1]
        side = wired.played.edge in {"compacts", "aside"}
        assert place == len(wired.body["messages"]) - 1 - side
        assert (role == "assistant") == side
        assert len(marks) == (2 if is_old(wired) and len(wired.body["messages"]) > 1 else 1)


def cached(wired: Wired) -> int:
    """Tokens that are in the cache after this request."""
    usage = wired.heard.reading.usage
    assert usage
    return usage.cache_read_input_tokens + usage.cache_creation_input_tokens


def test_the_tokens_of_the_cache_add_up(played: Rehearsal) -> None:
    """A request reads what its parent, or a side question on the same answer, left there; unless it has run out."""
    known, ran_out, read = played.by_id(), [], 0
    for wired in played.wire:
        usage = wired.heard.reading.usage
        if wired.played.edge not in _GOES_ON or not wired.body_has_tools or is_old(wired) or usage is None:
            continue
        parent = wired.played.parent or ""
        asides = [it for it in played.wire if it.played.parent == parent and it.played.edge == "aside"]
        assert usage.cache_read_input_tokens in {0, *map(cached, [known[parent], *asides])}
        assert usage.cache_creation_input_tokens > 0
        if usage.cache_read_input_tokens:
            read += 1
        else:
            ran_out.append(wired)
    assert read > 50
    assert ["Back from lunch" in str(wired.blocks[-1]) for wired in ran_out] == [True]


def test_subscribers_write_to_the_cache_for_an_hour_the_others_for_five_minutes(played: Rehearsal) -> None:
    for wired in played.wire:
        usage = wired.heard.reading.usage
        if usage is None:
            continue
        minutes, hour = usage.cache_creation.ephemeral_5m_input_tokens, usage.cache_creation.ephemeral_1h_input_tokens
        assert minutes + hour == usage.cache_creation_input_tokens
        assert (minutes if "authorization" in wired.request.headers else hour) == 0


def test_reports_of_agents_say_the_tokens_of_their_last_answer(played: Rehearsal) -> None:
    text = msgspec.json.encode([wired.body["messages"] for wired in played.wire if "messages" in wired.body]).decode()
    said = {int(number) for number in re.findall(r"subagent_tokens(?:: |>)(\d+)", text)}
    usages = [wired.heard.reading.usage for wired in played.wire if wired.played.request_class == "subagent"]
    assert said
    assert said <= {usage.total for usage in usages if usage}


def test_one_session_shows_a_picture_and_gets_one_from_a_tool(played: Rehearsal) -> None:
    def pictures(blocks: list[dict[str, Any]]) -> list[str]:
        return [block["source"]["data"] for block in blocks if block["type"] == "image"]

    blocks = [block for _, block in played.of("legend")[-1].blocks]
    shown = pictures(blocks)
    read = [one for block in blocks if isinstance(block.get("content"), list) for one in pictures(block["content"])]
    assert len(shown) == len(read) == 1
    assert shown != read


def test_people_use_devices_versions_and_credentials_of_their_own(played: Rehearsal) -> None:
    users = {wired.body["metadata"]["user_id"] for wired in played.wire if "metadata" in wired.body}
    devices = {device for user in users for device in re.findall("[0-9a-f]{64}", user)}
    assert len(devices) == 6
    agents = {wired.request.headers["User-Agent"].partition(" ")[0] for wired in played.wire}
    assert agents == {"claude-cli/2.1.330", "claude-cli/2.0.76", "curl/8.11.1"}


def test_the_same_seed_gives_the_same_sessions_and_another_one_others() -> None:
    def sessions(seed: str) -> list[str]:
        story = Story("rollout", 0.0, ines.rollout)
        rehearsal = asyncio.run(rehearse(story, seed=seed))
        return [wired.request.headers["X-Claude-Code-Session-Id"] for wired in rehearsal.wire]

    assert sessions("a") == sessions("a") != sessions("b")


async def test_at_a_human_pace_sessions_overlap_and_one_runs_to_the_end() -> None:
    factor = 0.008
    begun = time.monotonic()
    rehearsal = await rehearse(*STORIES, pace=Pace(factor))
    took_s = (time.monotonic() - begun) / factor
    assert rehearsal.outcome.failed == []
    assert (MINUTES - 2) * 60 < took_s < (MINUTES + 2) * 60
    last = {wired.played.story: number for number, wired in enumerate(rehearsal.wire)}
    first = {wired.played.story: number for number, wired in reversed(list(enumerate(rehearsal.wire)))}
    assert last["rollout"] > len(rehearsal.wire) - 5, "at this pace a busy machine makes seconds of its own"
    under_way = [sum(first[name] <= number <= last[name] for name in last) for number in range(len(rehearsal.wire))]
    assert max(under_way) >= 4
