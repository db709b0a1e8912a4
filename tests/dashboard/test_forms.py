"""A form of ours: small, in one shape, whole in time, and of a session only with its word."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData
from hypothesis import given
from hypothesis import strategies as st

from dashboard.forms import check_word
from dashboard.refusals import RefusedError
from dashboard.sessions import Session, Sessions
from tests.running_front import running_front

FORM = "application/x-www-form-urlencoded"


def session() -> Session:
    words = iter(["an-id", "the-word"])
    return Sessions(lambda: 0.0, lambda: next(words), idle_s=1, total_s=1).begin()[1]


@given(st.text())
def test_only_the_sessions_word_will_do(offered: str) -> None:
    check_word({"csrf": "the-word"}, session(), "")
    for form in ({"csrf": offered}, {}, {"csrf": ""}, {"csrf": "the-word "}, {"word": "the-word"}):
        if form.get("csrf") != "the-word":
            with pytest.raises(RefusedError, match="do this instead") as refused:
                check_word(form, session(), "do this instead")
            assert refused.value.status == 403


async def test_whatever_is_no_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_front() as front, front.logged_in() as user:
        parts = FormData({"csrf": "x"})
        parts.add_field("file", b"x", filename="x")
        unknown = {"Content-Type": f"{FORM}; charset=no"}
        for how in ({"json": {"csrf": "x"}}, {"data": parts}, {"data": b"csrf=%ff", "headers": unknown}):
            assert (await user.ask("/filters", "POST", **how)).status == 400
        assert (await user.ask("/filters", "POST", data={"name": "x" * 20_000})).status == 413
        monkeypatch.setattr("dashboard.forms._DEADLINE_S", 0.05)
        gate = asyncio.Event()

        async def half() -> AsyncIterator[bytes]:
            yield b"csrf"
            await gate.wait()

        slow = {"Content-Type": FORM, "Content-Length": "9"}
        answer = await user.ask("/filters", "POST", data=half(), headers=slow)
        assert (answer.status, "in time" in answer.text) == (400, True)
        gate.set()
