"""Cutting never changes a byte, shares what was sent before, and survives any input."""

import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BrokenPayloadError, PayloadMissingError
from domain.parts import FAN_OUT, MAX_VALUES, MIN_PART_BYTES, CutBody, cut, items_of, keyed_digest, put_together
from domain.recipes import BlockRef, Glue, GlueRef, RunRef, decode, flatten
from domain.recutting import Memory
from tests.strategies import Json, json_texts, json_values, request_bodies

KEY = b"k" * 32
GOLDEN = Path(__file__).parent.parent / "golden" / "parts"


class Store:
    """The parts of many bodies."""

    def __init__(self) -> None:
        self.parts: dict[bytes, bytes] = {}

    def add(self, body: CutBody) -> None:
        for part in body.parts.values():
            assert self.parts.setdefault(part.key, part.data) == part.data

    def fetch(self, key: bytes) -> bytes:
        try:
            return self.parts[key]
        except KeyError:
            raise PayloadMissingError from None

    @property
    def size(self) -> int:
        return sum(map(len, self.parts.values()))


def stored(*bodies: bytes) -> tuple[Store, list[CutBody]]:
    store, cuts = Store(), [cut(body, KEY) for body in bodies]
    for one in cuts:
        store.add(one)
    return store, cuts


def encoded(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


@given(st.binary(max_size=300) | json_texts(request_bodies()) | json_texts(json_values()))
def test_put_together_gives_the_bytes_back(body: bytes) -> None:
    store, [one] = stored(body)
    assert put_together(one.reference, KEY, store.fetch) == body


@given(json_texts(request_bodies()), st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_any_mutation_of_a_body_still_comes_back(body: bytes, at: int, patch: bytes) -> None:
    at %= len(body)
    mutated = body[:at] + patch + body[at + 1 :]
    store, [one] = stored(mutated)
    assert put_together(one.reference, KEY, store.fetch) == mutated


@given(json_texts(request_bodies()))
def test_children_name_every_part_under_a_run(body: bytes) -> None:
    one = cut(body, KEY)
    seen, todo = set[bytes](), [bytes.fromhex(one.reference.key)]
    while todo:
        key = todo.pop()
        seen.add(key)
        todo += one.parts[key].children
    assert seen == set(one.parts)


@given(request_bodies(), st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}]))
def test_every_long_block_is_one_part_without_its_cache_mark(body: dict[str, Json], mark: dict[str, Json]) -> None:
    block = {"type": "text", "text": "a long text that is worth a part of its own " * 3}
    body["messages"] = [{"role": "user", "content": [{**block, **mark}]}]
    one = cut(encoded(body), KEY)
    assert keyed_digest(KEY, encoded(block))[:16] in one.parts


def test_what_is_no_object_among_objects_makes_no_part_of_its_own() -> None:
    block = {"type": "text", "text": "a long text that is worth a part of its own " * 3}
    listed = ["no object", 1, block, None]
    body = encoded({"system": listed, "tools": listed, "messages": ["no message", {"role": "user", "content": listed}]})
    store, [one] = stored(body)
    assert put_together(one.reference, KEY, store.fetch) == body
    assert keyed_digest(KEY, encoded(block))[:16] in one.parts


def messages_of(turns: int) -> list[Json]:
    """A session: every turn adds a question and an answer of some hundred bytes."""
    out: list[Json] = []
    for turn in range(turns):
        out.append({"role": "user", "content": [{"type": "text", "text": f"question {turn} " * 12}]})
        out.append({"role": "assistant", "content": [{"type": "text", "text": f"answer {turn} " * 15}]})
    return out


