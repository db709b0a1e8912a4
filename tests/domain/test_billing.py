"""Is everything billed that was used, nothing twice, and is an estimate never taken for a count?"""

import json
from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assembly import AnswerError, AssembledMessage, assemble
from domain.billing import (
    LONG_CONTEXT,
    BilledLine,
    Tariff,
    billed_lines,
    billed_lines_of,
    is_token_count,
    long_context_above,
    prompt_tokens,
    unknown_members,
    unpriced_tools,
)
from domain.usage import Iteration, TokenCounts, Usage, read_usage
from tests.answers import recordings, sse
from tests.strategies import Json

OPUS, HAIKU = "claude-opus-4-8", "claude-haiku-4-5"
KINDS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
START = {"input_tokens": 10, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30, "output_tokens": 4}
SEEN = TokenCounts(input_tokens=10, cache_read_tokens=20, cache_write_5m_tokens=30, output_tokens=4)


def counts(most: int = 300_000) -> st.SearchStrategy[TokenCounts]:
    return st.builds(TokenCounts, **dict.fromkeys(KINDS, st.integers(0, most)))


def steps() -> st.SearchStrategy[Iteration]:
    kinds = st.sampled_from(["message", "message", "fallback_message", "compaction", "advisor_message", "", "new"])
    models = st.sampled_from([None, OPUS, OPUS + "-20260101", HAIKU])
    return st.builds(Iteration, kind=kinds, model=models, tokens=counts())


def usages() -> st.SearchStrategy[Usage]:
    words = st.sampled_from([None, "standard", "fast", "us"])
    return st.builds(
        Usage,
        tokens=counts(),
        server_tools=st.dictionaries(st.sampled_from(["web_search_requests", "x"]), st.integers(0, 9)),
        service_tier=words,
        speed=words,
        inference_geo=words,
        iterations=st.lists(steps(), max_size=4).map(tuple),
    )


def total(lines: tuple[BilledLine, ...]) -> dict[str, int]:
    return {kind: sum(getattr(line.tokens, kind) for line in lines) for kind in KINDS}


def plain(model: str) -> str:
    return model.removesuffix("-20260101")


def beside(usage: Usage, model: str) -> list[Iteration]:
    """The oracle: which steps the totals leave out and are billed all the same, said without the module's words."""
    extra = []
    for step in usage.iterations:
        other = step.model is not None and plain(step.model) != plain(model)
        declined = step.kind == "message" and other and step.tokens.output_tokens > 0
        if declined or step.kind in {"compaction", "advisor_message"}:
            extra.append(step)
    return extra


def serving(usage: Usage, answered: str) -> str:
    named = [step.model for step in usage.iterations if step.kind == "fallback_message" and step.model]
    return named[-1] if named else answered


@given(usages(), st.none() | st.integers(0, 10**6))
def test_lines_add_up_to_the_totals_and_what_they_leave_out(usage: Usage, chars: int | None) -> None:
    lines = billed_lines(usage, asked_model=HAIKU, answered_model=OPUS, delivered_chars=chars)
    extra = beside(usage, serving(usage, OPUS))
    wanted = {kind: getattr(usage.tokens, kind) + sum(getattr(one.tokens, kind) for one in extra) for kind in KINDS}
    assert total(lines) == wanted
    assert sum(line.estimated_output_tokens for line in lines) == lines[0].estimated_output_tokens
    assert lines[0].estimated_output_tokens == max(0, ceil((chars or 0) / 4) - usage.tokens.output_tokens)
    assert [line.web_searches for line in lines] == [usage.server_tools.get("web_search_requests", 0)] + [0] * (
        len(lines) - 1
    )


@given(usages())
def test_every_line_stands_under_the_tariff_of_its_step(usage: Usage) -> None:
    model = serving(usage, OPUS)
    lines = billed_lines(usage, asked_model=HAIKU, answered_model=OPUS, delivered_chars=None)
    own = [line for line in lines if line.kind == "message"]
    others = [line for line in lines if line.kind != "message"]
    assert {line.tariff.model for line in own} == {model}
    assert {line.tariff.speed for line in own} == {usage.speed or ""}
    assert len(own) <= 2
    assert len({line.tariff for line in own}) == len(own)
    for line, step in zip(others, beside(usage, model), strict=True):
        assert line.tokens == step.tokens
        assert line.kind == {"message": "declined"}.get(step.kind, step.kind)
        assert line.tariff == Tariff(
            model=step.model or model,
            service_tier=usage.service_tier or "",
            speed=(usage.speed or "") if plain(step.model or model) == plain(model) else "",
            inference_geo=usage.inference_geo or "",
            long_context=prompt_tokens(step.tokens) > LONG_CONTEXT,
        )


