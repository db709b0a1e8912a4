"""What was used, by a second and simpler program: straight from raw answers, with plain JSON.

It imports nothing of ``domain`` or ``projections``. Who asked stands in the request's event, where an exchange belongs
in the rows of ``read.links``; everything else is read here once more.
"""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.stored.events import RecordingGap, RequestReceived, ResponseAborted, ResponseStarted
from tests.captures import Captured
from tests.recorded import RecordedExchange

MEASURES = (
    "requests", "failed", "aborted", "unrecorded", "input_tokens", "output_tokens", "estimated_output_tokens",
    "thinking_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "web_searches",
)  # fmt: skip
DIMENSIONS = (
    "scope", "account", "client_domain", "key_id", "device", "project", "model", "request_class", "agent_type",
    "conversation_id", "branch_id", "service_tier", "speed", "inference_geo", "long_context", "estimated",
)  # fmt: skip
MONTH = -1
LONG, LONG_OF = 200_000, {"claude-haiku-5-5": 100_000}
"""Prompt tokens above which another price may apply."""
Json = dict[str, Any]
Row = Json
"""A line: every dimension, every measure, and ``received_at``."""
Sums = dict[tuple[Any, ...], tuple[int, ...]]
"""Measures by group; groups that add up to nothing are left out."""


@dataclass(frozen=True)
class Told:
    """One exchange, as the oracle is told of it."""

    captured: Captured
    recorded: RecordedExchange

    @property
    def request(self) -> RequestReceived:
        first = self.recorded.events[0]
        assert isinstance(first, RequestReceived)
        return first


def lines(told: Iterable[Told], links: Mapping[UUID, Json], scope_keys: Mapping[str, bytes]) -> list[Row]:
    """Of every exchange that has a link."""
    known = {one.recorded.request_id: one for one in told if one.recorded.request_id in links}
    return [row for one in known.values() for row in _lines_of(one, known, links, scope_keys)]


def sums(rows: Iterable[Row], minutes: int, dimensions: tuple[str, ...] = DIMENSIONS) -> Sums:
    """By bucket of so many minutes of UTC (0: none; ``MONTH``: months) and dimensions."""
    found: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        place = (floored(row["received_at"], minutes), *(row[name] for name in dimensions))
        counter = found.setdefault(place, Counter())
        for name in MEASURES:
            counter[name] += row[name]
    added = {place: tuple(counter[name] for name in MEASURES) for place, counter in found.items()}
    return {place: counts for place, counts in added.items() if any(counts)}


def floored(moment: datetime, minutes: int) -> datetime | None:
    if not minutes:
        return None
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if minutes == MONTH:
        return midnight.replace(day=1)
    return midnight + (moment - midnight) // timedelta(minutes=minutes) * timedelta(minutes=minutes)


def _lines_of(
    one: Told, known: Mapping[UUID, Told], links: Mapping[UUID, Json], scope_keys: Mapping[str, bytes]
) -> Iterable[Row]:
    link, request = links[one.recorded.request_id], one.request
    body = _object(one.captured.body)
    root = known.get(link["conversation_id"])
    common = {
        "received_at": request.timestamp,
        "scope": request.scope,
        "account": request.account or request.scope,
        "client_domain": request.client_domain,
        "key_id": request.key_id or "",
        "device": _device(body),
        "project": _project(one, scope_keys) or (_project(root, scope_keys) if root else ""),
        "request_class": link["request_class"],
        "agent_type": _header(request, "x-claude-code-agent-type") or _agent_type(link, known, links),
        "conversation_id": link["conversation_id"],
        "branch_id": link["branch_id"],
        "tasks": tasks_around(link, links),
    }
    status = next((event.status for event in one.recorded.events if isinstance(event, ResponseStarted)), 0)
    said = frames(one.captured.answer)
    counts = _counts(one, said, body.get("model", ""))
    for number, counted in enumerate(counts):
        first = number == 0
        yield (
            common
            | dict.fromkeys(MEASURES, 0)
            | {"estimated": False, "long_context": False}
            | counted
            | {
                "requests": int(first),
                "failed": int(first and (status >= 400 or any(frame.get("type") == "error" for frame in said))),
                "aborted": int(first and isinstance(one.recorded.events[-1], ResponseAborted)),
                "unrecorded": int(first and _is_unrecorded(one, said, status)),
            }
        )


