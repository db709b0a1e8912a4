"""What the prompt cache sees is the sequence of blocks, whatever form the client gave them and wherever marks are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cached_prompt import PICTURE_BYTES, CachedPrompt, Mark, PromptUse, opening_of, prompt_of, use_of
from domain.request_view import view_of_json
from domain.usage import read_usage
from tests import captures
from tests.provider_cache import sequence

MARK = {"type": "ephemeral"}


def prompt(body: dict[str, Any]) -> CachedPrompt:
    view = view_of_json(json.dumps(body).encode())
    assert view is not None
    found = prompt_of(view)
    assert found is not None
    return found


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


@pytest.mark.parametrize("name", captures.names())
def test_real_requests_are_the_blocks_that_the_provider_counts(name: str) -> None:
    for one in captures.exchanges(name):
        body = json.loads(one.body)
        pieces = prompt(body).pieces
        counted = [(where.partition(" ")[0], block) for where, block in sequence(body)]
        assert [piece.role or piece.section for piece in pieces] == [where for where, _ in counted]
        same = dict[object, str]()
        for piece, (where, block) in zip(pieces, counted, strict=True):
            plain = json.dumps([where, {name: block[name] for name in sorted(block) if name != "cache_control"}])
            assert same.setdefault(piece.same, plain) == plain
        assert len(set(same.values())) == len(same)
        assert prompt(body).marks == tuple(
            Mark(number, block["cache_control"].get("ttl", "5m"))
            for number, (_, block) in enumerate(counted)
            if "cache_control" in block
        )


@given(st.lists(st.text(), min_size=1, max_size=4), st.sampled_from([None, MARK, {**MARK, "ttl": "1h"}]))
def test_a_mark_or_a_bare_string_makes_no_other_block(words: list[str], control: Any) -> None:
    marks = {} if control is None else {"cache_control": control}
    listed = [user(text(word, **marks)) for word in words]
    bare = [{"role": "user", "content": word} for word in words]
    merged = [user(*(text(word) for word in words))]
    found = [[piece.same for piece in prompt({"messages": one}).pieces] for one in (listed, bare, merged)]
    assert found[0] == found[1] == found[2]
    assert len(prompt({"messages": listed}).marks) == (0 if control is None else len(words))


def test_the_order_of_a_block_s_members_makes_no_difference_but_that_inside_does() -> None:
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": 1, "b": 2}}
    turned = dict(reversed(call.items()))
    inside = {**call, "input": {"b": 2, "a": 1}}
    same = [prompt({"messages": [user(one)]}).pieces[0].same for one in (call, turned, inside)]
    assert same[0] == same[1] != same[2]


def test_what_is_no_part_of_the_prompt_is_left_out() -> None:
    body = {
        "tools": [{"name": "A", "input_schema": {}}, {"name": "B", "input_schema": {}, "defer_loading": True}],
        "system": [text("x-anthropic-billing-header: cc_version=2;"), text("Be brief.", cache_control=MARK)],
        "messages": [user(text("<system-reminder>x</system-reminder>"), text("hi"))],
    }
    found = prompt(body)
    shown = [(piece.section, piece.place, piece.role, piece.kind, piece.name) for piece in found.pieces]
    assert shown == [
        ("tool", 0, "", "tool", "A"),
        ("system", 1, "", "text", ""),
        ("message", 0, "user", "reminder", ""),
        ("message", 0, "user", "text", ""),
    ]
    assert found.marks == (Mark(1, "5m"),)
    assert found.cached == found.pieces[:2]
    assert prompt({"messages": body["messages"]}).cached == found.pieces[2:]


def test_a_picture_counts_as_so_much_text() -> None:
    picture = {"type": "image", "source": {"type": "base64", "data": "A" * 100_000}}
    assert [piece.size for piece in prompt({"messages": [user(picture)]}).pieces] == [PICTURE_BYTES]
    assert prompt({"messages": [user(text("A" * 100_000))]}).pieces[0].size > 100_000


def test_a_block_that_cannot_be_read_leaves_no_prompt() -> None:
    view = view_of_json(b'{"messages": [{"role": "user", "content": [3]}]}')
    assert view is not None
    assert prompt_of(view) is None


def test_the_opening_is_the_first_text_that_somebody_wrote() -> None:
    reminder, summary = text("<system-reminder>x</system-reminder>"), "This session is being continued from a previous"
    bodies = [
        {"messages": [user(reminder, text(f"{summary} conversation. Summary: x"))]},
        {"messages": [{"role": "system", "content": "x"}, user(text(f"{summary} conversation. Summary: x "))]},
        {"messages": [user(text("hi"))]},
        {"messages": [{"role": "system", "content": "x"}]},
    ]
    views = [view_of_json(json.dumps(one).encode()) for one in bodies]
    openings = [opening_of(view) for view in views if view]
    assert openings[0] == openings[1] != openings[2]
    assert openings[2] is not None
    assert openings[3] is None
    assert [prompt(one).continues for one in bodies] == [True, True, False, False]


USAGE: dict[str, Any] = {
    "input_tokens": 3,
    "output_tokens": 9,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
}


def step(read: int, written: int, kind: str = "message", model: str = "m") -> dict[str, Any]:
    tokens = {"cache_read_input_tokens": read, "cache_creation_input_tokens": written, "input_tokens": 1}
    return {"type": kind, "model": model, **tokens}


def test_a_single_step_s_counts_are_the_totals() -> None:
    plain = PromptUse(read=100, cached=150, written_5m=20, written_1h=30, fresh=3, read_in_all=100)
    assert use_of(read_usage(USAGE)) == plain
    assert plain.paid_anew == 53
    assert use_of(read_usage({**USAGE, "iterations": [step(1, 1)]})) == plain
    assert use_of(read_usage({**USAGE, "server_tool_use": {"web_search_requests": 0}})) == plain


def test_of_several_steps_the_first_reads_and_the_last_leaves() -> None:
    steps = [step(7, 7, model="declined"), step(40, 50), step(900, 1, kind="compaction"), step(90, 5)]
    usage: dict[str, Any] = {**USAGE, "iterations": steps}
    found = use_of(read_usage(usage))
    assert (found.read, found.cached, found.read_in_all, found.summed) == (40, 95, 100, False)


def test_sums_that_are_not_told_step_by_step_are_said_to_be_sums() -> None:
    assert use_of(read_usage({**USAGE, "server_tool_use": {"web_search_requests": 2}})).summed
