"""Rows say what the explanation says of each request and the right one before it, whatever order they came in."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.classification import classify, is_summarizer
from domain.request_view import RequestView, view_of_json
from ops.db.embedded import EmbeddedPostgres
from ops.db.pool import Pool
from projections.registry import projection
from schemas.stored.events import HeaderFact, RequestReceived, ResponseStarted
from tests import captures
from tests.captures import Captured
from tests.migrated import opened
from tests.planted_causes import PLANTS, Billed, Plant, billed, plant, talk
from tests.postgres import create_database, drop_database
from tests.projected import Store
from tests.provider_cache import ProviderCache
from tests.recorded import RecordedExchange, append_all, recorded, request_ids

CACHE = projection("cache")
ALARMS = {("no_tools", 4): "tools_changed", ("no_tools", 5): "tools_changed", ("v2.0.76_mix", 8): "system_changed"}
"""All there are in real traffic: other tools were given, and the project's state in the system prompt changed."""
QUIET = {"none", "first", "compaction"}
IN_ROWS = [one for one in PLANTS if one.cause not in {"account_changed", "unknown"}]
"""Those that bodies and headers show; the others have tests of their own."""


def answered(one: Captured, usage: dict[str, Any], **more: Any) -> Captured:
    """The same exchange, answered with this usage."""
    message = {
        "type": "message",
        "role": "assistant",
        "model": json.loads(one.body).get("model"),
        "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "end_turn",
        "usage": usage,
        **more,
    }
    return replace(one, answer=json.dumps(message).encode(), content_type="application/json", status=200)


def rebilled(name: str) -> list[Captured]:
    """A capture whose answers say what the provider's cache would have made of the requests."""
    provider, found = ProviderCache(), []
    for one in sorted(captures.exchanges(name), key=lambda one: one.at):
        plain = one.status == 200 and one.path.partition("?")[0].endswith("/v1/messages")
        found.append(answered(one, provider.usage(one.body, one.at)) if plain else one)
    return found


def captured(listed: Sequence[Billed], session: str = "s", agent: str = "") -> list[Captured]:
    """A generated session as exchanges."""
    found = []
    for number, one in enumerate(listed):
        body = {**one.sent.body, "metadata": {"user_id": json.dumps({"device_id": "d", "session_id": session})}}
        headers = [("user-agent", "claude-cli/2.1.330"), ("anthropic-beta", ",".join(one.sent.betas))]
        headers += [("x-claude-code-session-id", session)] + ([("x-claude-code-agent-id", agent)] if agent else [])
        exchange = Captured(
            n=number,
            at=one.sent.at,
            path="/v1/messages?beta=true",
            headers=tuple(headers),
            body=json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
            status=200,
            content_type="",
            answer=b"",
            fault=None,
        )
        found.append(answered(exchange, one.usage))
    return found


async def projected(
    store: Store, listed: Sequence[Captured], order: Sequence[int] = (), batch: int = 500
) -> dict[int, dict[str, Any]]:
    """The verdicts by the number of the exchange."""
    ids = request_ids(listed)
    await append_all(
        store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed], [ids[n] for n in order]
    )
    await store.follow_one(CACHE, batch)
    return await verdicts(store, ids)


async def verdicts(store: Store, ids: dict[int, UUID]) -> dict[int, dict[str, Any]]:
    numbers = {request_id: n for n, request_id in ids.items()}
    rows = await store.rows("SELECT * FROM read.cache_verdicts ORDER BY request_id")
    return {numbers[row.pop("request_id")]: row | {"previous": numbers.get(row["previous_request_id"])} for row in rows}


def compared(listed: Sequence[Captured]) -> dict[int, int | None]:
    """Which request each is to be compared with, by a plain look at all earlier ones."""
    found, talks = dict[int, int | None](), list[tuple[Captured, RequestView, tuple[str, str]]]()
    for one in sorted(listed, key=lambda one: (one.at, one.n)):
        view = view_of_json(one.body)
        headers = {name.lower(): value for name, value in one.headers}
        session = headers.get("x-claude-code-session-id") or (view.identity.session if view else None)
        if view is None or one.status != 200 or not session:
            continue
        said = classify(one.path, headers, view)
        if is_summarizer(view) or (said.request_class == "auxiliary" and not said.side):
            continue
        thread = (session, headers.get("x-claude-code-agent-id", ""))
        before = [(other, seen) for other, seen, where in reversed(talks) if where == thread]
        same = [other for other, seen in before if opening(seen) == opening(view)]
        alike = [other for other, seen in before if frame(seen) == frame(view)]
        found[one.n] = next((other.n for other in [*same, *alike]), None)
        if said.request_class in {"main", "subagent"}:
            talks.append((one, view, thread))
    return found


