"""How does a script talk to the API that is no Claude Code? curl-like: no session, no metadata, nothing streamed."""

from dataclasses import dataclass, field

import msgspec

from ops.demo.answers import Answer, Fails, Says
from ops.demo.blocks import Json, Text
from ops.demo.client import Request
from ops.demo.played import AUXILIARY, Link
from ops.demo.stage import Exchange, Stage

_HEADERS = {
    "User-Agent": "curl/8.11.1",
    "Accept": "*/*",
    "Content-Type": "application/json",
    "x-api-key": "sk-ant-api03-demo-nightly-opens-nothing",
    "anthropic-version": "2023-06-01",
}


@dataclass(slots=True)
class PlainClient:
    """A script that asks."""

    stage: Stage
    model: str
    max_tokens: int = 1024
    _said: list[Json] = field(default_factory=list)
    _last: Exchange | None = None

    async def lists_models(self) -> None:
        await self.stage.ask(lambda _: Request("/v1/models?limit=20", _HEADERS, method="GET"), (), AUXILIARY)

    async def asks(self, prompt: str, answer: str) -> None:
        """One question that stands for itself; ``goes_on`` may follow it."""
        self.stage.tell_prompt("a script", prompt)
        self._said = []
        await self._send(prompt, Says((Text(answer),), pause_s=0.8), Link("main", "root"))

    async def goes_on(self, prompt: str, answer: str) -> None:
        """A question after the newest answer, with all that was said."""
        if self._last is None:
            raise ValueError("there is no answer to go on from")
        await self._send(prompt, Says((Text(answer),), pause_s=0.8), Link("main", "continues", self._last.request_id))

    async def is_told_off(self, prompt: str, fails: Fails) -> None:
        """A question that is refused as wrong."""
        self._said = []
        await self._send(prompt, fails, Link("main", "root"))

    async def _send(self, prompt: str, answer: Answer, link: Link) -> None:
        self._said.append({"role": "user", "content": prompt})
        body = {"model": self.model, "max_tokens": self.max_tokens, "messages": self._said}
        request = Request("/v1/messages", _HEADERS, msgspec.json.encode(body))
        self._last = await self.stage.ask(lambda _: request, [answer], link)
        if isinstance(answer, Says):
            self._said.append({"role": "assistant", "content": "".join(_texts(self._last))})


def _texts(exchange: Exchange) -> list[str]:
    return [block.text for block in exchange.content if isinstance(block, Text)]
