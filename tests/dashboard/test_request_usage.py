"""A request's cost comes with its formula: the terms are the lines, the lines are the cost, the attempts the turn."""

import json
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.request_usage import request_usage_of
from dashboard.streams import stream_item
from dashboard.told import Sayings
from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.usage import TokenCounts
from domain.usage_sums import Attempt
from schemas.stored.events import RecordingGap
from schemas.usage_api import RequestUsage, UsageTokens
from tests.dashboard.test_details import REQUEST, details
from tests.price_samples import price
from tests.shipping import AT

DAY = AT.astimezone(UTC).date()
SAID = Sayings(book=PriceBook((price("claude-opus-4-8", effective_from=DAY),)))
KEY = "sk-ant-api03-" + "A" * 93 + "AA"
OTHER = UUID(int=8)


def answer(model: str = "claude-opus-4-8", **usage: Any) -> bytes:
    message = {"type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": "end_turn"}
    return json.dumps(message | {"usage": usage}).encode()


def said_of(data: bytes | None, *attempts: Attempt, said: Sayings = SAID, **how: Any) -> RequestUsage:
    body = json.dumps({"model": "claude-opus-4-8"}).encode()
    return request_usage_of(details(body, data, content_type="application/json", **how), attempts, said)


def attempt(request_id: UUID = REQUEST, *lines: BilledLine, seconds: int = 0) -> Attempt:
    return Attempt(request_id, AT + timedelta(seconds=seconds), "completed", 200, lines)


def line(output: int = 1_000_000, kind: str = "message") -> BilledLine:
    return BilledLine(tariff=Tariff(model="claude-opus-4-8"), tokens=TokenCounts(output_tokens=output), kind=kind)


COUNTS = st.integers(0, 10**6)


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 9))
def test_the_formula_is_the_cost(sent: int, read: int, written: int, searches: int) -> None:
    usage: dict[str, Any] = {
        "input_tokens": sent,
        "cache_read_input_tokens": read,
        "output_tokens": written,
        "inference_geo": "us",
        "server_tool_use": {"web_search_requests": searches},
        "iterations": [{"type": "compaction", "input_tokens": 3, "output_tokens": written}],
    }
    found = said_of(answer(**usage))
    assert [one.kind for one in found.lines] == ["message", "compaction"]
    for one in found.lines:
        for term in one.terms:
            assert term.count * term.per_million * term.factor / 1_000_000 == term.amount
        assert one.amount == sum(term.amount for term in one.terms)
        assert (one.source, one.reason, one.inference_geo) == (("a page" if one.terms else ""), "", "us")
    assert found.cost_usd == sum(one.amount or 0 for one in found.lines)
    assert found.reported == usage
    assert not found.estimated


def test_without_a_price_the_reason_is_said() -> None:
    found = said_of(answer("gpt-4.1", input_tokens=5))
    (one,) = found.lines
    assert (one.amount, one.source, one.terms) == (None, "", [])
    assert "gpt-4.1" in one.reason
    assert (found.cost_usd, found.turn_cost_usd) == (None, None)


def test_what_is_not_counted_is_named() -> None:
    tools = {"web_search_requests": 1, "code_execution_requests": 2}
    found = said_of(answer(input_tokens=5, novel={"tokens": 3}, server_tool_use=tools))
    assert found.unknown == ["novel.tokens"]
    assert found.unpriced_tools == {"code_execution_requests": 2}
    assert found.server_tools == tools


def test_tier_thinking_and_steps_are_told() -> None:
    steps = [
        {"type": "message", "output_tokens": 4},
        {"type": "compaction", "model": "m", "cache_read_input_tokens": 9},
    ]
    found = said_of(
        answer(output_tokens=5, service_tier="batch", output_tokens_details={"thinking_tokens": 3}, iterations=steps)
    )
    assert (found.service_tier, found.thinking_tokens) == ("batch", 3)
    assert [(one.kind, one.model, one.tokens) for one in found.iterations] == [
        ("message", None, UsageTokens(output=4)),
        ("compaction", "m", UsageTokens(cache_read=9)),
    ]


