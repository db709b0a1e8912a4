"""Two accounts' traffic in one store, alike but for the words that give each away; and what each has by itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from domain.ids import RequestIds
from tests import captures
from tests.captures import Captured
from tests.projected import Store
from tests.recorded import RecordedExchange, append_all, recorded

MINE, THEIRS = "acme", "zoo"
CAPTURES = ("c_tools", "d1_one_agent", "b_multiturn")
_MARKED = (b"Answer to", b"What does", b"First question", b"hello.txt", b"claude-opus", b"/home/dev", b"Let me look")
"""What stands in titles, prompts, answers, thinking, tool inputs and results, models and folders."""


def canary(account: str) -> str:
    """A word that is in this account's traffic and nowhere else."""
    return f"{account}canary"


def of_account(one: Captured, account: str, later: timedelta) -> Captured:
    """The exchange as this account's, with its word in every kind of text."""
    body, answer = one.body, one.answer
    for words in _MARKED:
        marked = words + canary(account).encode()
        body, answer = body.replace(words, marked), answer.replace(words, marked)
    said = json.loads(body)
    session = f"{canary(account)}-session"
    identity = {"device_id": f"{canary(account)}-device", "account_uuid": account, "session_id": session}
    said["metadata"] = {"user_id": json.dumps(identity)}
    headers = tuple(
        (name, session if name.lower() == "x-claude-code-session-id" else value) for name, value in one.headers
    )
    ended = one.ended and one.ended + later
    sent = json.dumps(said, separators=(",", ":")).encode()
    return replace(one, body=sent, answer=answer, headers=headers, at=one.at + later, ended=ended)


@dataclass(frozen=True)
class Tenant:
    """What was recorded of one account."""

    account: str
    exchanges: tuple[RecordedExchange, ...]

    @property
    def ids(self) -> list[UUID]:
        return [one.request_id for one in self.exchanges]


async def tenant(store: Store, account: str, names: Sequence[str] = CAPTURES) -> Tenant:
    """Ready to be appended; the same ids and times whatever else there is."""
    new, made, later = RequestIds(), list[RecordedExchange](), timedelta(seconds=len(account))
    for place, name in enumerate(names):
        for one in captures.exchanges(name):
            mine = of_account(one, account, later)
            number = 10_000 * (1 + place) + 1_000 * len(account) + one.n
            exchange = await recorded(mine, new.new(int(mine.at.timestamp() * 1000), number), store.ship)
            first, *rest = exchange.events
            changed = first.model_copy(update={"account": account, "client_domain": f"{account}.example"})
            made.append(replace(exchange, events=(changed, *rest)))
    return Tenant(account, tuple(made))


async def put(store: Store, *tenants: Tenant) -> None:
    """All of them, event by event in turn, and every projection brought up to date."""
    alternating = [one.request_id for group in zip(*(each.exchanges for each in tenants), strict=True) for one in group]
    await append_all(store.ship, [one for each in tenants for one in each.exchanges], alternating * 2)
    await store.follow()
