"""Whatever a client sends is stored, classified or linked, stops nobody, and joins nobody else's conversation."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from ops.db.pool import Pool
from tests import captures
from tests.captures import Captured
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids

DEEP = b'{"messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
MANY = json.dumps({"messages": [{"role": "user", "content": "x"}] * 100_000, "tools": [{"name": "t"}]}).encode()
TWICE = b'{"model":"a","model":"b","messages":[],"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"t"}]}'
SURROGATE = b'{"messages":[{"role":"user","content":"\\ud800 \\udfff\\u0000"}],"tools":[{"name":"\\ud800"}]}'
WRONG_TYPES: list[object] = [
    {"messages": "hi"},
    {"messages": {"role": "user"}},
    {"messages": [1, None, [], "x", {"role": 5, "content": 7}, {"content": {"type": "text"}}]},
    {
        "messages": [
            {"role": "user", "content": [{"type": 5}, {"type": "text", "text": {}}, {"type": "tool_use", "id": []}]}
        ]
    },
    {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": 5, "input": "x"}]}]},
    {"messages": [{"role": "user", "content": "x"}], "system": 5, "tools": "no", "metadata": {"user_id": {"a": 1}}},
    {
        "messages": [{"role": "user", "content": "x"}],
        "tools": [[], {}, 5],
        "metadata": {"user_id": "user_\u0000_account_"},
    },
    [],
    None,
    5,
]
BODIES = [
    DEEP, MANY, TWICE, SURROGATE, b"", b"{", b"\xff\xfe", b'{"messages": NaN}',
    b'{"messages":[{"role":"user","content":Infinity}]}',
    *(json.dumps(value).encode() for value in WRONG_TYPES),
]  # fmt: skip


def sent(body: bytes, number: int, **headers: str) -> Captured:
    """A request of Claude Code's shape, with this body."""
    [one] = captures.exchanges("a_oneshot")
    named = [(name, headers.get(name.replace("-", "_"), value)) for name, value in one.headers]
    return replace(one, n=number, at=one.at + timedelta(seconds=number), body=body, headers=tuple(named))


async def linked(store: Store, *exchanges: Captured) -> dict[int, dict[str, object]]:
    ids = request_ids(exchanges)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in exchanges])
    await store.follow()
    links = await store.links()
    return {one.n: links[ids[one.n]] for one in exchanges}


async def test_each_is_linked_or_set_apart_and_none_is_set_aside(pool: Pool) -> None:
    store = Store.over(pool)
    honest = captures.exchanges("b_multiturn")
    hostile = [sent(body, 100 + number) for number, body in enumerate(BODIES)]
    links = await linked(store, *honest, *hostile)
    for one in hostile:
        link = links[one.n]
        assert link["edge"] in {"none", "root", "continues", "branches", "retries"}, one.body[:60]
        assert (link["edge"] == "none") == (link["request_class"] == "auxiliary")
    members = {links[one.n]["conversation_id"] for one in honest}
    assert len(members) == 1
    assert members.isdisjoint({links[one.n]["conversation_id"] for one in hostile})
    assert await store.rows("SELECT * FROM projection_failures") == []


async def test_a_talk_of_more_blocks_than_any_window_holds_is_not_linked(pool: Pool) -> None:
    [link] = (await linked(Store.over(pool), sent(MANY, 1))).values()
    assert (link["request_class"], link["edge"]) == ("auxiliary", "none")
    assert "blocks" in str(link["evidence"])


@pytest.mark.parametrize("scope", ["account", "device"])
async def test_ids_that_another_person_used_join_nothing(pool: Pool, scope: str) -> None:
    """The same session, agents, tool uses, signatures and texts, from another account or device."""
    listed = captures.exchanges("d2_two_agents")
    if scope == "account":
        old, new = b'account_uuid\\":\\"', b'account_uuid\\":\\"another'
    else:
        old, new = b'device_id\\":\\"', b'device_id\\":\\"0'
    copied = [
        replace(one, n=one.n + 100, at=one.at + timedelta(milliseconds=1), body=one.body.replace(old, new))
        for one in listed
    ]
    assert all(one.body != other.body for one, other in zip(listed, copied, strict=True))
    links = await linked(Store.over(pool), *listed, *copied)
    ours = {link["conversation_id"] for n, link in links.items() if n < 100}
    theirs = {link["conversation_id"] for n, link in links.items() if n >= 100}
    assert (len(ours), len(theirs)) == (1, 1)
    assert ours != theirs
    parents = {link["parent_request_id"] for n, link in links.items() if n >= 100} - {None}
    assert parents.isdisjoint({link["request_id"] for n, link in links.items() if n < 100})
    assert all(isinstance(parent, UUID) for parent in parents)
