"""Real sessions with a cause of a cache miss planted in them, and the bills that the provider would have sent.

A plant edits the bodies from one request on, as whoever caused it would have: the difference stays, so only the first
request that has it can miss. Bills come from ``tests/provider_cache.py``, which knows nothing of how misses are
explained.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from domain.cache_misses import Between, CacheRequest, CacheVerdict, explain
from domain.cached_prompt import prompt_of, use_of
from domain.request_view import view_of_json
from domain.usage import read_usage
from tests import captures
from tests.provider_cache import ProviderCache, sequence, tokens_of

Body = dict[str, Any]
START = datetime(2026, 11, 22, 9, tzinfo=UTC)
LONG_TALKS = (
    ("b_multiturn", None),
    ("c_tools", None),
    ("custom_agents", None),
    ("d5_background", None),
    ("v2.1.300_auto_mode", None),
    ("v2.1.300_auto_mode", "a192d"),
)
"""Captures, and agents in them, whose requests go on from one another for a while."""
_CUT_OUT = re.compile(r"\[~(\d+):(\w+)\]")


@dataclass
class Sent:
    """One request as it goes to the provider."""

    body: Body
    at: datetime
    account: str = "ours"
    betas: tuple[str, ...] = ("context-management-2025-06-27",)
    forgotten: bool = False
    """The provider has lost what it had."""
    evidence: bool = True
    """It is recorded whole."""


@dataclass(frozen=True)
class Plant:
    """A cause and how it is planted: edits the requests from the given one on."""

    cause: str
    name: str
    edit: Callable[[list[Sent], int, Random], None]

    @property
    def label(self) -> str:
        return f"{self.cause}: {self.name}"


@dataclass
class Billed:
    """A request with its bill."""

    sent: Sent
    usage: dict[str, Any]
    began: timedelta = field(default=timedelta(seconds=1))

    @property
    def request(self) -> CacheRequest:
        view = view_of_json(json.dumps(self.sent.body).encode())
        assert view is not None
        return CacheRequest(
            received_at=self.sent.at,
            answering_at=self.sent.at + self.began,
            ended_at=self.sent.at + 9 * self.began,
            model=view.model or "",
            account=self.sent.account,
            settings=view.settings,
            betas=self.sent.betas,
            prompt=prompt_of(view) if self.sent.evidence else None,
            use=use_of(read_usage(self.usage)),
        )


@cache
def _talk(name: str, agent: str | None) -> str:
    """The bodies of one line of talk, what was cut out of their texts filled in again, as JSON."""
    found = list[Body]()
    for one in captures.exchanges(name):
        body = json.loads(_CUT_OUT.sub(_filling, one.body.decode()))
        headers = {key.lower(): value for key, value in one.headers}
        if one.status != 200 or not body.get("tools") or "messages" not in body:
            continue
        if (headers.get("x-claude-code-agent-id") or "")[:5] != (agent or ""):
            continue
        if not found or len(body["messages"]) > len(found[-1]["messages"]):
            found.append(body)
    return json.dumps(found)


def _filling(cut: re.Match[str]) -> str:
    """As much text as was cut out, always the same."""
    random = Random(cut[2])
    return "".join(random.choice("abcdefghij klmnop") for _ in range(int(cut[1])))


def talk(random: Random, lifetime: str = "5m", of: str = "") -> list[Sent]:
    """A session that nobody disturbed, of any capture or a given one: a request a minute or so."""
    name, agent = (of, None) if of else random.choice(LONG_TALKS)
    at, found = START, list[Sent]()
    for body in json.loads(_talk(name, agent)):
        _mark(body, lifetime)
        found.append(Sent(body, at))
        at += timedelta(seconds=random.uniform(5, 200))
    return found


def billed(sent: list[Sent]) -> list[Billed]:
    provider, found = ProviderCache(), list[Billed]()
    for one in sent:
        if one.forgotten:
            provider.forget()
        usage = provider.usage(json.dumps(one.body).encode(), one.at, one.account, ",".join(one.betas))
        found.append(Billed(one, usage))
    return found


def verdicts(listed: list[Billed]) -> list[CacheVerdict]:
    """Each compared with the one before it."""
    requests = [one.request for one in listed]
    return [explain(before, now, Between()) for before, now in zip([None, *requests], requests, strict=False)]


def paid_again(before: Billed, now: Billed) -> int:
    """Tokens of the newer request that were in the cache and not read from it, counted block by block."""
    read, seen = now.usage["cache_read_input_tokens"], 0
    old = sequence(before.sent.body)
    marked = [place for place, (_, block) in enumerate(old) if "cache_control" in block]
    had = Counter(_said(where, block) for where, block in old[: marked[-1] + 1])
    found = 0
    for where, block in sequence(now.sent.body):
        size = tokens_of(where, block)
        if had[_said(where, block)] > 0:
            had[_said(where, block)] -= 1
            found += size if seen >= read else 0
        seen += size
    return found


def _said(where: str, block: Body) -> str:
    role = where.partition(" ")[0]
    return json.dumps([role, {name: block[name] for name in sorted(block) if name != "cache_control"}])


def plant(sent: list[Sent], planted: Plant, at: int, random: Random) -> list[Sent]:
    """A copy with the cause planted at this request."""
    edited = [replace(one, body=copy.deepcopy(one.body)) for one in sent]
    planted.edit(edited, at, random)
    return edited


def _each(edit: Callable[[Body], None]) -> Callable[[list[Sent], int, Random], None]:
    def edit_all(sent: list[Sent], at: int, random: Random) -> None:
        for one in sent[at:]:
            edit(one.body)

    return edit_all


def _insert_system(body: Body) -> None:
    body["system"].insert(1, {"type": "text", "text": "Today is a good day."})


def _change_system(body: Body) -> None:
    body["system"][-1]["text"] += " Today is Monday."


def _shorten_system(body: Body) -> None:
    del body["system"][1]


def _describe_tool(body: Body) -> None:
    body["tools"][2]["description"] = "does something else now"


def _drop_tool(body: Body) -> None:
    del body["tools"][-1]


def _add_tool(body: Body) -> None:
    body["tools"].insert(0, {"name": "mcp__new", "description": "a new one " * 20, "input_schema": {"type": "object"}})


def _reorder_tools(body: Body) -> None:
    body["tools"][0], body["tools"][1] = body["tools"][1], body["tools"][0]


def _insert_message(role: str) -> Callable[[Body], None]:
    def edit(body: Body) -> None:
        body["messages"].insert(1, {"role": role, "content": f"By the way: {role} says hello."})

    return edit


def _change_history(body: Body) -> None:
    answer = next(one for one in body["messages"] if one["role"] == "assistant")
    answer["content"] = [{"type": "text", "text": "I never said that."}, *_list(answer["content"])[1:]]


def _drop_message(body: Body) -> None:
    """Of a first message with several blocks, or of the second message."""
    first = body["messages"][0]["content"]
    if isinstance(first, list) and len(first) > 1:
        del first[0]
    else:
        del body["messages"][1]


def _list(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _unmark(body: Body) -> None:
    for message in body["messages"]:
        for block in _list(message["content"]):
            block.pop("cache_control", None)


def _far_mark(sent: list[Sent], at: int, random: Random) -> None:
    """So many results came at once that the mark lies too far behind."""
    had = len(sent[at - 1].body["messages"])
    results = [{"type": "text", "text": f"result {number} of many"} for number in range(random.randint(20, 40))]
    for one in sent[at:]:
        one.body["messages"].insert(had, {"role": "user", "content": copy.deepcopy(results)})


def _wait(least: float, most: float) -> Callable[[list[Sent], int, Random], None]:
    def edit(sent: list[Sent], at: int, random: Random) -> None:
        gap = timedelta(minutes=random.uniform(least, most)) - (sent[at].at - sent[at - 1].at)
        for one in sent[at:]:
            one.at += gap

    return edit


def _outwait(lifetime: str, least: float) -> Callable[[list[Sent], int, Random], None]:
    def edit(sent: list[Sent], at: int, random: Random) -> None:
        for one in sent:
            _mark(one.body, lifetime)
        _wait(least, 900)(sent, at, random)

    return edit


def _mark(body: Body, lifetime: str) -> None:
    for _, block in sequence(body):
        if "cache_control" in block:
            block["cache_control"] = {"type": "ephemeral", **({"ttl": "1h"} if lifetime == "1h" else {})}


def _set(name: str, value: object) -> Callable[[Body], None]:
    def edit(body: Body) -> None:
        body[name] = value

    return edit


def _other_account(sent: list[Sent], at: int, random: Random) -> None:
    for one in sent[at:]:
        one.account = "another"


def _other_betas(sent: list[Sent], at: int, random: Random) -> None:
    for one in sent[at:]:
        one.betas = (*one.betas, "context-1m-2025-08-07")


def _compact(sent: list[Sent], at: int, random: Random) -> None:
    had = len(sent[at - 1].body["messages"])
    summary = (
        "This session is being continued from a previous conversation that ran out of context. Summary: " + "s" * 900
    )
    for one in sent[at:]:
        one.body["messages"] = [{"role": "user", "content": summary}, *one.body["messages"][had:]]


def _forget(sent: list[Sent], at: int, random: Random) -> None:
    sent[at].forgotten = True


def _lose(cause: Callable[[list[Sent], int, Random], None]) -> Callable[[list[Sent], int, Random], None]:
    def edit(sent: list[Sent], at: int, random: Random) -> None:
        cause(sent, at, random)
        sent[at - random.choice([0, 1])].evidence = False

    return edit


PLANTS = (
    Plant("none", "nothing", lambda sent, at, random: None),
    Plant("system_inserted", "a block", _each(_insert_system)),
    Plant("system_changed", "a sentence more", _each(_change_system)),
    Plant("system_changed", "a block less", _each(_shorten_system)),
    Plant("tools_changed", "another description", _each(_describe_tool)),
    Plant("tools_changed", "one less", _each(_drop_tool)),
    Plant("tools_changed", "one more", _each(_add_tool)),
    Plant("tools_reordered", "two swapped", _each(_reorder_tools)),
    Plant("message_inserted", "by the user", _each(_insert_message("user"))),
    Plant("message_inserted", "by the system", _each(_insert_message("system"))),
    Plant("history_changed", "another answer", _each(_change_history)),
    Plant("history_changed", "a block less", _each(_drop_message)),
    Plant("mark_moved", "none on messages", _each(_unmark)),
    Plant("mark_moved", "too far behind", _far_mark),
    Plant("ttl_lapsed", "5 minutes", _outwait("5m", 5.2)),
    Plant("ttl_lapsed", "1 hour", _outwait("1h", 60.5)),
    Plant("model_changed", "another", _each(_set("model", "claude-another-5"))),
    Plant("effort_changed", "effort", _each(_set("output_config", {"effort": "max"}))),
    Plant("effort_changed", "thinking", _each(_set("thinking", {"type": "enabled", "budget_tokens": 4000}))),
    Plant("effort_changed", "tool choice", _each(_set("tool_choice", {"type": "any"}))),
    Plant("beta_changed", "one more", _other_betas),
    Plant("account_changed", "another", _other_account),
    Plant("compaction", "by the client", _compact),
    Plant("provider_suspected", "forgot it", _forget),
    Plant("unknown", "a body is missing", _lose(_forget)),
)
