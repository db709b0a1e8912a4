"""Plays stories straight at the stand-in, without a gateway, and keeps what went over the wire."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from unittest.mock import patch

import msgspec

from ops.demo.answers import Script
from ops.demo.client import Client, Heard, Request, connected
from ops.demo.ids import Ids
from ops.demo.pace import FAST, Pace
from ops.demo.played import Played
from ops.demo.player import Outcome, Play, Story, play
from ops.demo.stage import Stage
from ops.demo.stand_in import StandIn, serving

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

Blocks = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Wired:
    """One exchange: what was sent, what was heard, and the truth about it."""

    request: Request
    heard: Heard
    played: Played

    @property
    def body(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.request.body or b"{}")
        return decoded

    @property
    def body_has_tools(self) -> bool:
        """No side request, no plain script."""
        return bool(self.body.get("tools"))

    @property
    def link(self) -> tuple[str, str | None]:
        return self.played.request_class, self.played.edge

    @property
    def answer(self) -> Blocks:
        content: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(self.heard.reading.content))
        return [("assistant", block) for block in content]

    @property
    def blocks(self) -> Blocks:
        """The messages as one list of blocks, after the two normalisations of consecutive requests."""
        return [(message["role"], block) for message in self.body["messages"] for block in listed(message["content"])]


@dataclass
class Rehearsal:
    """All that was played."""

    outcome: Outcome
    wire: list[Wired] = field(default_factory=list)
    """In the order in which the exchanges ended."""
    said: list[str] = field(default_factory=list)

    def by_id(self) -> dict[str, Wired]:
        return {wired.played.request_id: wired for wired in self.wire}

    def of(self, story: str) -> list[Wired]:
        return [wired for wired in self.wire if wired.played.story == story]

    def links(self) -> "Counter[tuple[str, str | None, str | None]]":
        """How often: class and edge, and the edge of the parent."""
        known = self.by_id()
        edges = [(it.played.parent and known[it.played.parent].played.edge) for it in self.wire]
        return Counter((*wired.link, edge) for wired, edge in zip(self.wire, edges, strict=True))


def listed(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A bare string is one text; cache marks do not count."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [{key: value for key, value in block.items() if key != "cache_control"} for block in content]


async def rehearse(*stories: Story, seed: str = "seed", pace: Pace = FAST) -> Rehearsal:
    """Play them and keep everything."""
    log: list[tuple[Request, Heard]] = []
    said: list[str] = []
    script = Script()
    how = Play(script, pace, seed, TODAY, say=said.append)
    async with serving(StandIn(script, pace, Ids("upstream"), lambda: NOON)) as url:
        with patch.object(Client, "send", _kept(Client.send, log)):  # the one door for every request of a play
            outcome = await play(url, stories, how)
    played = {one.request_id: one for one in outcome.played}
    wire = [Wired(request, heard, played[heard.request_id]) for request, heard in log if heard.request_id in played]
    return Rehearsal(outcome, wire, said)


async def rehearse_one(tell: Callable[[Stage], Awaitable[None]], seed: str = "seed") -> Rehearsal:
    return await rehearse(Story("story", 0.0, tell), seed=seed)


@asynccontextmanager
async def staged() -> AsyncIterator[tuple[Stage, list[Played]]]:
    """A stage before a stand-in, for tests that ask by themselves."""
    script = Script()
    noted: list[Played] = []
    async with serving(StandIn(script, FAST, Ids("upstream"), lambda: NOON)) as url, connected(url) as client:
        yield Stage("story", client, script, FAST, Ids("seed"), TODAY, lambda: 0.0, noted.append, lambda _: None), noted


def _kept(
    send: Callable[[Client, Request], Awaitable[Heard]], log: list[tuple[Request, Heard]]
) -> Callable[[Client, Request], Awaitable[Heard]]:
    async def sending(client: Client, request: Request) -> Heard:
        heard = await send(client, request)
        log.append((request, heard))
        return heard

    return sending
