"""What somebody does with the real Claude Code, prompt by prompt, and what the product made of it."""

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.claude_client import TIMEOUT_S, clean_environment, client_command
from tests.scripted_api import newest_prompt
from tests.stack import Stack

ALLOWED = ("--allowedTools", "Bash,Read,Agent,Task,ToolSearch,SendMessage")
Drawn = tuple[str, str, str, str | None]
"""Of one request: what it asks, its class, its edge, and what its parent asks."""
_LINE_BYTES = 2**22
_CONTINUATION = "This session is being continued from a previous conversation"


@dataclass(frozen=True)
class Said:
    """What the client printed: one JSON object a line."""

    lines: Sequence[dict[str, Any]]

    @property
    def session(self) -> str:
        return str(next(line["session_id"] for line in self.lines if "session_id" in line))

    @property
    def message(self) -> str:
        """The id under which the client keeps its last answer."""
        return str(next(line["uuid"] for line in reversed(self.lines) if line["type"] == "assistant"))


@dataclass(frozen=True)
class User:
    """Somebody with a home of their own, and so with a scope of their own."""

    base_url: str
    folder: Path

    async def says(self, prompt: str, *args: str) -> Said:
        """One prompt, answered to the end."""
        async with self._client(prompt, *args) as client:
            out, _ = await client.communicate()
        assert client.returncode == 0, out
        return Said([json.loads(line) for line in out.splitlines()])

    async def stops(self, how: signal.Signals, prompt: str, *args: str) -> None:
        """Send the client a signal as soon as it shows the beginning of an answer."""
        async with self._client(prompt, "--include-partial-messages", *args) as client:
            assert client.stdout is not None
            while b'"text_delta"' not in (line := await client.stdout.readline()):
                assert line, "it shows something"
            client.send_signal(how)
            await client.communicate()

    @asynccontextmanager
    async def _client(self, prompt: str, *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
        home, project = self.folder / "home", self.folder / "project"
        for folder in (home, project):
            folder.mkdir(parents=True, exist_ok=True)
        (project / "hello.txt").write_text("hello\n")
        client = await asyncio.create_subprocess_exec(
            *client_command(prompt, *ALLOWED, *args), env=clean_environment(self.base_url, home), cwd=project,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
        )  # fmt: skip
        try:
            async with asyncio.timeout(TIMEOUT_S):
                yield client
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()


async def drawn(product: Stack, before: int, count: int) -> tuple[list[Drawn], list[dict[str, Any]]]:
    """The links of all that came after the first ``before`` requests, in the order received, and their items."""
    items = (await product.requests(before + count))[before:]
    labels = await _labels(product, items)
    return [
        (labels[one["request_id"]], one["class"], one["edge"], labels.get(one["parent_request_id"])) for one in items
    ], items


async def _labels(product: Stack, items: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What each request asks; the second to ask the same does so ``again``."""
    seen, labels = Counter[str](), dict[str, str]()
    for one in items:
        _, body = await product.fetch(f"/api/requests/{one['request_id']}/body")
        asked = what_is_asked(json.loads(body)["messages"])
        seen[asked] += 1
        labels[one["request_id"]] = asked + " again" * (seen[asked] - 1)
    return labels


def what_is_asked(messages: Sequence[Any]) -> str:
    """The script and its turn; without one, the last line that was typed."""
    prompt, depth = newest_prompt(messages)
    if "Your task is to create a detailed summary" in prompt:
        return "summary"
    if prompt.startswith(_CONTINUATION):
        return "goes on"
    marker = re.search(r"@@([\w-]+)", prompt)
    return f"{marker[1]} {depth}" if marker else prompt.splitlines()[-1]
