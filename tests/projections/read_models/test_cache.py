"""Prompts come out of their segments as they went in, and a turn of a long session writes only what is new."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.cached_prompt import CachedPrompt, Mark, Piece
from projections.read_models.cache import SEGMENT, PromptRow, VerdictRow, prompt_in, segments_of

PIECES = st.lists(
    st.builds(
        Piece,
        st.just("message"),
        st.integers(0, 99),
        st.sampled_from(["user", "assistant"]),
        st.text(max_size=5),
        st.just(""),
        st.binary(min_size=16, max_size=16),
        st.integers(0, 2**40),
    ),
    max_size=3 * SEGMENT,
)


def prompt_row(number: int = 1, **changes: Any) -> PromptRow:
    row = PromptRow(
        request_id=UUID(int=number),
        received_at=datetime(2026, 11, 22, tzinfo=UTC),
        answering_at=None,
        ended_at=None,
        scope="s",
        session="s",
        agent="",
        talks=True,
        whole=True,
        opening=None,
        frame=None,
        continues=False,
        segments=(),
        marks=(),
        model="m",
        organisation="",
        settings=(),
        betas=(),
        answered=True,
        cached=0,
        used=None,
        client_domain="localhost",
        account="a",
        project=None,
        service_tier="",
        speed="",
        inference_geo="",
    )
    return replace(row, **changes)


def verdict_row(number: int = 1, **changes: Any) -> VerdictRow:
    row = VerdictRow(
        request_id=UUID(int=number),
        received_at=datetime(2026, 11, 22, tzinfo=UTC),
        previous_request_id=None,
        cause="none",
        certainty="certain",
        detail="",
        stable_blocks=None,
        stable_tokens=None,
        stable_estimated=False,
        divergence=None,
        lost_tokens=0,
        rewritten_5m_tokens=0,
        rewritten_1h_tokens=0,
        rewritten_input_tokens=0,
        rewritten_estimated=False,
        prompt_tokens=0,
        long_context=False,
        model="m",
        client_domain="localhost",
        account="a",
        project=None,
        service_tier="",
        speed="",
        inference_geo="",
    )
    return replace(row, **changes)


@given(PIECES, PIECES, st.booleans())
def test_a_prompt_comes_back_as_it_was(system: list[Piece], messages: list[Piece], continues: bool) -> None:
    sections = [Piece("system", one.place, "", one.kind, "", one.digest, one.size) for one in system]
    prompt = CachedPrompt((*sections, *messages), (Mark(0, "1h"),), continues)
    order, segments = segments_of("s", prompt)
    row = prompt_row(segments=order, marks=prompt.marks, continues=continues)
    assert prompt_in(row, segments) == prompt
    assert prompt_in(replace(row, whole=False), segments) is None


@given(PIECES, PIECES)
def test_a_turn_writes_only_new_segments_and_scopes_share_none(old: list[Piece], new: list[Piece]) -> None:
    before, now = CachedPrompt(tuple(old), ()), CachedPrompt((*old, *new), ())
    written = segments_of("s", now)[1].keys() - segments_of("s", before)[1].keys()
    assert len(written) <= len(new) // SEGMENT + 2
    assert not segments_of("s", now)[1].keys() & segments_of("t", now)[1].keys()


def test_equal_segments_of_one_prompt_come_back_twice() -> None:
    same = [Piece("message", 0, "user", "text", "", b"d" * 16, 1)] * (2 * SEGMENT)
    prompt = CachedPrompt(tuple(same), ())
    order, segments = segments_of("s", prompt)
    assert (len(order), len(segments)) == (2, 1)
    assert prompt_in(prompt_row(segments=order), segments) == prompt