def test_which_price_it_was_is_told() -> None:
    (one,) = said_of(answer(output_tokens=5)).lines
    assert (one.pattern, one.effective_from, one.source) == ("claude-opus-4-8", DAY, "a page")
    assert (one.tokens, one.web_searches) == (UsageTokens(output=5), 0)
    (one,) = said_of(answer(output_tokens=5, service_tier="novel")).lines
    assert (one.pattern, one.amount, one.reason) == (
        "claude-opus-4-8", None, "no price for service_tier novel of model claude-opus-4-8",
    )  # fmt: skip


def test_how_the_answer_came_stands_beside_it() -> None:
    whole = details(b"{}", answer(output_tokens=5), content_type="application/json")
    assert request_usage_of(whole, [], SAID).stream == stream_item(whole)


NO_MESSAGE = b'{"type":"error","error":{"type":"x","message":"y"}}'
REFUSED = json.dumps(
    {"type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": "refusal",
     "usage": {"input_tokens": 5, "output_tokens": 0}}
).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("data", "how", "words"),
    [
        (NO_MESSAGE, {}, "An error is not billed."),
        (b"", {}, "No answer came, so nothing was billed."),
        (REFUSED, {}, "It was refused before any output, which is not billed."),
        (b"text", {}, "Its answer tells of no use, so nothing of it is counted."),
        (None, {"lengths": [10]}, "Nothing of its answer is kept, so nothing of it is counted."),
        (b"", {"ended": False}, ""),
        (answer(output_tokens=1), {}, ""),
    ],
    ids=["error", "no answer", "refused", "no message", "erased", "open", "billed"],
)
def test_why_nothing_is_billed_is_said(data: bytes | None, how: dict[str, Any], words: str) -> None:
    assert said_of(data, attempt(REQUEST, line(0, "unbilled")), **how).unbilled == words


def test_counting_tokens_is_free() -> None:
    whole = details(b"{}", b'{"input_tokens":9}', content_type="application/json")
    assert whole.received is not None
    asked = whole.received.model_copy(update={"target": "/v1/messages/count_tokens?beta=true"})
    found = request_usage_of(replace(whole, received=asked), [attempt(REQUEST, line(0, "unbilled"))], SAID)
    assert (found.cost_usd, found.lines, found.unbilled) == (Decimal(0), [], "Counting tokens is free.")


def test_a_key_in_the_usage_is_hidden() -> None:
    found = said_of(answer(KEY, input_tokens=5, service_tier=KEY, **{KEY: KEY}))
    assert KEY not in found.model_dump_json()


