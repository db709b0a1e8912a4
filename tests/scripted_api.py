"""A scripted stand-in for the Messages API that keeps everything it was sent and everything it answered.

A word ``@@name`` in the newest prompt chooses a script, a list of turns; turn k answers the request that has k
assistant messages behind that prompt. So the same conversation gets the same answers, with or without a gateway.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Block = dict[str, Any]
Turn = Sequence[Block]
_MARKER = re.compile(r"@@([\w-]+)")
_PIECE = 11
_INJECTED = ("<system-reminder>", "Tool loaded.")


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def thinking(words: str) -> Block:
    return {"type": "thinking", "thinking": words, "signature": "c2lnbmF0dXJl"}


def tool(name: str, **arguments: Any) -> Block:
    return {"type": "tool_use", "name": name, "input": arguments}


def agent(description: str, prompt: str, kind: str = "general-purpose") -> Block:
    return tool("Agent", description=description, prompt=prompt, subagent_type=kind, run_in_background=False)


@dataclass(frozen=True)
class Served:
    """One request as it came, and the answer as it went."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    answer: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedApi:
    """Serves on a free loopback port."""

    scripts: Mapping[str, Sequence[Turn]]
    pause_s: float = 0.0
    """Between two deltas."""
    served: list[Served] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        wanted = _object_in(body)
        if wanted is None:
            answer = b'{"type":"error","error":{"type":"invalid_request_error","message":"no JSON"}}'
            self.served.append(Served(request.method, request.raw_path, headers, body, 400, answer))
            return web.Response(status=400, body=answer, content_type="application/json")
        if request.path != "/v1/messages":
            answer = json.dumps({"input_tokens": 7}).encode() if request.method == "POST" else b""
            self.served.append(Served(request.method, request.raw_path, headers, body, 200, answer))
            return web.Response(body=answer, content_type="application/json")
        message = self._message(wanted)
        pieces = list(_frames(message)) if wanted.get("stream") else [json.dumps(message).encode()]
        self.served.append(Served(request.method, request.raw_path, headers, body, 200, b"".join(pieces)))
        return await self._answer(request, pieces, streamed=bool(wanted.get("stream")))

    async def _answer(self, request: web.BaseRequest, pieces: Sequence[bytes], *, streamed: bool) -> web.StreamResponse:
        kind = "text/event-stream; charset=utf-8" if streamed else "application/json"
        response = web.StreamResponse(headers={"content-type": kind, "request-id": f"req_{len(self.served)}"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        await response.write_eof()
        return response

    def _message(self, wanted: dict[str, Any]) -> dict[str, Any]:
        prompt, depth = _newest_prompt(wanted.get("messages", []))
        found = _MARKER.search(prompt)
        script = self.scripts.get(found[1], ()) if found else ()
        turn = script[depth] if depth < len(script) else [text(f"Answer to: {prompt[:60]}")]
        seed = hashlib.sha256(json.dumps([prompt, depth]).encode()).hexdigest()
        content = [_with_id(block, f"{seed[:12]}{number}") for number, block in enumerate(turn)]
        uses_tool = any(block["type"] == "tool_use" for block in content)
        tokens = len(json.dumps(wanted.get("messages", []))) // 4
        return {
            "id": f"msg_{seed[:20]}",
            "type": "message",
            "role": "assistant",
            "model": wanted.get("model"),
            "content": content,
            "stop_reason": "tool_use" if uses_tool else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": tokens, "output_tokens": 9, "cache_read_input_tokens": 0},
        }


@asynccontextmanager
async def scripted_api(scripts: Mapping[str, Sequence[Turn]], pause_s: float = 0.0) -> AsyncIterator[ScriptedApi]:
    api = ScriptedApi(scripts, pause_s)
    runner = web.ServerRunner(web.Server(api.handle), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.port = runner.addresses[0][1]
    try:
        yield api
    finally:
        await runner.cleanup()


def _object_in(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body) if body else {}
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _newest_prompt(messages: Sequence[Any]) -> tuple[str, int]:
    """The last user text that the client did not write by itself, and the number of answers behind it."""
    answers = 0
    for message in reversed(messages):
        if message["role"] == "assistant":
            answers += 1
        elif message["role"] == "user":
            content = message["content"]
            blocks = [text(content)] if isinstance(content, str) else content
            texts = [b["text"] for b in blocks if b["type"] == "text" and not b["text"].lstrip().startswith(_INJECTED)]
            if texts:
                return "\n".join(texts), answers
    return "", answers


def _with_id(block: Block, suffix: str) -> Block:
    return {"type": "tool_use", "id": f"toolu_{suffix}", **block} if block["type"] == "tool_use" else dict(block)


def _frames(message: dict[str, Any]) -> Iterator[bytes]:
    start = {**message, "content": [], "stop_reason": None}
    yield _frame({"type": "message_start", "message": start})
    yield _frame({"type": "ping"})
    for index, block in enumerate(message["content"]):
        empty, deltas = _deltas(block)
        yield _frame({"type": "content_block_start", "index": index, "content_block": empty})
        for delta in deltas:
            yield _frame({"type": "content_block_delta", "index": index, "delta": delta})
        yield _frame({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _frame({"type": "message_delta", "delta": stop, "usage": message["usage"]})
    yield _frame({"type": "message_stop"})


def _deltas(block: Block) -> tuple[Block, list[Block]]:
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in _cut(block["text"])]
        case "thinking":
            deltas: list[Block] = [{"type": "thinking_delta", "thinking": piece} for piece in _cut(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        case _:
            pieces = _cut(json.dumps(block["input"]))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def _cut(words: str) -> list[str]:
    return [words[at : at + _PIECE] for at in range(0, len(words), _PIECE)]


def _frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