def _is_unrecorded(one: Told, said: list[Json], status: int) -> bool:
    """A part of the answer is missing in the record, and the counts of its start or of its end with it."""
    torn = any(isinstance(event, RecordingGap) and event.part == "response" for event in one.recorded.events)
    wrong = status >= 400 or any(frame.get("type") == "error" for frame in said)
    body = _object(one.captured.body)
    if not torn or wrong or "count_tokens" in one.request.target or (body and "model" not in body):
        return False
    begun = [frame.get("message") or frame for frame in said if frame.get("type") in {"message_start", "message"}]
    ended = [frame for frame in said if frame.get("type") in {"message_stop", "message"}]
    ended += [frame for frame in said if (frame.get("delta") or {}).get("stop_reason")]
    return not (begun and "input_tokens" in (begun[0].get("usage") or {}) and ended)


def _counts(one: Told, said: list[Json], asked: str) -> list[Json]:
    started = next((frame["message"] for frame in said if frame.get("type") == "message_start"), None)
    whole = next((frame for frame in said if frame.get("type") == "message"), None)
    nothing = {"model": (started or whole or {}).get("model") or asked, **_tier({})}
    if started is None and whole is None:
        broken = any(frame.get("type", "").startswith("content_block") for frame in said)
        assert not broken, "an answer without its start: the oracle knows none"
        return [nothing]
    usage: Json = dict((started or whole or {}).get("usage") or {})
    counted = whole is not None
    for frame in said:
        if frame.get("type") == "message_delta":
            usage |= {name: value for name, value in (frame.get("usage") or {}).items() if value is not None}
            counted |= bool(frame.get("delta", {}).get("stop_reason"))
        counted |= frame.get("type") == "message_stop"
    first = nothing | _tier(usage) | _tokens(usage, nothing["model"])
    if _is_free_refusal(said, first["output_tokens"]):
        first = dict(nothing)
    first["thinking_tokens"] = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    first["web_searches"] = (usage.get("server_tool_use") or {}).get("web_search_requests") or 0
    if not counted:
        first["estimated_output_tokens"] = max(0, -(-_delivered(said) // 4) - first["output_tokens"])
        first["estimated"] = first["estimated_output_tokens"] > 0
    steps = [step for step in usage.get("iterations") or [] if step["type"] in {"compaction", "advisor_message"}]
    return [first, *(_step(step, usage, first["model"]) for step in steps)]


def _step(step: Json, usage: Json, model: str) -> Json:
    own = step.get("model") or model
    tier = _tier(usage) | ({} if own == model else {"speed": ""})
    return {"model": own} | tier | _tokens(step, own)


def _is_free_refusal(said: list[Json], output_tokens: int) -> bool:
    refused = any(
        "refusal" in {frame.get("stop_reason"), (frame.get("delta") or {}).get("stop_reason")} for frame in said
    )
    spoken = any(frame.get("content") or frame.get("type") == "content_block_start" for frame in said)
    return refused and not spoken and not output_tokens


def _tokens(usage: Json, model: str) -> Json:
    lifetimes = usage.get("cache_creation") or {}
    short, long = lifetimes.get("ephemeral_5m_input_tokens") or 0, lifetimes.get("ephemeral_1h_input_tokens") or 0
    more = max(0, (usage.get("cache_creation_input_tokens") or 0) - short - long)
    if long and not short:
        long += more
    else:
        short += more
    fresh, read = usage.get("input_tokens") or 0, usage.get("cache_read_input_tokens") or 0
    return {
        "input_tokens": fresh,
        "output_tokens": usage.get("output_tokens") or 0,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": short,
        "cache_write_1h_tokens": long,
        "long_context": fresh + read + short + long > LONG_OF.get(model, LONG),
    }


def _tier(usage: Json) -> Json:
    return {name: usage.get(name) or "" for name in ("service_tier", "speed", "inference_geo")}


def _delivered(said: list[Json]) -> int:
    """Characters of text, thinking and tool input; input that is whole is counted without white space."""
    found, inputs = 0, Counter[int]()
    written: dict[int, str] = {}
    for frame in said:
        block, delta = frame.get("content_block") or {}, frame.get("delta") or {}
        found += sum(len(one.get(name) or "") for one in (block, delta) for name in ("text", "thinking"))
        if delta.get("partial_json"):
            written[frame["index"]] = written.get(frame["index"], "") + delta["partial_json"]
    for index, text in written.items():
        try:
            inputs[index] = len(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")))
        except ValueError:
            inputs[index] = len(text)
    return found + inputs.total()


def frames(answer: bytes) -> list[Json]:
    """The JSON of every whole frame; an answer that was not streamed is one."""
    text = answer.decode("utf-8", "replace").replace("\r\n", "\n")
    if text.startswith("{"):
        return [_object(answer)]
    whole = text.split("\n\n")[:-1]
    data = ("".join(line[5:] for line in frame.split("\n") if line.startswith("data:")) for frame in whole)
    return [json.loads(one) for one in data if one.strip()]


def _agent_type(link: Json, known: Mapping[UUID, Told], links: Mapping[UUID, Json]) -> str:
    """Of the call that started the innermost sub-task around it, in the answer that made the call."""
    while link["edge"] != "spawned":
        above = links.get(link["parent_request_id"])
        if above is None or above["conversation_id"] != link["conversation_id"]:
            return ""
        link = above
    caller = known.get(link["parent_request_id"])
    calls = _calls(frames(caller.captured.answer)) if caller else {}
    said = calls.get(link["tool_use_id"], {}).get("subagent_type", "")
    return said if isinstance(said, str) else ""


def _calls(said: list[Json]) -> dict[str, Json]:
    """Inputs of tool calls by id."""
    found: dict[str, Json] = {}
    for frame in said:
        found |= {one["id"]: one["input"] for one in frame.get("content") or [] if one.get("type") == "tool_use"}
    blocks: dict[int, Json] = {}
    for frame in said:
        if frame.get("type") == "content_block_start":
            blocks[frame["index"]] = dict(frame["content_block"])
        elif frame.get("type") == "content_block_delta" and frame["index"] in blocks:
            block = blocks[frame["index"]]
            block["json"] = block.get("json", "") + frame["delta"].get("partial_json", "")
        elif frame.get("type") == "content_block_stop" and blocks.get(frame["index"], {}).get("type") == "tool_use":
            block = blocks[frame["index"]]
            found[block["id"]] = json.loads(block["json"]) if block.get("json") else block.get("input") or {}
    return found


def tasks_around(link: Json, links: Mapping[UUID, Json]) -> list[UUID | None]:
    """The sub-tasks that it stands in, by their first exchanges, the innermost first; last the conversation."""
    found, conversation = list[UUID | None](), link["conversation_id"]
    above = links.get(link["parent_request_id"])
    while above is not None and above["conversation_id"] == conversation is not None:
        if link["edge"] == "spawned":
            found.append(link["request_id"])
        link, above = above, links.get(above["parent_request_id"])
    return [*found, conversation]


def _project(one: Told, scope_keys: Mapping[str, bytes]) -> str:
    if named := _header(one.request, "x-nexus-project"):
        return named
    said = re.search(r"orking directory: (.*?)(?:\\n|\")", one.captured.body.decode("utf-8", "replace"))
    if said is None:
        return ""
    message = b"working directory\0" + said[1].encode()
    return "dir:" + hmac.new(scope_keys[one.request.scope], message, hashlib.sha256).hexdigest()[:16]


def _device(body: Json) -> str:
    user_id = (body.get("metadata") or {}).get("user_id") or ""
    if user_id.startswith("{"):
        return str(json.loads(user_id).get("device_id") or "")
    old = re.fullmatch(r"user_([^_]*)_account_[^_]*_session_.*", user_id)
    return old[1] if old else user_id


def _header(request: RequestReceived, name: str) -> str:
    return next((fact.value or "" for fact in request.headers if fact.name.lower() == name), "")


def _object(text: bytes) -> Json:
    try:
        value = json.loads(text or b"null")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
