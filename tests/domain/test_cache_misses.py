"""Each planted cause is explained as what it is, with the right tokens, and nothing else is ever said to be one."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cache_misses import QUIET, Between, CacheRequest, CacheVerdict, Rewritten, explain
from domain.cached_prompt import PromptUse
from tests.planted_causes import PLANTS, START, Billed, Plant, Sent, billed, paid_again, plant, talk, verdicts

SEEDS = st.integers(0, 10**6)
BY_LABEL = {one.label: one for one in PLANTS}
ESTIMATE = 0.1
"""How far an estimate may be off in the planted corpus."""
KEPT_TAIL = "compaction"
"""Little is sent again there, so a share by bytes of what was lost says little: never more than was paid."""


def planted(one: Plant, seed: int, lifetime: str = "5m") -> tuple[list[Billed], int]:
    random = Random(seed)
    sent = talk(random, lifetime)
    at = random.randrange(2, len(sent))
    return billed(plant(sent, one, at, random)), at


@pytest.mark.parametrize("one", PLANTS, ids=lambda one: one.label)
@given(seed=SEEDS, lifetime=st.sampled_from(["5m", "1h"]))
def test_a_planted_cause_is_found_with_its_tokens_and_nothing_else(one: Plant, seed: int, lifetime: str) -> None:
    bills, at = planted(one, seed, lifetime)
    found = verdicts(bills)
    assert found[at].cause == one.cause
    others = {verdict.cause for number, verdict in enumerate(found) if number != at}
    assert others <= ({"none", "first", "unknown"} if one.cause == "unknown" else {"none", "first"})
    if one.cause in {"none", "unknown"}:
        return
    before, now = bills[at - 1], bills[at]
    had = before.usage["cache_read_input_tokens"] + before.usage["cache_creation_input_tokens"]
    assert found[at].lost == had - now.usage["cache_read_input_tokens"]
    want, got = paid_again(before, now), found[at].rewritten.tokens
    if not found[at].rewritten_estimated or one.cause == "model_changed":
        assert got == want
    elif one.cause != KEPT_TAIL:
        assert abs(got - want) <= ESTIMATE * want + 20
    written = now.usage["cache_creation"]
    assert found[at].rewritten.write_5m <= written["ephemeral_5m_input_tokens"]
    assert found[at].rewritten.write_1h <= written["ephemeral_1h_input_tokens"]
    assert found[at].rewritten.fresh <= now.usage["input_tokens"]


@given(SEEDS)
def test_where_evidence_is_missing_no_cause_is_named(seed: int) -> None:
    random = Random(seed)
    one = random.choice([each for each in PLANTS if each.cause not in QUIET])
    bills, at = planted(one, seed)
    before, now = bills[at - 1].request, bills[at].request
    blind: list[tuple[CacheRequest, CacheRequest, Between]] = [
        (replace(before, prompt=None), now, Between()),
        (before, replace(now, prompt=None), Between()),
        (replace(before, use=None), now, Between()),
        (before, replace(now, use=None), Between()),
        (before, now, Between(incomplete=True)),
    ]
    for case in blind:
        assert explain(*case).cause == "unknown"
    assert explain(None, now, Between(incomplete=True)).cause == "unknown"
    assert explain(None, now, Between()).cause == "first"


def two(label: str, seed: int = 3) -> tuple[CacheRequest, CacheRequest]:
    bills, at = planted(BY_LABEL[label], seed)
    return bills[at - 1].request, bills[at].request


FORGOT, QUIETLY = "provider_suspected: forgot it", "none: nothing"


def test_what_was_read_needs_no_explanation() -> None:
    before, now = two(QUIETLY)
    assert now.use is not None
    found = explain(before, now, Between())
    assert (found.cause, found.certainty, found.lost, found.rewritten) == ("none", "certain", 0, Rewritten())
    assert (found.stable_tokens, found.stable_estimated) == (before.use and before.use.cached, False)
    unseen = explain(replace(before, prompt=None), now, Between())
    assert (unseen.cause, unseen.stable_blocks) == ("none", None)
    more = replace(now, use=replace(now.use, read=now.use.read + 10**6))
    assert explain(before, more, Between()).cause == "none"


def test_sums_over_steps_say_nothing() -> None:
    before, now = two(FORGOT)
    assert before.use is not None
    assert now.use is not None
    assert explain(before, replace(now, use=replace(now.use, summed=True)), Between()).cause == "unknown"
    assert explain(replace(before, use=replace(before.use, summed=True)), now, Between()).cause == "unknown"


def test_a_request_that_did_not_wait_for_the_answer_before_explains_nothing() -> None:
    before, now = two(FORGOT)
    for began in (None, now.received_at + timedelta(seconds=1)):
        assert explain(replace(before, answering_at=began), now, Between()).cause == "unknown"


def gap(minutes: float, ended_at: datetime | None = START) -> CacheVerdict:
    """All of an entry that lives five minutes is lost; so long after the request before."""
    before, now = two(FORGOT)
    before = replace(before, received_at=START, answering_at=START, ended_at=ended_at)
    return explain(before, replace(now, received_at=START + timedelta(minutes=minutes)), Between())


def test_an_entry_lives_from_its_last_use() -> None:
    assert gap(5).cause == "provider_suspected"
    assert (gap(5.1).cause, gap(5.1).certainty) == ("ttl_lapsed", "certain")
    assert "5 min 6 s" in gap(5.1).detail
    assert "2 h 0 min" in gap(120).detail
    long_answer = gap(6, ended_at=START + timedelta(minutes=4))
    assert (long_answer.cause, long_answer.certainty) == ("ttl_lapsed", "likely")
    assert gap(6, ended_at=None).cause == "ttl_lapsed"
    before, now = two(FORGOT)
    late = replace(now, received_at=before.received_at + timedelta(minutes=8))
    used = before.received_at + timedelta(minutes=4)
    assert explain(before, late, Between(used_at=used)).cause == "provider_suspected"


@pytest.mark.parametrize(
    ("written_5m", "written_1h", "marked", "cause"),
    [
        (10, 0, True, "ttl_lapsed"),
        (0, 10, True, "provider_suspected"),
        (0, 0, True, "ttl_lapsed"),
        (10, 10, True, "ttl_lapsed"),
        (0, 0, False, "ttl_lapsed"),
    ],
)
def test_what_was_billed_says_more_of_the_lifetime_than_what_was_asked(
    written_5m: int, written_1h: int, marked: bool, cause: str
) -> None:
    """Every mark asks for five minutes."""
    before, now = two(FORGOT)
    assert before.prompt is not None
    use = PromptUse(read=1000, cached=30_000, written_5m=written_5m, written_1h=written_1h)
    prompt = before.prompt if marked else replace(before.prompt, marks=())
    late = replace(now, received_at=before.received_at + timedelta(minutes=30))
    assert explain(replace(before, use=use, prompt=prompt), late, Between()).cause == cause


def test_of_two_things_that_changed_the_certain_one_is_named_and_two_guesses_are_unsure() -> None:
    before, now = two(FORGOT)
    changed = replace(now, model="another", settings=(("thinking", "{}"),), betas=("x",))
    assert explain(before, changed, Between()).cause == "model_changed"
    assert explain(before, replace(changed, model=before.model, account="another"), Between()).cause == (
        "account_changed"
    )
    guess = explain(before, replace(changed, model=before.model), Between())
    assert (guess.cause, guess.certainty) == ("effort_changed", "unsure")
    assert "thinking" in guess.detail


@pytest.mark.parametrize(
    ("was", "now_is", "cause"),
    [("a", "b", "account_changed"), ("a", "", "provider_suspected"), ("", "b", "provider_suspected")],
)
def test_an_organisation_is_another_one_only_if_both_are_named(was: str, now_is: str, cause: str) -> None:
    before, now = two(FORGOT)
    found = explain(replace(before, organisation=was), replace(now, organisation=now_is), Between())
    assert found.cause == cause


def test_a_difference_that_does_not_explain_the_loss_is_named_with_doubt_or_not_at_all() -> None:
    bills, at = planted(BY_LABEL["history_changed: another answer"], 3)
    before, now = bills[at - 1].request, bills[at].request
    assert now.use is not None
    nothing = replace(now, use=replace(now.use, read=0, fresh=now.use.fresh + now.use.read))
    doubtful = explain(before, nothing, Between())
    assert (doubtful.cause, doubtful.certainty) == ("history_changed", "unsure")
    late = replace(nothing, received_at=before.received_at + timedelta(minutes=30))
    assert explain(before, late, Between()).cause == "ttl_lapsed"


def test_a_mark_that_does_not_explain_the_loss_is_named_with_doubt() -> None:
    before, now = two("mark_moved: none on messages")
    assert now.use is not None
    nothing = replace(now, use=replace(now.use, read=0, fresh=now.use.fresh + now.use.read))
    found = explain(before, nothing, Between())
    assert (found.cause, found.certainty) == ("mark_moved", "unsure")


@pytest.mark.parametrize(
    ("edits", "cause"),
    [
        ([{"type": "clear_thinking_20251015", "keep": "all"}], "provider_suspected"),
        ([{"type": "clear_tool_uses_20250919"}], "unknown"),
        ([{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "clear_tool_uses_20250919"}], "unknown"),
        ([], "provider_suspected"),
    ],
)
def test_the_provider_is_not_suspected_of_what_it_was_asked_to_do(edits: list[dict[str, str]], cause: str) -> None:
    before, now = two(FORGOT)
    settings = (("context_management", json.dumps({"edits": edits}, separators=(",", ":"))),)
    assert explain(replace(before, settings=settings), replace(now, settings=settings), Between()).cause == cause


def small_talk(*texts: str, at: int = 0) -> Sent:
    """A system prompt and texts by turns; the newest is marked."""
    mark = {"cache_control": {"type": "ephemeral"}}
    roles = ["user", "assistant"]
    messages = [
        {
            "role": roles[number % 2],
            "content": [{"type": "text", "text": text, **(mark if number == len(texts) - 1 else {})}],
        }
        for number, text in enumerate(texts)
    ]
    body = {
        "model": "m",
        "system": [{"type": "text", "text": "Be brief. " * 900, **mark}],
        "messages": messages,
    }
    return Sent(body, START + timedelta(seconds=30 * at))


def told(*talks: Sent, aside: bool = False) -> CacheVerdict:
    """Of the last, compared with the one before."""
    *_, before, now = billed(list(talks))
    return explain(before.request, replace(now.request, aside=aside), Between())


LONG = "word " * 2000


def test_a_history_that_is_cut_back_is_no_miss() -> None:
    before = small_talk("one", "1", "two", "2", "three", at=1)
    first = small_talk("one", at=0)
    found = told(first, before, small_talk("one", "1", "other", at=2))
    assert (found.cause, found.rewritten.tokens) == ("none", 0)
    again = told(first, before, small_talk("one", "1", "other", "2", "three", at=2))
    assert (again.cause, again.divergence and again.divergence.place) == ("history_changed", 2)


def test_a_text_retouched_at_the_end_is_a_miss_only_if_much_hangs_on_it() -> None:
    def turns(size: int) -> tuple[Sent, ...]:
        first = small_talk("one", at=0)
        before, now = small_talk("one", "1", "two", at=1), small_talk("one", "1", "two", "2", "three", at=2)
        result = {"type": "tool_result", "tool_use_id": "t", "content": "r" * size}
        before.body["messages"][2]["content"] = [
            result, {"type": "text", "text": "todo", "cache_control": {"type": "ephemeral"}},
        ]  # fmt: skip
        now.body["messages"][2]["content"] = [result, {"type": "text", "text": "todo\n"}]
        return first, before, now

    assert told(*turns(400)).cause == "none"
    assert told(*turns(40_000)).cause == "history_changed"


def test_a_side_thread_may_stand_on_an_earlier_part() -> None:
    before = small_talk("one", "1", LONG, "2", "three", at=1)
    aside = small_talk("one", "1 retold", LONG, "2", "summarise", at=2)
    assert told(before, aside, aside=True).cause == "none"
    assert told(before, aside).cause == "history_changed"
    other = small_talk("one", "1", LONG, "2", "summarise", at=2)
    other.body["system"][0]["text"] = "Summarise."
    assert told(before, other, aside=True).cause == "system_changed"


def test_a_new_talk_in_the_same_session_is_a_first() -> None:
    assert told(small_talk("one", "1", LONG), small_talk("something else", at=1)).cause == "first"


SUMMARY = "This session is being continued from a previous conversation. Summary: "


def test_a_summary_is_a_compaction_once() -> None:
    before, resumed = small_talk("one", "1", LONG), small_talk(SUMMARY + "a", at=1)
    assert told(before, resumed).cause == "compaction"
    on = small_talk(SUMMARY + "a", "2", LONG, at=2)
    edited = small_talk(SUMMARY + "a", "2 retold", LONG, "3", "four", at=3)
    assert told(before, resumed, on).cause == "none"
    assert told(on, small_talk(SUMMARY + "b", at=3)).cause == "compaction"
    further = small_talk(SUMMARY + "a", "2", LONG, "3", LONG, at=3)
    assert told(on, further, small_talk(SUMMARY + "a", "2", LONG, "3 retold", LONG, "4", "x", at=4)).cause == (
        "history_changed"
    )
    assert told(on, edited).cause == "compaction", "no answer is kept, so it may be a second summary"
    renamed = small_talk(SUMMARY + "a", at=1)
    renamed.body["system"][0]["text"] = "Be long. " * 900
    assert told(before, renamed).cause == "none", "nothing of it was sent again"