@given(st.lists(counts(), min_size=1, max_size=4))
def test_long_steps_are_told_from_short_ones(sampled: list[TokenCounts]) -> None:
    """Where the steps make up the totals, each token stands under the length of its own step."""
    sums = TokenCounts(**{kind: sum(getattr(one, kind) for one in sampled) for kind in KINDS})
    usage = Usage(tokens=sums, iterations=tuple(Iteration(kind="message", model=None, tokens=one) for one in sampled))
    lines = billed_lines(usage, asked_model=OPUS, answered_model=OPUS, delivered_chars=None)
    for is_long in (True, False):
        of_length = [
            one for one in sampled if (sum(getattr(one, k) for k in KINDS) - one.output_tokens > 200_000) is is_long
        ]
        billed = total(tuple(line for line in lines if line.tariff.long_context is is_long))
        assert billed == {kind: sum(getattr(one, kind) for one in of_length) for kind in KINDS}


@pytest.mark.parametrize(
    ("model", "prompt", "is_long"),
    [
        (OPUS, 200_000, False),
        (OPUS, 200_001, True),
        ("claude-haiku-5-5-20261007", 100_000, False),
        ("anthropic/claude-haiku-5.5", 100_001, True),
    ],
)
def test_where_a_long_prompt_begins(model: str, prompt: int, is_long: bool) -> None:
    usage = Usage(tokens=TokenCounts(cache_read_tokens=prompt - 3, input_tokens=1, cache_write_1h_tokens=2))
    (line,) = billed_lines(usage, asked_model="", answered_model=model, delivered_chars=None)
    assert line.tariff.long_context is is_long
    assert prompt - long_context_above(model) == int(is_long)


def stream(*, upto: int, usage: Json = START, final: Json = None, error: bool = False) -> bytes:
    """The first ``upto`` frames of an answer."""
    blocks: list[Json] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "t" * 7}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "é" * 11}},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "input": {}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
    ]
    start = {"type": "message_start", "message": {"type": "message", "model": OPUS, "content": [], "usage": usage}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": final or {"output_tokens": 9}}
    frames = [start, *blocks, end, {"type": "message_stop"}][:upto]
    if error:
        frames.append({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})
    return sse(frames)


def lines_in(
    body: bytes, kind: str = "text/event-stream", path: str = "/v1/messages?beta=true"
) -> tuple[BilledLine, ...]:
    return billed_lines_of(assemble(body, kind), asked_model="asked", path=path)


@pytest.mark.parametrize(
    ("upto", "estimated"),
    [
        (1, 0),
        (3, 0),  # 7 characters are 2 tokens, 4 were counted
        (6, 1),  # 18 are 5
        (8, 2),  # 18 and 5 of an input that is no JSON yet are 6
        (9, 3),  # 18 and 7 are 7
    ],
)
@pytest.mark.parametrize("error", [False, True], ids=["cut", "error"])
def test_an_answer_that_broke_off_costs_what_was_seen_and_an_estimate(upto: int, estimated: int, error: bool) -> None:
    (line,) = lines_in(stream(upto=upto, error=error))
    assert line == BilledLine(tariff=Tariff(model=OPUS), tokens=SEEN, estimated_output_tokens=estimated)


@pytest.mark.parametrize("upto", [10, 11])
def test_a_whole_answer_is_counted_by_its_last_delta(upto: int) -> None:
    (line,) = lines_in(stream(upto=upto))
    assert (line.tokens, line.estimated_output_tokens) == (replace(SEEN, output_tokens=9), 0)


def test_an_answer_whose_start_was_lost_is_estimated_under_the_model_that_was_asked() -> None:
    body = sse([{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "12345"}}])
    (line,) = lines_in(body)
    assert line == BilledLine(tariff=Tariff(model="asked"), tokens=TokenCounts(), estimated_output_tokens=2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"input_tokens": 2095}',
        b'{"type":"error","error":{"type":"rate_limit_error","message":"x"}}',
        b'{"type":"message","usage":{"input_tokens":1',
        b'{"type":"message","content":[]}',
        sse([{"type": "error", "error": {"type": "overloaded_error"}}]),
        sse([{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]),
    ],
)
def test_where_nothing_was_seen_nothing_is_billed(body: bytes) -> None:
    assert lines_in(body, "") == ()


def test_no_answer_and_no_usage_have_no_line() -> None:
    assert billed_lines_of(None, asked_model="asked") == ()
    assert billed_lines(None, asked_model="a", answered_model="b", delivered_chars=None) == ()
    assert billed_lines(None, asked_model="a", answered_model="b", delivered_chars=0) == ()