def opening(view: RequestView) -> object:
    texts = [block.facts for message in view.messages if message.role != "system" for block in message.blocks]
    return next((facts.text for facts in texts if facts.kind == "text" and facts.text), None)


def frame(view: RequestView) -> object:
    tools = [block.facts.sent for block in view.tool_blocks if not block.facts.deferred]
    return tools, [block.facts.sent for block in view.system_blocks if "billing-header" not in block.facts.text]


@pytest.mark.parametrize("name", captures.names())
async def test_real_traffic_raises_no_alarm(pool: Pool, name: str) -> None:
    """Titles, helpers, side questions and other agents' requests are compared with nothing of the main thread's."""
    listed = rebilled(name)
    found = await projected(Store.over(pool), listed)
    assert {n: row["previous"] for n, row in found.items()} == compared(listed)
    alarms = {(name, n): row["cause"] for n, row in found.items() if row["cause"] not in QUIET}
    assert alarms == {place: cause for place, cause in ALARMS.items() if place[0] == name}


@pytest.mark.parametrize("planted", IN_ROWS, ids=lambda one: one.label)
async def test_a_planted_cause_is_in_the_rows(pool: Pool, planted: Plant) -> None:
    random = Random(planted.label)
    sent = talk(random)
    at = random.randrange(2, len(sent))
    bills = billed(plant(sent, planted, at, random))
    found = await projected(Store.over(pool), captured(bills))
    assert {n: row["cause"] for n, row in found.items() if row["cause"] not in {"none", "first"}} == (
        {} if planted.cause == "none" else {at: planted.cause}
    )
    usage, row = bills[at].usage, found[at]
    paid = usage["input_tokens"] + usage["cache_creation_input_tokens"]
    again = row["rewritten_5m_tokens"] + row["rewritten_1h_tokens"] + row["rewritten_input_tokens"]
    assert again <= min(paid, row["lost_tokens"])
    assert row["prompt_tokens"] == paid + usage["cache_read_input_tokens"]


@pytest.mark.bar(26)
@pytest.mark.parametrize("seed", range(4))
async def test_any_order_and_any_batches_give_the_same_rows(
    pool: Pool, postgres_server: EmbeddedPostgres, migrated_template: str, seed: int
) -> None:
    """Agents and the main thread of one session in turn, with a cause planted in each."""
    random = Random(seed)
    listed = list[Captured]()
    for agent in ("", "a" + "1" * 16):
        sent = talk(random)
        bills = billed(plant(sent, random.choice(PLANTS[:-1]), random.randrange(1, len(sent)), random))
        listed += [replace(one, n=len(listed) + one.n) for one in captured(bills, agent=agent)]
    listed += [replace(one, n=one.n + 500, at=one.at + timedelta(seconds=1)) for one in rebilled("f2_compact_tui")]
    order = [one.n for one in listed for _ in range(4)]
    random.shuffle(order)
    shuffled = Store.over(pool)
    await projected(shuffled, listed, order, batch=random.choice([1, 3, 7]))
    dsn = create_database(postgres_server, migrated_template)
    async with opened(dsn) as other_pool:
        in_order = Store.over(other_pool)
        await projected(in_order, listed)
        for table in CACHE.views:
            query = f"SELECT * FROM read.{table} ORDER BY request_id"
            assert await shuffled.rows(query) == await in_order.rows(query)
    drop_database(postgres_server, dsn)


def lost(one: RecordedExchange) -> RecordedExchange:
    """Its body could not be kept."""
    received, *others = one.events
    assert isinstance(received, RequestReceived)
    return replace(one, events=(received.model_copy(update={"body": None}), *others), body=None)


def under(one: RecordedExchange, organisation: str) -> RecordedExchange:
    """Answered by upstream in the name of this organisation."""
    named = HeaderFact(name="anthropic-organization-id", value=organisation)
    events = [
        event.model_copy(update={"headers": (*event.headers, named)}) if isinstance(event, ResponseStarted) else event
        for event in one.events
    ]
    return replace(one, events=tuple(events))