def test_a_cut_answer_rests_on_an_estimate() -> None:
    start = {"type": "message_start", "message": {"model": "claude-opus-4-8", "usage": {"output_tokens": 1}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a" * 400}}
    data = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in (start, block)).encode()
    body = json.dumps({"model": "x"}).encode()
    found = request_usage_of(details(body, data), [], SAID)
    assert found.estimated
    assert found.cost_usd == Decimal(99) * 25 / 1_000_000 + Decimal(25) / 1_000_000
    assert found.estimate == (
        "The last count never came. 400 characters were delivered, at 4 a token: 100, less 1 that had been counted."
    )
    (own,) = found.attempts
    assert (own.tokens, own.estimated) == (UsageTokens(output=1, estimated_output=99), True)


def test_of_an_erased_answer_the_estimate_is_what_it_was() -> None:
    cut = BilledLine(tariff=Tariff(model="claude-opus-4-8"), tokens=TokenCounts(), estimated_output_tokens=7)
    found = said_of(None, attempt(REQUEST, cut), lengths=[10])
    assert (found.estimated, found.estimate) == (
        True, "The last count never came; it was reckoned from the text that was delivered, when it came.",
    )  # fmt: skip
    assert not said_of(answer(output_tokens=1)).estimate


def test_the_turn_costs_what_its_attempts_cost_and_its_own_is_as_shown() -> None:
    other, own = attempt(OTHER, line(2_000_000), seconds=-5), attempt(REQUEST, line(7))
    found = said_of(answer(output_tokens=1_000_000), other, own)
    assert [(one.request_id, one.cost_usd) for one in found.attempts] == [(OTHER, Decimal(50)), (REQUEST, Decimal(25))]
    assert (found.cost_usd, found.turn_cost_usd) == (Decimal(25), Decimal(75))
    assert [one.tokens.output for one in found.attempts] == [2_000_000, 1_000_000]


def test_a_free_attempt_does_not_make_an_unpriced_turn_free() -> None:
    failed = attempt(OTHER, line(0, "unbilled"))
    found = said_of(answer("gpt-4.1", output_tokens=5), failed, attempt(REQUEST, line()))
    assert [one.cost_usd for one in found.attempts] == [Decimal(0), None]
    assert found.turn_cost_usd is None


def test_an_attempt_is_priced_as_of_its_own_day() -> None:
    found = said_of(answer(output_tokens=1), attempt(OTHER, line(), seconds=-86_400), attempt(REQUEST, line()))
    assert [one.cost_usd is None for one in found.attempts] == [True, False]


def test_what_is_not_linked_yet_is_its_only_attempt() -> None:
    (one,) = said_of(answer(output_tokens=1_000_000)).attempts
    assert (one.request_id, one.received_at, one.outcome, one.status) == (REQUEST, AT, "completed", 200)
    assert one.cost_usd == 25
    (one,) = said_of(b"").attempts
    assert (one.status, one.cost_usd) == (None, None)


def test_of_an_erased_answer_the_counted_lines_stand() -> None:
    found = said_of(None, attempt(REQUEST, line()), lengths=[10])
    assert (found.reported, [one.kind for one in found.lines], found.cost_usd) == ({}, ["message"], Decimal(25))


def test_what_was_not_billed_has_no_line_and_costs_nothing() -> None:
    found = said_of(b'{"type":"error","error":{"type":"x","message":"y"}}', attempt(REQUEST, line(0, "unbilled")))
    assert (found.lines, found.cost_usd, found.turn_cost_usd) == ([], Decimal(0), Decimal(0))


def test_what_could_not_be_recorded_is_not_free() -> None:
    lost = replace(attempt(REQUEST, line(0, "unbilled")), unrecorded=True)
    alone = said_of(b"", lost)
    assert (alone.lines, alone.cost_usd, alone.turn_cost_usd, alone.attempts[0].cost_usd) == ([], None, None, None)
    assert "could not be recorded" in alone.unbilled
    assert (alone.unrecorded, [one.unrecorded for one in alone.attempts]) == (True, [True])
    beside = said_of(b"", lost, attempt(OTHER, line()))
    assert (beside.cost_usd, beside.turn_cost_usd) == (None, Decimal(25))
    assert [one.unrecorded for one in beside.attempts] == [True, False]
    assert not said_of(answer(output_tokens=1)).unrecorded


def test_what_is_still_open_has_lines_and_no_cost_yet() -> None:
    nothing = Attempt(REQUEST, AT, "open", None, (line(0, "unbilled"),))
    other = Attempt(OTHER, AT, "open", None, (line(0, "unbilled"),))
    found = said_of(b"", nothing, other, ended=False)
    assert (found.cost_usd, found.lines, found.turn_cost_usd) == (None, [], None)
    assert [one.cost_usd for one in found.attempts] == [None, None]
    found = said_of(answer(output_tokens=1_000_000), nothing, ended=False)
    assert (found.cost_usd, [one.amount for one in found.lines], found.unbilled) == (None, [Decimal(25)], "")


@pytest.mark.parametrize("plan", ["subscription", "api", None])
def test_a_subscription_pays_what_the_api_would_have_taken(plan: Any) -> None:
    received = details(b"{}").received
    assert received is not None
    plans = {} if plan is None else {received.account or received.scope: plan}
    found = said_of(answer(output_tokens=1), said=Sayings(book=SAID.book, plans=plans))
    assert found.api_equivalent == (plan == "subscription")


def test_a_request_that_was_not_recorded_counts_on_the_day_of_its_gap() -> None:
    whole = details(b"", b"")
    gap = RecordingGap(
        originator_id=REQUEST, originator_version=1, timestamp=AT, reason="full", part="request", offset=0, byte_count=1
    )
    bare = replace(whole, item=None, outcome="completed", received=None, started=None, ended=None, gaps=(gap,))
    found = request_usage_of(bare, [attempt(REQUEST, line())], SAID)
    assert (found.cost_usd, found.api_equivalent) == (Decimal(25), False)
