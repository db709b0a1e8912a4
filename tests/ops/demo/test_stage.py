"""Asking until there is an answer, and noting every attempt with its truth."""

import json
from dataclasses import replace

import pytest

from ops.demo.answers import Answer, Fails, Says
from ops.demo.blocks import Text
from ops.demo.client import Client, Heard, Request
from ops.demo.played import AUXILIARY, Link, Played
from ops.demo.retrying import MAX_TRIES, Again
from ops.demo.stage import PlayError
from ops.demo.story import overloaded, rate_limited
from tests.ops.demo.rehearsal import staged

YES = Says((Text("yes " * 20),))
MAIN = Link("main", "continues", "parent")


def request_for(change: Again) -> Request:
    body = {"model": "m", "stream": not change.whole, "messages": [{"role": "user", "content": "Hi"}]}
    return Request("/v1/messages", {}, json.dumps(body).encode())


async def ask(*answers: Answer, link: Link = MAIN) -> tuple[str, list[Played]]:
    async with staged() as (stage, noted):
        exchange = await stage.ask(request_for, answers, link)
    return exchange.request_id, noted


def links(noted: list[Played]) -> list[tuple[str | None, str | None, int]]:
    return [(one.edge, one.parent, one.status) for one in noted]


async def test_an_answer_at_once_is_one_exchange() -> None:
    request_id, (only,) = await ask(YES)
    assert (only.request_id, only.request_class, only.story) == (request_id, "main", "story")
    assert links([only]) == [("continues", "parent", 200)]
    assert (only.ending, only.received_bytes > 0, len(only.received_sha256)) == ("whole", True, 64)


async def test_retries_hang_on_the_first_attempt() -> None:
    request_id, noted = await ask(overloaded(), overloaded(), rate_limited(1), YES)
    first = noted[0].request_id
    retry = ("retries", first)
    assert links(noted) == [("continues", "parent", 529), (*retry, 529), (*retry, 429), (*retry, 200)]
    assert request_id == noted[-1].request_id != first


async def test_a_broken_stream_is_asked_for_whole() -> None:
    async with staged() as (stage, noted):
        exchange = await stage.ask(request_for, [Says(YES.content, breaks_after=2), YES], MAIN)
    assert [one.ending for one in noted] == ["broken", "whole"]
    assert exchange.content == YES.content


async def test_a_refusal_is_asked_for_again() -> None:
    _, noted = await ask(Says((), "refusal"), YES)
    assert [one.edge for one in noted] == ["continues", "retries"]


async def test_side_requests_have_no_edges_however_often_they_are_asked() -> None:
    _, noted = await ask(overloaded(), YES, link=AUXILIARY)
    assert links(noted) == [("none", None, 529), ("none", None, 200)]


async def test_without_a_script_it_just_asks() -> None:
    _, noted = await ask()
    assert links(noted) == [("continues", "parent", 200)]


async def test_an_error_that_stays_is_an_answer_without_content() -> None:
    async with staged() as (stage, noted):
        exchange = await stage.ask(request_for, [Fails(400, "invalid_request_error", "no")], MAIN)
    assert (exchange.content, exchange.usage, exchange.left) == ((), None, False)
    assert [one.ending for one in noted] == ["error"]


class Flaky(Client):
    """A client whose first attempts end before any answer."""

    def __init__(self, inner: Client, *endings: Heard) -> None:
        self._inner = inner
        self._endings = list(endings)

    async def send(self, request: Request) -> Heard:
        return self._endings.pop(0) if self._endings else await self._inner.send(request)


async def flaky(*endings: Heard, answers: tuple[Answer, ...] = (YES,)) -> list[Played]:
    async with staged() as (stage, noted):
        shaky = replace(stage, client=Flaky(stage.client, *endings))
        await shaky.ask(request_for, answers, MAIN)
    return noted


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.demo.retrying._FIRST_PAUSE_S", 0.0)


@pytest.mark.usefixtures("_at_once")
async def test_a_gateway_that_is_away_has_seen_nothing() -> None:
    (only,) = await flaky(Heard("unreached"), Heard("unreached"))
    assert (only.edge, only.parent) == ("continues", "parent")


@pytest.mark.usefixtures("_at_once")
async def test_an_attempt_that_nobody_answered_uses_up_no_answer() -> None:
    noted = await flaky(Heard("unreached"), answers=(overloaded(), YES))
    assert [one.status for one in noted] == [529, 200]


@pytest.mark.usefixtures("_at_once")
async def test_what_follows_an_attempt_without_an_id_cannot_be_told() -> None:
    (only,) = await flaky(Heard("lost"))
    assert (only.edge, only.parent) == (None, None)


@pytest.mark.usefixtures("_at_once")
async def test_an_attempt_that_broke_after_its_head_is_known() -> None:
    broke = Heard("lost", 200, {"x-nexus-request-id": "first"})
    first, second = await flaky(broke)
    assert (first.request_id, first.ending, first.edge) == ("first", "lost", "continues")
    assert (second.edge, second.parent) == ("retries", "first")


@pytest.mark.usefixtures("_at_once")
async def test_it_gives_up_when_nobody_is_there_for_long() -> None:
    with pytest.raises(PlayError, match=r"no answer \(unreached\)"):
        await flaky(*(Heard("unreached") for _ in range(MAX_TRIES)))


async def test_prompts_are_told_on_one_line() -> None:
    said: list[str] = []
    async with staged() as (stage, _):
        replace(stage, say=said.append).tell_prompt("maya", "one\ntwo " * 50)
    (line,) = said
    assert line.startswith("maya · “one two one")
    assert "\n" not in line
    assert len(line) < 120
