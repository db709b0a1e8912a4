"""Are all counts of an answer read, none twice, and is what is not understood kept?"""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import Iteration, TokenCounts, Usage, merge_usage, read_usage
from tests.answers import recordings
from tests.strategies import Json, json_values

COUNTS = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
NAMES = [*COUNTS, "cache_creation", "server_tool_use", "output_tokens_details", "iterations", "service_tier", "speed"]


def usages() -> st.SearchStrategy[dict[str, Json]]:
    """Objects with the right names and anything under them."""
    counts = st.integers(0, 2**40) | st.sampled_from([-1, 2**40, 2**40 + 1, 2**63 - 1, True, 1.0, "1", None])
    lifetimes = st.dictionaries(
        st.sampled_from(["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "x"]), counts
    )
    details = st.dictionaries(st.sampled_from(["thinking_tokens", "web_search_requests", "x"]), counts)
    step = st.dictionaries(st.sampled_from([*COUNTS, "type", "model"]), counts | st.sampled_from(["message"]))
    values = counts | lifetimes | details | st.lists(step, max_size=3) | json_values(4) | st.just("standard")
    return st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), values, max_size=9)


@given(st.lists(usages(), min_size=1, max_size=5))
def test_the_newest_count_that_was_given_holds(given_usages: list[dict[str, Json]]) -> None:
    first: dict[str, Json] = given_usages[0]
    merged = reduce(merge_usage, given_usages)
    for name in {name for one in given_usages for name in one}:
        told = [one[name] for one in given_usages[1:] if one.get(name) is not None]
        assert merged.get(name) == (told[-1] if told else first.get(name))


def test_null_says_nothing() -> None:
    assert merge_usage({"input_tokens": 5, "speed": None}, {"input_tokens": None, "speed": "fast"}) == {
        "input_tokens": 5,
        "speed": "fast",
    }


@given(usages(), usages())
def test_merging_changes_neither(before: dict[str, Json], later: dict[str, Json]) -> None:
    copies = dict(before), dict(later)
    merge_usage(before, later)
    assert (before, later) == copies


@given(usages())
def test_what_is_not_understood_is_kept_as_it_was(raw: dict[str, Json]) -> None:
    extra = read_usage(raw).extra
    for name, value in extra.items():
        known = name in {"cache_creation", "server_tool_use", "output_tokens_details"} and isinstance(raw[name], dict)
        assert value == ({k: raw[name][k] for k in value} if known and isinstance(value, dict) else raw[name])


def is_count(value: Json) -> bool:
    return type(value) is int and 0 <= value <= 2**40


@given(usages())
def test_every_count_is_read_or_kept(raw: dict[str, Json]) -> None:
    """Never both, never neither."""
    usage = read_usage(raw)
    read = {"input_tokens": usage.tokens.input_tokens, "output_tokens": usage.tokens.output_tokens}
    read["cache_read_input_tokens"] = usage.tokens.cache_read_tokens
    for name, value in read.items():
        told = raw.get(name)
        assert value == (told if is_count(told) else 0)
        assert (name in usage.extra) == (told is not None and not is_count(told))


@given(usages())
def test_cache_writes_are_the_larger_of_the_total_and_the_breakdown(raw: dict[str, Json]) -> None:
    lifetimes = raw.get("cache_creation")
    lifetimes = lifetimes if isinstance(lifetimes, dict) else {}
    parts = [lifetimes.get(f"ephemeral_{lifetime}_input_tokens") for lifetime in ("5m", "1h")]
    told: Json = [part if is_count(part) else 0 for part in parts]
    total: Json = raw.get("cache_creation_input_tokens")
    tokens = read_usage(raw).tokens
    written = tokens.cache_write_5m_tokens + tokens.cache_write_1h_tokens
    assert written == max(sum(told), total if is_count(total) else 0)
    assert tokens.cache_write_5m_tokens >= told[0]
    assert tokens.cache_write_1h_tokens >= told[1]


@pytest.mark.parametrize(
    ("total", "told_5m", "told_1h", "read_5m", "read_1h"),
    [
        (10, None, None, 10, 0),
        (10, 10, 0, 10, 0),
        (10, 4, 3, 7, 3),
        (10, 0, 3, 0, 10),
        (None, 4, 3, 4, 3),
        (1, 4, 3, 4, 3),
    ],
)
def test_writes_without_a_lifetime_go_where_the_others_went(
    total: int | None, told_5m: int | None, told_1h: int | None, read_5m: int, read_1h: int
) -> None:
    lifetimes: Json = {"ephemeral_5m_input_tokens": told_5m, "ephemeral_1h_input_tokens": told_1h}
    tokens = read_usage({"cache_creation_input_tokens": total, "cache_creation": lifetimes}).tokens
    assert (tokens.cache_write_5m_tokens, tokens.cache_write_1h_tokens) == (read_5m, read_1h)


def test_everything_that_an_answer_says() -> None:
    written = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4, "ephemeral_1d_input_tokens": 1}
    cache = {"cache_creation_input_tokens": 7, "cache_read_input_tokens": 5, "cache_creation": written}
    step = {"type": "compaction", "model": "m", "input_tokens": 8, "output_tokens": 9, "mood": "good"}
    raw: Json = {"input_tokens": 1, "output_tokens": 2, **cache, "iterations": [step, {}]}
    raw |= {
        "output_tokens_details": {"thinking_tokens": 1, "x": 2},
        "server_tool_use": {"web_search_requests": 6, "y": "z"},
    }
    raw |= {"service_tier": "priority", "speed": "fast", "inference_geo": "us", "fallback_credit": {"a": 1}, "b": None}
    assert read_usage(raw) == Usage(
        tokens=TokenCounts(
            input_tokens=1, output_tokens=2, cache_read_tokens=5, cache_write_5m_tokens=3, cache_write_1h_tokens=4
        ),
        thinking_tokens=1,
        server_tools={"web_search_requests": 6},
        service_tier="priority",
        speed="fast",
        inference_geo="us",
        iterations=(
            Iteration(
                kind="compaction",
                model="m",
                tokens=TokenCounts(input_tokens=8, output_tokens=9),
                extra={"mood": "good"},
            ),
            Iteration(kind="", model=None, tokens=TokenCounts()),
        ),
        extra={
            "fallback_credit": {"a": 1},
            "cache_creation": {"ephemeral_1d_input_tokens": 1},
            "output_tokens_details": {"x": 2},
            "server_tool_use": {"y": "z"},
        },
    )


def test_an_answer_without_usage_used_nothing_that_we_know_of() -> None:
    assert read_usage({}) == Usage()


@pytest.mark.parametrize("iterations", [[1], [{}, None], "x", {}])
def test_steps_that_are_no_objects_are_kept(iterations: Json) -> None:
    usage = read_usage({"iterations": iterations})
    assert (usage.iterations, usage.extra) == ((), {"iterations": iterations})


@pytest.mark.parametrize("recording", recordings(), ids=lambda recording: recording.name)
def test_recorded_usage_is_understood_whole(recording: Json) -> None:
    usage = read_usage(recording.response["usage"])
    assert usage.extra == {}
    assert usage.service_tier == "standard"
    assert usage.tokens.output_tokens == recording.response["usage"]["output_tokens"]
    assert usage.tokens.cache_write_5m_tokens == recording.response["usage"]["cache_creation_input_tokens"]