def session_bodies(turns: int) -> list[bytes]:
    """The requests of a session: the whole history each time, the cache mark on the newest block."""
    system = [{"type": "text", "text": "You are a test. " * 40, "cache_control": {"type": "ephemeral"}}]
    tools = [{"name": f"tool-{n}", "description": "d" * 200, "input_schema": {"type": "object"}} for n in range(20)]
    bodies = []
    for turn in range(1, turns + 1):
        messages = json.loads(json.dumps(messages_of(turn)[:-1]))
        messages[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
        tail = {"metadata": {"user_id": "u" * 150}, "max_tokens": 1, "stream": True}
        bodies.append(encoded({"model": "m", "messages": messages, "system": system, "tools": tools, **tail}))
    return bodies


def test_a_session_costs_what_is_new_in_it() -> None:
    bodies = session_bodies(200)
    store, sizes = Store(), []
    for body in bodies:
        store.add(cut(body, KEY))
        sizes.append(store.size)
    last_half, first_half = sizes[-1] - sizes[100], sizes[100] - sizes[1]
    assert last_half <= 1.1 * first_half, "the cost of a turn must not grow with the session"
    assert sizes[-1] < sum(map(len, bodies)) / 25


def test_an_equal_body_costs_nothing() -> None:
    body = session_bodies(20)[-1]
    store, _ = stored(body)
    before = store.size
    store.add(cut(body, KEY))
    assert store.size == before


def test_moving_the_cache_mark_makes_no_new_block() -> None:
    first, second = session_bodies(3)[1:]
    blocks = [
        {item.key for item in flatten(items_of(one.reference, store.fetch), store.fetch) if isinstance(item, BlockRef)}
        for store, [one] in (stored(first), stored(second))
    ]
    assert blocks[0] < blocks[1]
    assert len(blocks[1] - blocks[0]) == 2


def test_references_of_a_request_grow_with_the_logarithm() -> None:
    store, [one] = stored(session_bodies(300)[-1])
    items = items_of(one.reference, store.fetch)
    assert sum(isinstance(item, RunRef) for item in items) <= 2 * FAN_OUT
    assert len(items) < 80


def test_the_system_prompt_and_tools_are_one_run_each_however_many() -> None:
    store, [one] = stored(session_bodies(1)[0])
    items = items_of(one.reference, store.fetch)
    tail = items[items.index(next(item for item in reversed(items) if isinstance(item, RunRef))) :]
    assert [type(item) for item in tail[1:]] in ([Glue], [GlueRef])


def test_scopes_share_nothing() -> None:
    body = session_bodies(2)[-1]
    assert not set(cut(body, KEY).parts) & set(cut(body, b"other key".ljust(32)).parts)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\x1f\x8b\x08 gzip, say",
        b"[1,2,3]",
        b'"text"',
        b'{"messages":' + b"[" * 5000,
        b"[" * 5000 + b"]" * 5000,
        b'{"a":1}trailing',
        b'{"messages":[NaN]}',
    ],
)
def test_what_is_no_json_object_is_one_opaque_part(body: bytes) -> None:
    one = cut(body, KEY)
    assert one.reference.kind == "part"
    assert [part.data for part in one.parts.values()] == [body]


def test_a_body_of_too_many_blocks_is_one_opaque_part() -> None:
    block = b'{"type":"text","text":"' + b"x" * MIN_PART_BYTES + b'"}'
    body = b'{"messages":[{"content":[' + block + b",1" * MAX_VALUES + b"]}]}"
    assert cut(body, KEY).reference.kind == "part"


@given(st.binary(max_size=100), st.binary(max_size=300))
def test_the_digest_is_the_librarys_hmac(key: bytes, data: bytes) -> None:
    assert keyed_digest(key, data) == hmac.digest(key, data, "sha256")


def test_a_long_string_content_is_a_part() -> None:
    words = "words that are long enough to be a part of their own " * 2
    one = cut(encoded({"messages": [{"role": "user", "content": words}]}), KEY)
    assert keyed_digest(KEY, encoded(words))[:16] in one.parts


def test_short_blocks_stay_in_the_recipe() -> None:
    assert cut(b'{"messages":[{"role":"user","content":"hi"}]}', KEY).reference.kind == "part"


def test_a_block_of_nothing_but_a_cache_mark_stays_whole() -> None:
    mark = {"cache_control": {"type": "ephemeral", "why": "x" * 80}}
    one = cut(encoded({"system": [mark]}), KEY)
    assert keyed_digest(KEY, encoded(mark))[:16] in one.parts


def test_a_damaged_part_is_noticed() -> None:
    store, [one] = stored(session_bodies(2)[-1])
    key, data = next((key, data) for key, data in store.parts.items() if data.startswith(b'{"type"'))
    store.parts[key] = data.replace(b"question", b"QUESTION").replace(b"answer", b"ANSWER").replace(b"You", b"YOU")
    with pytest.raises(BrokenPayloadError):
        put_together(one.reference, KEY, store.fetch)


def test_a_missing_part_is_named_missing() -> None:
    store, [one] = stored(session_bodies(2)[-1])
    store.parts.pop(next(key for key in store.parts if key.hex() != one.reference.key))
    with pytest.raises(PayloadMissingError):
        put_together(one.reference, KEY, store.fetch)


def test_the_stored_form_is_frozen() -> None:
    """The golden file was written by the first release; older stores must stay readable and shared."""
    golden = json.loads((GOLDEN / "session.json").read_text())
    body = golden["body"].encode()
    one = cut(body, bytes.fromhex(golden["scope_key"]))
    assert one.reference.model_dump() == golden["reference"]
    assert {key.hex(): part.data.hex() for key, part in one.parts.items()} == golden["parts"]
    assert any(isinstance(item, RunRef) for item in decode(one.parts[bytes.fromhex(one.reference.key)].data))


@pytest.mark.parametrize("length", [FAN_OUT - 1, FAN_OUT, 5 * FAN_OUT + 3])
def test_each_turn_of_a_session_is_cut_as_if_it_were_the_first(length: int) -> None:
    memory, said = Memory(), [{"role": "user", "content": f"{n} {'a long text ' * 50}"} for n in range(length + 3)]
    for turn in range(length, length + 3):
        body = encoded({"messages": said[:turn], "tools": said[:turn]})
        assert cut(body, KEY, memory) == cut(body, KEY)
