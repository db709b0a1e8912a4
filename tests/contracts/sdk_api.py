"""An Anthropic API for the SDKs, without chance: the same request gets the same bytes, in the encodings clients accept.

The name of the model chooses what a messages call meets.
"""

import asyncio
import gzip
import json
from typing import Any

import brotli
import zstandard

from tests.fake_upstream import CHUNKED, EVENTS, Lines, Received, Wire, head

JSON = (b"content-type", b"application/json")
BINARY = bytes(range(256)) * 300
LIMITS = (
    (b"anthropic-ratelimit-requests-limit", b"50"),
    (b"anthropic-ratelimit-requests-remaining", b"49"),
    (b"anthropic-ratelimit-requests-reset", b"2031-01-01T00:00:00Z"),
    (b"anthropic-organization-id", b"org"),
    (b"Set-Cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
)
PACK = {"zstd": zstandard.compress, "br": brotli.compress, "gzip": gzip.compress}
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
STAMP = "2026-01-01T00:00:00Z"
USAGE = {"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 2, "future_tokens": 1}
FILE = {
    "id": "file_1", "type": "file", "filename": "p\u00e9.bin", "mime_type": "application/octet-stream",
    "size_bytes": len(BINARY), "created_at": STAMP, "downloadable": True,
}  # fmt: skip
BATCH = {
    "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "created_at": STAMP,
    "expires_at": STAMP, "ended_at": STAMP, "archived_at": None, "cancel_initiated_at": None,
    "request_counts": {"processing": 0, "succeeded": 1, "errored": 1, "canceled": 0, "expired": 0},
}  # fmt: skip
MODEL = {
    "id": "claude-x",
    "type": "model",
    "display_name": "X \u20ac",
    "created_at": STAMP,
    "from_the_future": {"a": [1]},
}


class SdkApi:
    """The script of a fake upstream. It keeps nothing, but for the number of the request on the wire."""

    def __init__(self) -> None:
        self.number = 0

    async def __call__(self, received: Received, wire: Wire) -> None:
        self.number += 1
        method, path = received.method, received.target.decode().partition("?")[0]
        if path == "/v1/messages":
            await self.message(json.loads(received.body), received, wire)
        elif path.endswith("/results"):
            await self.results(wire, received)
        elif path.endswith("/content"):
            await self.download(wire)
        else:
            await self.say(wire, received, 200, self.thing(method, path))

    def lines(self, *more: tuple[bytes, bytes]) -> Lines:
        return [(b"request-id", b"req_%d" % self.number), *LIMITS, *more]

    async def say(self, wire: Wire, received: Received, status: int, thing: Any, *more: tuple[bytes, bytes]) -> None:
        """JSON, packed as tightly as the client can read it."""
        body, lines = json.dumps(thing).encode(), self.lines(JSON, *more)
        accepted = b",".join(received.all(b"accept-encoding")).decode()
        for name, pack in PACK.items():
            if name in accepted and status == 200:
                body = pack(body)
                lines.append((b"Content-Encoding", name.encode()))
                break
        reason = b"Fine" if status == 200 else b"Not Fine"
        await wire.say(head(b"%d %b" % (status, reason), *lines, (b"Content-Length", b"%d" % len(body))) + body)

    def thing(self, method: str, path: str) -> Any:
        last = path.rsplit("/", 1)[-1]
        match method, path.split("/")[2:]:
            case "POST", ["messages", "count_tokens"]:
                return {"input_tokens": 7, "context_management": None}
            case "DELETE", ["messages", "batches", _]:
                return {"id": last, "type": "message_batch_deleted"}
            case "DELETE", ["files", _]:
                return {"id": last, "type": "file_deleted"}
            case "GET", ["models" | "files" | "messages", *rest] if rest in ([], ["batches"]):
                things: dict[str, dict[str, Any]] = {"models": MODEL, "files": FILE, "batches": BATCH}
                one = things[last]
                return {"data": [one], "has_more": False, "first_id": one["id"], "last_id": one["id"]}
            case _, ["models", _]:
                return MODEL
            case _, ["files", *_]:
                return FILE
        return {**BATCH, "results_url": "/v1/messages/batches/msgbatch_1/results"}

    # -------------------------------------------------------------------------------------------------------- messages

    async def message(self, wanted: dict[str, Any], received: Received, wire: Wire) -> None:
        kind, _, detail = wanted["model"].partition(":")
        attempt = int((received.all(b"x-stainless-retry-count") or [b"0"])[0])
        if kind == "fails":
            await self.fail(wire, received, int(detail))
        elif kind == "fails-at-first" and attempt < 2:
            await self.fail(wire, received, int(detail), may_retry=True)
        elif wanted.get("stream"):
            await self.stream(wire, kind)
        else:
            await self.say(wire, received, 200, message(attempt))

    async def fail(self, wire: Wire, received: Received, status: int, *, may_retry: bool = False) -> None:
        """``may_retry``: the client is told that it may try again at once, else that it should not."""
        retry = b"true" if may_retry else b"false"
        error = {"type": ERRORS[status], "message": f"No: {status} \u20ac"}
        thing = {"type": "error", "error": error, "request_id": f"req_{self.number}"}
        await self.say(wire, received, status, thing, (b"x-should-retry", retry), (b"retry-after-ms", b"1"))

    async def stream(self, wire: Wire, kind: str) -> None:
        await wire.say(head(b"200 OK", CHUNKED, EVENTS, *self.lines()))
        for number, event in enumerate(events(kind)):
            data = f"event: {event['type']}\r\ndata: {json.dumps(event)}\r\n\r\n".encode()
            for at in range(0, len(data), 7):
                await wire.chunk(data[at : at + 7])
                await asyncio.sleep(0)
            if kind == "breaks" and number == 3:
                await asyncio.sleep(0.02)  # the client has read it
                wire.close()
                return
        await wire.end()

    # ---------------------------------------------------------------------------------------------- other kinds of body

    async def results(self, wire: Wire, received: Received) -> None:
        await wire.say(head(b"200 OK", CHUNKED, (b"content-type", b"application/x-jsonl"), *self.lines()))
        whole = {"custom_id": "a\u2028", "result": {"type": "succeeded", "message": message(0)}}
        error = {"type": "error", "error": {"type": "api_error", "message": "no"}, "request_id": None}
        for line in (whole, {"custom_id": "b", "result": {"type": "errored", "error": error}}):
            data = json.dumps(line).encode() + b"\n"
            for at in range(0, len(data), 50):
                await wire.chunk(data[at : at + 50])
        await wire.end()

    async def download(self, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED, (b"content-type", b"application/octet-stream"), *self.lines()))
        for at in range(0, len(BINARY), 9000):
            await wire.chunk(BINARY[at : at + 9000])
        await wire.end()


def message(attempt: int) -> dict[str, Any]:
    content = [{"type": "text", "text": f"Bonjour \u20ac \U0001f600 after {attempt}", "citations": None}]
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": content,
        "stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE, "from_the_future": [None, 1.5],
    }  # fmt: skip


def events(kind: str) -> list[dict[str, Any]]:
    start = {**message(0), "content": [], "stop_reason": None}
    delta = {"type": "content_block_delta", "index": 0}
    arguments = {**delta, "index": 1}
    tool = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    return [
        {"type": "message_start", "message": start},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {**delta, "delta": {"type": "text_delta", "text": "Bon\u20ac"}},
        *([failed] if kind == "fails-in-the-stream" else []),
        {**delta, "delta": {"type": "text_delta", "text": "jour"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": tool},
        {**arguments, "delta": {"type": "input_json_delta", "partial_json": '{"a": "\\u00e9'}},
        {**arguments, "delta": {"type": "input_json_delta", "partial_json": '"}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": USAGE},
        {"type": "message_stop"},
    ]
