"""The real Claude Code forks, rewinds, compacts, starts agents, is interrupted: does the right forest grow?"""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.claude_user import Drawn, User, drawn
from tests.scripted_api import (
    NEWEST_AGENT,
    Answer,
    ScriptedApi,
    Turn,
    agent,
    background_agent,
    scripted_api,
    text,
    tool,
)
from tests.stack import Stack, stack

pytestmark = [pytest.mark.claude, pytest.mark.asyncio(loop_scope="module")]

HUGE = {"input_tokens": 985_000}
"""Of a window of a million: the client compacts before it asks again."""
LONG = "This is a long answer, and while it is being written somebody presses a key, for it is not what was meant. " * 3
COUNT = "@@count Count the files in the folder and report."
SCRIPTS: dict[str, Sequence[Turn]] = {
    "huge": [Answer([text("I look."), tool("Bash", command="ls", description="List files")], usage=HUGE)],
    "count": [[text("I count."), tool("Bash", command="ls | wc -l", description="Count")], [text("One file.")]],
    "recount": [[text("Still one file.")]],
    "background": [[text("I ask an agent."), background_agent("Count files", COUNT)], [text("It is at work.")]],
    "nested": [[agent("Delegate", "@@outer Delegate once more.")], [text("Both are back.")]],
    "outer": [[agent("Count files", COUNT)], [text("The inner agent is back.")]],
    "forked": [
        [text("Two."), agent("One", "@@left Count.", "fork"), agent("Two", "@@right Count.", "fork")],
        [text("Both forks are back.")],
    ],
    "left": [[tool("Bash", command="ls", description="List files")], [text("The left one is done.")]],
    "right": [[tool("Bash", command="pwd", description="Where")], [text("The right one is done.")]],
    "follow-up": [
        [agent("Count files", COUNT)],
        [tool("ToolSearch", query="select:SendMessage", max_results=3)],
        [tool("SendMessage", to=NEWEST_AGENT, summary="please count them once more", message="@@recount Once more.")],
        [text("I asked again.")],
    ],
    "slow": [Answer([text(LONG)], stands_still=True)],
    "empty": [[]],
    "overloaded": [Answer([text("Now I can.")], refusals=2)],
}


