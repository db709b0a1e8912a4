"""What does a story need to be played? Everything around it, and the one way to ask and to note what happened."""

import asyncio
import hashlib
import textwrap
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date

from ops.demo.answers import Answer, Script
from ops.demo.blocks import AnswerBlock, Usage
from ops.demo.client import Client, Heard, Request
from ops.demo.ids import Ids
from ops.demo.pace import Pace
from ops.demo.played import Link, Played
from ops.demo.retrying import Again, again

_LINE = 90
"""Letters of a prompt that are told."""


class PlayError(Exception):
    """A request of the play got no answer that the story can go on from."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answered request, as its sender remembers it."""

    request_id: str
    content: tuple[AnswerBlock, ...]
    usage: Usage | None
    left: bool
    """The sender hung up before the end."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one story is played."""

    story: str
    client: Client
    script: Script
    pace: Pace
    ids: Ids
    today: date
    elapsed: Callable[[], float]
    """Seconds on some clock that only runs forward."""
    note: Callable[[Played], None]
    say: Callable[[str], None]

    async def ask(self, request_for: Callable[[Again], Request], answers: Sequence[Answer], link: Link) -> Exchange:
        """Send until it is answered, as Claude Code does. One answer for each attempt, the last one holds on; none: the
        stand-in needs no script for this.

        Raises PlayError.
        """
        left, change, tried, links = list(answers), Again(), 0, link
        while True:
            tried += 1
            request = request_for(change)
            with self.script.expecting(request.body, left[0]) if left else nullcontext():
                heard = await self.client.send(request)
            if heard.ending != "unreached":
                self._note(heard, links)
                links = _retry_of(link, heard) if links is link else links
            if heard.status and len(left) > 1:
                left.pop(0)
            decided = again(heard, tried)
            if decided is None:
                return self._exchange(heard)
            await self._wait(decided, heard)
            change = decided

    def tell_prompt(self, who: str, prompt: str) -> None:
        """Say what somebody asks, as far as it fits on a line."""
        self.say(f"{who} · “{textwrap.shorten(prompt, _LINE, placeholder='…')}”")

    async def rest(self, seconds: float) -> None:
        """Let time pass."""
        await self.pace.rest(seconds)

    def _note(self, heard: Heard, link: Link) -> None:
        if heard.request_id is None:
            return
        played = Played(
            story=self.story,
            request_id=heard.request_id,
            request_class=link.request_class,
            edge=link.edge,
            parent=link.parent,
            status=heard.status,
            ending=heard.ending,
            received_bytes=len(heard.received),
            received_sha256=hashlib.sha256(heard.received).hexdigest(),
        )
        self.note(played)

    def _exchange(self, heard: Heard) -> Exchange:
        if heard.request_id is None or heard.ending not in {"whole", "left", "error"}:
            raise PlayError(f"{self.story}: no answer ({heard.ending})")
        reading = heard.reading
        return Exchange(heard.request_id, tuple(reading.content), reading.usage, heard.ending == "left")

    async def _wait(self, decided: Again, heard: Heard) -> None:
        if heard.ending == "error":
            self.say(f"{self.story}: {heard.status}, asks again in {decided.wait_s:g} s")
        if decided.played:
            await self.pace.rest(decided.wait_s)
        else:
            await asyncio.sleep(decided.wait_s)


def _retry_of(link: Link, first: Heard) -> Link:
    """What further attempts are, after a first one that was sent. Side requests have no edges."""
    if link.edge == "none":
        return link
    return Link(link.request_class, "retries" if first.request_id else None, first.request_id)
