"""Usage of every kind, put into answers that were recorded or invented: their talk stays as it is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from schemas.stored.events import HeaderFact, RequestReceived
from tests.captures import Captured
from tests.recorded import NOT_KEPT, RecordedExchange

Json = dict[str, Any]
UNRECORDED = 0.1


def varied(one: Captured, random: Random) -> Captured:
    """The same exchange, having used something else; of some the answer could not be kept to its end."""
    other = _using_something(one, random)
    own = Random(other.answer)
    return _not_kept(other, own) if other.answer and not other.fault and own.random() < UNRECORDED else other


def _not_kept(one: Captured, random: Random) -> Captured:
    """From some frame on; of an answer that was not streamed, nothing."""
    if one.answer.startswith(b"{"):
        return replace(one, answer=b"", fault=NOT_KEPT)
    *frames, _ = one.answer.split(b"\n\n")
    kept = random.randint(0, len(frames) - 1)
    return replace(one, answer=b"".join(frame + b"\n\n" for frame in frames[:kept]), fault=NOT_KEPT)


def _using_something(one: Captured, random: Random) -> Captured:
    if not one.answer:
        return one
    usage, text = _usage(random), one.answer.decode()
    if text.startswith("{"):
        value = json.loads(text)
        if value.get("type") != "message":
            return one
        return replace(one, answer=json.dumps(value | {"usage": usage}).encode())
    *frames, rest = text.replace("\r\n", "\n").split("\n\n")
    return replace(one, answer="".join([*_reframed(frames, usage), rest]).encode())


def attributed(one: RecordedExchange, random: Random) -> RecordedExchange:
    """The same exchange under some account, key, host name and project."""
    first = one.events[0]
    assert isinstance(first, RequestReceived)
    project = random.choice(["", "", "shop"])
    named = (HeaderFact(name="X-Nexus-Project", value=project),) if project else ()
    changes = {
        "account": random.choice([None, "acme", "zeta"]),
        "key_id": random.choice([None, "key-1", "key-2"]),
        "client_domain": random.choice(["localhost", "team"]),
        "headers": (*first.headers, *named),
    }
    return replace(one, events=(first.model_copy(update=changes), *one.events[1:]))


def _reframed(frames: list[str], usage: Json) -> Iterator[str]:
    for frame in frames:
        data = "".join(line[5:] for line in frame.split("\n") if line.startswith("data:"))
        value = json.loads(data) if data.strip() else {}
        match value.get("type"):
            case "message_start":
                value["message"]["usage"] = usage | {"output_tokens": 1, "iterations": None}
            case "message_delta":
                value["usage"] = {name: usage.get(name) for name in ("output_tokens", "iterations", "server_tool_use")}
            case _:
                yield f"{frame}\n\n"
                continue
        yield f"event: {value['type']}\ndata: {json.dumps(value)}\n\n"


def _usage(random: Random) -> Json:
    usage: Json = _tokens(random) | {"output_tokens": random.randint(0, 5000)}
    usage["service_tier"] = random.choice(["standard", "standard", "batch", None])
    usage["speed"] = random.choice([None, None, "fast"])
    usage["inference_geo"] = random.choice([None, "us"])
    if random.random() < 0.2:
        usage["output_tokens_details"] = {"thinking_tokens": random.randint(0, usage["output_tokens"])}
    if random.random() < 0.2:
        usage["server_tool_use"] = {"web_search_requests": random.randint(0, 3)}
    if random.random() < 0.3:
        kinds = [{"type": "compaction"}, {"type": "advisor_message", "model": "claude-opus-4-8"}]
        usage["iterations"] = [
            kind | _tokens(random) | {"output_tokens": random.randint(0, 900)}
            for kind in random.choices(kinds, k=random.randint(1, 2))
        ]
    return usage


def _tokens(random: Random) -> Json:
    short, long = random.choice([(0, 0), (7, 0), (0, 9), (1200, 3400)])
    usage: Json = {
        "input_tokens": random.choice([0, 3, 812, 199_999, 250_000]),
        "cache_read_input_tokens": random.choice([None, 0, 10_000]),
        "cache_creation_input_tokens": short + long + random.choice([0, 0, 5]),
    }
    if random.random() < 0.8:
        usage["cache_creation"] = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    return usage