@dataclass(frozen=True)
class Product:
    """Everything that runs; scenarios follow each other, each of another user."""

    api: ScriptedApi
    running: Stack
    home: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(claude_code: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    home = tmp_path_factory.mktemp("product")
    async with scripted_api(SCRIPTS) as api, stack(home, api.url) as running:
        yield Product(api, running, home)


async def rewind(user: User) -> None:
    alpha = await user.says("alpha")
    await user.says("beta", "--resume", alpha.session)
    await user.says("gamma", "--resume", alpha.session, "--resume-session-at", alpha.message)
    await user.says("delta", "--resume", alpha.session)


async def fork_into_new_sessions(user: User) -> None:
    alpha = await user.says("alpha")
    await user.says("beta", "--resume", alpha.session)
    fork = await user.says("gamma", "--resume", alpha.session, "--fork-session")
    await user.says("delta", "--resume", fork.session)
    await user.says("epsilon", "--resume", alpha.session, "--fork-session")
    await user.says("zeta", "--resume", alpha.session)
    assert fork.session != alpha.session


async def compact_by_hand(user: User) -> None:
    alpha = await user.says("alpha")
    await user.says("beta", "--resume", alpha.session)
    await user.says("/compact", "--resume", alpha.session)
    await user.says("gamma", "--resume", alpha.session)
    await user.says("delta", "--resume", alpha.session)
    await user.says("/compact", "--resume", alpha.session)
    await user.says("epsilon", "--resume", alpha.session)


async def compact_by_size(user: User) -> None:
    huge = await user.says("@@huge please")
    await user.says("beta", "--resume", huge.session)


async def background(user: User) -> None:
    await user.says("@@background please")


async def nested_agents(user: User) -> None:
    await user.says("@@nested please")


async def fork_agents(user: User) -> None:
    alpha = await user.says("alpha")
    await user.says("@@forked please", "--resume", alpha.session)


async def follow_up(user: User) -> None:
    await user.says("@@follow-up please")


async def interrupt(user: User) -> None:
    alpha = await user.says("alpha")
    await user.stops(signal.SIGINT, "@@slow please", "--resume", alpha.session)
    await user.says("beta", "--resume", alpha.session)
    await user.says("gamma", "--continue")


async def kill(user: User) -> None:
    await user.stops(signal.SIGTERM, "@@slow please")
    await user.says("beta", "--continue")


async def empty_answer(user: User) -> None:
    alpha = await user.says("alpha")
    await user.says("@@empty please", "--resume", alpha.session)
    await user.says("beta", "--resume", alpha.session)


async def overload(user: User) -> None:
    alpha = await user.says("@@overloaded please")
    await user.says("beta", "--resume", alpha.session)


TRUTH: dict[Callable[[User], Awaitable[None]], list[Drawn]] = {
    rewind: [
        ("alpha", "main", "root", None),
        ("beta", "main", "continues", "alpha"),
        ("gamma", "main", "branches", "alpha"),
        ("delta", "main", "continues", "gamma"),
    ],
    fork_into_new_sessions: [
        ("alpha", "main", "root", None),
        ("beta", "main", "continues", "alpha"),
        ("gamma", "main", "forks", "beta"),
        ("delta", "main", "continues", "gamma"),
        ("epsilon", "main", "forks", "beta"),
        ("zeta", "main", "continues", "beta"),
    ],
    compact_by_hand: [
        ("alpha", "main", "root", None),
        ("beta", "main", "continues", "alpha"),
        ("summary", "compaction", "compacts", "beta"),
        ("gamma", "main", "resumes", "summary"),
        ("delta", "main", "continues", "gamma"),
        ("summary again", "compaction", "compacts", "delta"),
        ("epsilon", "main", "resumes", "summary again"),
    ],
    compact_by_size: [
        ("huge 0", "main", "root", None),
        ("summary", "compaction", "compacts", "huge 0"),
        ("goes on", "main", "resumes", "summary"),
        ("beta", "main", "continues", "goes on"),
    ],
    background: [
        ("background 0", "main", "root", None),
        ("background 1", "main", "continues", "background 0"),
        ("count 0", "subagent", "spawned", "background 0"),
        ("count 1", "subagent", "continues", "count 0"),
        ("background 2", "main", "continues", "background 1"),
    ],
    nested_agents: [
        ("nested 0", "main", "root", None),
        ("outer 0", "subagent", "spawned", "nested 0"),
        ("count 0", "subagent", "spawned", "outer 0"),
        ("count 1", "subagent", "continues", "count 0"),
        ("outer 1", "subagent", "continues", "outer 0"),
        ("nested 1", "main", "continues", "nested 0"),
    ],
    fork_agents: [
        ("alpha", "main", "root", None),
        ("forked 0", "main", "continues", "alpha"),
        ("left 0", "subagent", "spawned", "forked 0"),
        ("right 0", "subagent", "spawned", "forked 0"),
        ("left 1", "subagent", "continues", "left 0"),
        ("right 1", "subagent", "continues", "right 0"),
        ("forked 1", "main", "continues", "forked 0"),
    ],
    follow_up: [
        ("follow-up 0", "main", "root", None),
        ("count 0", "subagent", "spawned", "follow-up 0"),
        ("count 1", "subagent", "continues", "count 0"),
        ("follow-up 1", "main", "continues", "follow-up 0"),
        ("follow-up 2", "main", "continues", "follow-up 1"),
        ("recount 0", "subagent", "continues", "count 1"),
        ("follow-up 3", "main", "continues", "follow-up 2"),
        ("follow-up 4", "main", "continues", "follow-up 3"),
    ],
    interrupt: [
        ("alpha", "main", "root", None),
        ("slow 0", "main", "continues", "alpha"),
        ("beta", "main", "interrupted", "slow 0"),
        ("gamma", "main", "continues", "beta"),
    ],
    kill: [
        ("slow 0", "main", "root", None),
        ("beta", "main", "interrupted", "slow 0"),
    ],
    empty_answer: [
        ("alpha", "main", "root", None),
        ("empty 0", "main", "continues", "alpha"),
        ("empty 0 again", "main", "continues", "empty 0"),
        ("beta", "main", "continues", "empty 0 again"),
    ],
    overload: [
        ("overloaded 0", "main", "root", None),
        ("overloaded 0 again", "main", "retries", "overloaded 0"),
        ("overloaded 0 again again", "main", "retries", "overloaded 0"),
        ("beta", "main", "continues", "overloaded 0 again again"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("scenario", TRUTH, ids=lambda scenario: scenario.__name__)
async def test_every_request_hangs_where_it_belongs(
    product: Product, scenario: Callable[[User], Awaitable[None]]
) -> None:
    """Agents run beside each other, so the order in which their requests come in is not compared."""
    expected = TRUTH[scenario]
    before = len(product.api.served)
    await scenario(User(product.running.gateway, product.home / scenario.__name__))
    links, items = await drawn(product.running, before, len(expected))
    assert by_label(links) == by_label(expected)
    assert {one["conversation_id"] for one in items} == {items[0]["request_id"]}
    cut = [one["outcome"] for one in items if one["outcome"] != "completed"]
    assert cut == ["client" for label, *_ in expected if label.startswith("slow")]


def by_label(links: Sequence[Drawn]) -> dict[str, tuple[str, str, str | None]]:
    return {label: (request_class, edge, parent) for label, request_class, edge, parent in links}