def answer(**members: Json) -> bytes:
    return json.dumps({"type": "message", "model": OPUS, "content": [], "stop_reason": "end_turn"} | members).encode()


def test_an_answer_that_used_nothing_has_a_line_of_nothing() -> None:
    (line,) = lines_in(answer(usage={"input_tokens": 0, "output_tokens": 0}), "application/json")
    assert line == BilledLine(tariff=Tariff(model=OPUS), tokens=TokenCounts())


def test_a_whole_answer_that_says_nothing_of_its_usage_is_estimated() -> None:
    (line,) = lines_in(answer(content=[{"type": "text", "text": "four"}]), "application/json")
    assert (line.tokens, line.estimated_output_tokens) == (TokenCounts(), 1)


@pytest.mark.parametrize(
    ("path", "is_count"),
    [
        ("/v1/messages/count_tokens", True),
        ("/v1/messages/count_tokens?beta=true", True),
        ("/anthropic/v1/messages/count_tokens/", True),
        ("/v1/messages", False),
        ("/v1/messages?x=/count_tokens", False),
        ("", False),
    ],
)
def test_counting_tokens_is_free(path: str, is_count: bool) -> None:
    assert is_token_count(path) is is_count
    assert lines_in(answer(usage=START), "application/json", path) == (
        () if is_count else (BilledLine(tariff=Tariff(model=OPUS), tokens=SEEN),)
    )


@pytest.mark.parametrize(
    ("details", "usage", "content", "billed"),
    [
        (None, {"input_tokens": 412, "output_tokens": 0}, [], 0),
        ({"category": "cyber"}, {"input_tokens": 412}, [], 0),
        ({"category": ["bio"]}, {"input_tokens": 412}, [], 0),
        ("bio", {"input_tokens": 412}, [], 0),
        ({"category": "bio"}, {"input_tokens": 412}, [], 1),
        (None, {"input_tokens": 412, "output_tokens": 3}, [], 1),
        (None, {"input_tokens": 412}, [{"type": "text", "text": "No"}], 1),
    ],
)
def test_a_refusal_before_any_output_is_billed_in_some_categories(
    details: Json, usage: Json, content: Json, billed: int
) -> None:
    body = answer(stop_reason="refusal", stop_details=details, usage=usage, content=content)
    assert len(lines_in(body, "application/json")) == billed


def test_a_fallback_is_billed_at_both_models() -> None:
    declined = {"type": "message", "model": "claude-fable-5", "input_tokens": 5, "output_tokens": 6}
    free = declined | {"output_tokens": 0}
    served = {"type": "fallback_message", "model": HAIKU, "input_tokens": 7, "output_tokens": 8}
    usage = {"input_tokens": 7, "output_tokens": 8, "speed": "fast", "iterations": [declined, free, served]}
    assert lines_in(answer(usage=usage), "application/json") == (
        BilledLine(tariff=Tariff(model=HAIKU, speed="fast"), tokens=TokenCounts(input_tokens=7, output_tokens=8)),
        BilledLine(
            tariff=Tariff(model="claude-fable-5"),
            tokens=TokenCounts(input_tokens=5, output_tokens=6),
            kind="declined",
        ),
    )


def test_an_error_that_came_with_no_message_is_free() -> None:
    failed = AssembledMessage("error", error=AnswerError("x", "y", None, None), usage={"input_tokens": 5})
    assert billed_lines_of(failed, asked_model="asked") == ()


def test_what_is_not_understood_is_listed() -> None:
    raw: Json = {"input_tokens": 1, "new": 2, "cache_creation": {"ephemeral_1d_input_tokens": 1}, "empty": {}}
    steps_told = [{"type": "message", "mood": {"x": 1}}, {"type": "message", "mood": {"x": 2}}]
    usage = read_usage(raw | {"iterations": steps_told})
    assert unknown_members(usage) == ("cache_creation.ephemeral_1d_input_tokens", "empty", "iterations.mood.x", "new")
    assert unknown_members(Usage()) == ()


def test_tools_without_a_price_are_listed() -> None:
    tools = {"web_search_requests": 1, "web_fetch_requests": 2, "code_execution_requests": 3, "other": 0}
    assert unpriced_tools(Usage(server_tools=tools)) == {"code_execution_requests": 3}


@pytest.mark.parametrize("recording", recordings(), ids=lambda recording: recording.name)
def test_recorded_answers_have_one_line_of_their_totals(recording: Json) -> None:
    (line,) = lines_in(json.dumps(recording.response).encode(), "application/json")
    assert line.tokens == read_usage(recording.response["usage"]).tokens
    assert line.tariff.model == recording.response["model"]
