"""Do all names of one model lead to the same plain name, and those of two models never?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model_names import plain_model

PLAIN = [
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-opus-4-5",
    "claude-opus-4",
    "claude-sonnet-4-5",
    "claude-fable-5-1",
    "claude-haiku-4-5",
    "claude-3-7-sonnet",
    "claude-3-5-haiku",
]
BEFORE = [
    "",
    "anthropic.",
    "us.anthropic.",
    "global.anthropic.",
    "apac.anthropic.",
    "anthropic/",
    "publishers/a/models/",
]
BEFORE += ["arn:aws:bedrock:us-east-1::foundation-model/anthropic."]
BEHIND = [
    "",
    "-20251101",
    "-latest",
    "@20251101",
    "@default",
    "-20251101-v1:0",
    "-v2:0",
    "-20250219-v1:0:200k",
    ":thinking",
]


@given(
    st.sampled_from(PLAIN),
    st.sampled_from(BEFORE),
    st.sampled_from(BEHIND),
    st.sampled_from(["", "[1m]", " "]),
    st.booleans(),
)
def test_dress_is_taken_off(plain: str, before: str, behind: str, window: str, loud: bool) -> None:
    name = f"{before}{plain}{behind}{window}"
    assert plain_model(name.upper() if loud else name) == plain


@given(st.text(max_size=40).filter(lambda name: "claude" not in name.lower() and "[" not in name))
def test_other_names_stay(name: str) -> None:
    assert plain_model(name) == name.strip().lower()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-sonnet-5[1m]", "claude-sonnet-5"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("anthropic/claude-3.7-sonnet:thinking", "claude-3-7-sonnet"),
        ("anthropic/claude-opus-4.5", "claude-opus-4-5"),
        ("claude-opus-4@20250514", "claude-opus-4"),
        ("GPT-4.1@x", "gpt-4.1@x"),
        ("mock-model-20250101", "mock-model-20250101"),
        ("", ""),
    ],
)
def test_names_that_are_seen(name: str, plain: str) -> None:
    assert plain_model(name) == plain