async def causes(
    store: Store, listed: Sequence[Captured], edit: Callable[[int, RecordedExchange], RecordedExchange]
) -> list[str]:
    ids = request_ids(listed)
    exchanges = [edit(one.n, await recorded(one, ids[one.n], store.ship)) for one in listed]
    await append_all(store.ship, exchanges)
    await store.follow_one(CACHE)
    return [row["cause"] for _, row in sorted((await verdicts(store, ids)).items())]


def forgotten_at(place: int) -> list[Captured]:
    """The beginning of a session in which the provider's cache lost everything before this request."""
    random = Random(1)
    sent = talk(random, of="custom_agents")
    sent[place].forgotten = True
    return captured(billed(sent))[: place + 2]


async def test_where_a_body_is_missing_no_cause_is_named(pool: Pool) -> None:
    found = await causes(Store.over(pool), forgotten_at(3), lambda n, one: lost(one) if n == 2 else one)
    assert found == ["first", "none", "none", "unknown", "none"]


async def test_a_request_whose_own_body_is_missing_is_not_explained(pool: Pool) -> None:
    found = await causes(Store.over(pool), forgotten_at(3), lambda n, one: lost(one) if n == 3 else one)
    assert found == ["first", "none", "none", "unknown", "none"]


async def test_where_the_first_body_is_missing_nobody_is_first(pool: Pool) -> None:
    found = await causes(Store.over(pool), forgotten_at(3), lambda n, one: lost(one) if n == 0 else one)
    assert found == ["first", "unknown", "none", "provider_suspected", "none"]


async def test_another_organisation_is_another_account(pool: Pool) -> None:
    found = await causes(Store.over(pool), forgotten_at(3), lambda n, one: under(one, "a" if n < 3 else "b"))
    assert found == ["first", "none", "none", "account_changed", "none"]


async def test_a_side_question_keeps_an_entry_alive_and_is_compared_with_nothing_later(pool: Pool) -> None:
    """Asked between two turns: within five minutes of either, while they are eight apart."""
    sent = talk(Random(2), of="custom_agents")[:4]
    for number, one in enumerate(sent):
        one.at = sent[0].at + timedelta(minutes=8 * number)
    aside = copy.deepcopy(sent[2])
    answer = {"type": "text", "text": "as I said", "cache_control": {"type": "ephemeral"}}
    for message in aside.body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            block.pop("cache_control", None)
    aside.body["messages"] += [
        {"role": "assistant", "content": [answer]},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
    ]
    aside.at = sent[2].at + timedelta(minutes=4)
    sent[3].forgotten = True
    listed = captured(billed([*sent[:3], aside, sent[3]]))
    found = await projected(Store.over(pool), listed)
    assert [found[n]["previous"] for n in range(5)] == [None, 0, 1, 2, 2]
    assert [found[n]["cause"] for n in range(5)] == ["first", "ttl_lapsed", "ttl_lapsed", "none", "provider_suspected"]


async def test_what_is_no_request_of_a_session_has_no_row(pool: Pool) -> None:
    plain = [replace(one, headers=(), body=b'{"model":"m","messages":[]}') for one in forgotten_at(2)[:1]]
    no_usage = [replace(one, n=7, status=529, answer=b"{}") for one in forgotten_at(2)[1:2]]
    unread = [replace(one, n=8, path="/v1/messages/count_tokens", at=one.at) for one in forgotten_at(2)[:1]]
    assert await projected(Store.over(pool), [*plain, *no_usage, *unread]) == {}


async def test_the_row_s_tariff_is_the_answer_s(pool: Pool) -> None:
    one = forgotten_at(2)[0]
    usage = {"input_tokens": 200_001, "service_tier": "batch", "speed": "fast", "inference_geo": "us"}
    named = replace(one, headers=(*one.headers, ("x-nexus-project", "apollo")))
    [row] = (await projected(Store.over(pool), [answered(named, usage, model="claude-said")])).values()
    assert (row["model"], row["service_tier"], row["speed"], row["inference_geo"], row["long_context"]) == (
        "claude-said", "batch", "fast", "us", True
    )  # fmt: skip
    assert (row["project"], row["client_domain"], row["prompt_tokens"]) == ("apollo", "localhost", 200_001)
