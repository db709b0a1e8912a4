"""A scripted stand-in for the Messages API that keeps everything it was sent and everything it answered.

A word ``@@name`` in the newest prompt chooses a script, a list of turns; turn k answers the request that has k
assistant messages behind that prompt. So the same conversation gets the same answers, with or without a gateway.
A request to summarise the conversation gets a summary, which is another one for every conversation.
"""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Block = dict[str, Any]
_MARKER = re.compile(r"@@([\w-]+)")
_PIECE = 11
_INJECTED = ("<system-reminder>", "Tool loaded.")
_SUMMARISE = "Your task is to create a detailed summary"
_AGENT_ID = re.compile(r"agentId: (\w+)")
NEWEST_AGENT = "{agent}"
"""In a scripted tool call: the id of the agent that the messages name last."""


@dataclass(frozen=True)
class Answer:
    """A turn of which more is scripted than its blocks."""

    blocks: Sequence[Block]
    usage: Mapping[str, Any] = field(default_factory=dict)
    """Members that replace the counted ones."""
    refusals: int = 0
    """So many attempts at the same messages are answered 529 before."""
    breaks: int = 0
    """So many attempts at the same messages break off halfway."""
    stands_still: bool = False
    """Half of it is sent, then nothing: ``standing`` says so, and the rest goes when ``released`` is set."""


Turn = Sequence[Block] | Answer
_EXPIRED = b'{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired."}}'
_OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def thinking(words: str) -> Block:
    return {"type": "thinking", "thinking": words, "signature": "c2lnbmF0dXJl"}


def tool(name: str, **arguments: Any) -> Block:
    return {"type": "tool_use", "name": name, "input": arguments}


def agent(description: str, prompt: str, kind: str = "general-purpose") -> Block:
    return tool("Agent", description=description, prompt=prompt, subagent_type=kind, run_in_background=False)


def background_agent(description: str, prompt: str) -> Block:
    """The client's default: the one who calls does not wait for it."""
    return tool("Agent", description=description, prompt=prompt, subagent_type="general-purpose")


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
    refused: set[str] = field(default_factory=set)
    """Values of ``authorization`` that are answered 401."""
    port: int = 0
    standing: asyncio.Event = field(default_factory=asyncio.Event)
    """Half of an answer that stands still has gone out."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _attempts: Counter[bytes] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        if request.headers.get("authorization") in self.refused:
            self.served.append(Served(request.method, request.raw_path, headers, body, 401, _EXPIRED))
            return web.Response(status=401, body=_EXPIRED, content_type="application/json")
        wanted = _object_in(body)
        if wanted is None:
            answer = b'{"type":"error","error":{"type":"invalid_request_error","message":"no JSON"}}'
            self.served.append(Served(request.method, request.raw_path, headers, body, 400, answer))
            return web.Response(status=400, body=answer, content_type="application/json")
        if request.path != "/v1/messages":
            answer = json.dumps({"input_tokens": 7}).encode() if request.method == "POST" else b""
            self.served.append(Served(request.method, request.raw_path, headers, body, 200, answer))
            return web.Response(body=answer, content_type="application/json")
        turn = self._turn(wanted)
        self._attempts[body] += 1
        if self._attempts[body] <= turn.refusals:
            self.served.append(Served(request.method, request.raw_path, headers, body, 529, _OVERLOADED))
            return web.Response(status=529, body=_OVERLOADED, content_type="application/json")
        message = _message(wanted, turn)
        pieces = list(_frames(message)) if wanted.get("stream") else [json.dumps(message).encode()]
        if self._attempts[body] <= turn.breaks:
            return await self._break_off(request, body, headers, pieces[: len(pieces) // 2])
        self.served.append(Served(request.method, request.raw_path, headers, body, 200, b"".join(pieces)))
        return await self._answer(request, pieces, turn, streamed=bool(wanted.get("stream")))

    async def _break_off(
        self, request: web.BaseRequest, body: bytes, headers: tuple[tuple[str, str], ...], pieces: Sequence[bytes]
    ) -> web.StreamResponse:
        self.served.append(Served(request.method, request.raw_path, headers, body, 200, b"".join(pieces)))
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _answer(
        self, request: web.BaseRequest, pieces: Sequence[bytes], turn: Answer, *, streamed: bool
    ) -> web.StreamResponse:
        kind = "text/event-stream; charset=utf-8" if streamed else "application/json"
        response = web.StreamResponse(headers={"content-type": kind, "request-id": f"req_{len(self.served)}"})
        await response.prepare(request)
        for number, piece in enumerate(pieces):
            if turn.stands_still and number == len(pieces) // 2:
                self.standing.set()
                await self.released.wait()
            await response.write(piece)
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
        await response.write_eof()
        return response

    def _turn(self, wanted: dict[str, Any]) -> Answer:
        prompt, depth = newest_prompt(wanted.get("messages", []))
        if _SUMMARISE in prompt:
            topic = hashlib.sha256(json.dumps(wanted["messages"]).encode()).hexdigest()[:8]
            return Answer([text(f"<analysis>\nIt is short.\n</analysis>\n\n<summary>\nSummary {topic}.\n</summary>")])
        found = _MARKER.search(prompt)
        script = self.scripts.get(found[1], ()) if found else ()
        turn = script[depth] if depth < len(script) else [text(f"Answer to: {prompt[:60]}")]
        return turn if isinstance(turn, Answer) else Answer(turn)


def _message(wanted: dict[str, Any], turn: Answer) -> dict[str, Any]:
    messages = wanted.get("messages", [])
    seed = hashlib.sha256(json.dumps(newest_prompt(messages)).encode()).hexdigest()
    agents = _AGENT_ID.findall(json.dumps(messages))
    content = [_named(block, f"{seed[:12]}{number}", agents) for number, block in enumerate(turn.blocks)]
    uses_tool = any(block["type"] == "tool_use" for block in content)
    tokens = len(json.dumps(messages)) // 4
    return {
        "id": f"msg_{seed[:20]}",
        "type": "message",
        "role": "assistant",
        "model": wanted.get("model"),
        "content": content,
        "stop_reason": "tool_use" if uses_tool else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": tokens, "output_tokens": 9, "cache_read_input_tokens": 0, **turn.usage},
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
        api.released.set()
        await runner.cleanup()


def _object_in(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body) if body else {}
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def newest_prompt(messages: Sequence[Any]) -> tuple[str, int]:
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


def _named(block: Block, suffix: str, agents: Sequence[str]) -> Block:
    """With an id of its own, and knowing the newest agent."""
    if block["type"] != "tool_use":
        return dict(block)
    arguments = json.dumps(block["input"]).replace(NEWEST_AGENT, agents[-1] if agents else "nobody")
    return {**block, "id": f"toolu_{suffix}", "input": json.loads(arguments)}


def _frames(message: dict[str, Any]) -> Iterator[bytes]:
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
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
