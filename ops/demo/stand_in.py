"""Who answers instead of Anthropic? A small server on loopback with a Messages API that follows a script.

What is not in the script is answered too, as the demo itself, so that a real client may be pointed at it.
"""

import asyncio
import gzip
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec
from aiohttp import web

from ops.demo.answers import Fails, Says, Script
from ops.demo.blocks import Answered, Text
from ops.demo.frames import Frame, error_frame, frames
from ops.demo.ids import Ids
from ops.demo.pace import Pace
from ops.demo.prompt_cache import PromptCache, SeenBody, prompt_tokens, tokens_of
from ops.demo.rate_limits import Consumption, limit_headers

MODELS = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5": "Claude Sonnet 5",
    "claude-sonnet-4-5-20250929": "Claude Sonnet 4.5",
    "claude-haiku-4-5-20251001": "Claude Haiku 4.5",
}
ORGANIZATION = "00000000-0000-4000-8000-0000000de300"
HOLD_S = 30.0
"""How long a silent stream waits for its client to hang up."""
_MAX_BODY = 64 * 1024 * 1024
_SMALL = 1000
"""Bytes from which on an answer is compressed, if the client takes that."""
_UNSCRIPTED = Says(
    (
        Text(
            "This is the Nexus demo: a stand-in on your own machine answers here, not a model. "
            "What you asked is recorded all the same; look for it on the dashboard."
        ),
    )
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request to the Messages API."""

    http: web.Request
    raw: bytes
    body: SeenBody
    request_id: str


class StandIn:
    """The API. ``clock`` dates the ends of rate-limit windows."""

    def __init__(self, script: Script, pace: Pace, ids: Ids, clock: Callable[[], datetime]) -> None:
        self._script = script
        self._pace = pace
        self._ids = ids
        self._clock = clock
        self._cache = PromptCache()
        self._used: dict[str, Consumption] = defaultdict(Consumption)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        app.router.add_get("/v1/models", self._models)
        app.router.add_route("HEAD", "/{anything:.*}", self._reachable)
        app.router.add_route("*", "/{anything:.*}", self._unknown)
        return app

    async def _reachable(self, _request: web.Request) -> web.StreamResponse:
        return web.Response()

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return self._error(request, self._new_id(), Fails(404, "not_found_error", "Not found"))

    async def _models(self, request: web.Request) -> web.StreamResponse:
        listed = [
            {"type": "model", "id": key, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
            for key, name in MODELS.items()
        ]
        page = {"data": listed, "has_more": False, "first_id": next(iter(MODELS)), "last_id": list(MODELS)[-1]}
        return self._json(request, self._new_id(), msgspec.json.encode(page))

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        body = _seen(await request.read())
        if body is None:
            return self._error(request, self._new_id(), _INVALID)
        return self._json(request, self._new_id(), msgspec.json.encode({"input_tokens": prompt_tokens(body)}))

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = _seen(raw)
        if body is None or not body.messages:
            return self._error(request, self._new_id(), _INVALID)
        answer = self._script.answer_to(raw) or _UNSCRIPTED
        await self._pace.rest(answer.pause_s)
        asked = _Asked(request, raw, body, self._new_id())
        if isinstance(answer, Fails):
            return self._error(request, asked.request_id, answer)
        return await self._say(asked, answer)

    async def _say(self, asked: _Asked, says: Says) -> web.StreamResponse:
        answered = self._answered(asked, says)
        self._charge(asked.http, answered)
        if asked.body.stream:
            with suppress(ConnectionError):  # the client hung up, as it does on Escape
                return await self._stream(asked, says, answered)
            return web.Response()
        letters = sum(frame.letters for frame in frames(answered))
        await self._pace.rest(letters / says.letters_per_s)
        return self._json(asked.http, asked.request_id, msgspec.json.encode(answered))

    def _answered(self, asked: _Asked, says: Says) -> Answered:
        written = sum(tokens_of(msgspec.json.encode(block)) for block in says.content)
        usage = self._cache.usage(asked.body, written, forgets=says.forgets)
        return Answered(
            id=self._ids.long("msg_01"),
            role="assistant",
            model=asked.body.model,
            content=says.content,
            stop_reason=says.stop_reason,
            stop_sequence=None,
            usage=usage,
        )

    async def _stream(self, asked: _Asked, says: Says, answered: Answered) -> web.StreamResponse:
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        response = web.StreamResponse(headers=self._headers(asked.http, asked.request_id) | headers)
        await response.prepare(asked.http)
        deltas = 0
        for frame in frames(answered):
            await self._write(response, frame, says)
            deltas += bool(frame.letters)
            if frame.letters and deltas == says.breaks_after:
                await response.write(error_frame("overloaded_error", "Overloaded").data)
                break
            if frame.letters and deltas == says.holds_after:
                await asyncio.sleep(HOLD_S)  # cancelled as soon as the client hangs up
                break
        await response.write_eof()
        return response

    async def _write(self, response: web.StreamResponse, frame: Frame, says: Says) -> None:
        await self._pace.rest(frame.letters / says.letters_per_s)
        await response.write(frame.data)

    def _charge(self, request: web.Request, answered: Answered) -> None:
        usage = answered.usage
        key = _credential(request)
        self._used[key] = self._used[key].plus(usage.total - usage.output_tokens, usage.output_tokens)

    def _error(self, request: web.Request, request_id: str, fails: Fails) -> web.Response:
        envelope = {"type": "error", "error": {"type": fails.kind, "message": fails.message}, "request_id": request_id}
        response = self._json(request, request_id, msgspec.json.encode(envelope))
        response.set_status(fails.status)
        response.headers.update(fails.headers)
        return response

    def _json(self, request: web.Request, request_id: str, body: bytes) -> web.Response:
        headers = self._headers(request, request_id) | {"content-type": "application/json"}
        if len(body) >= _SMALL and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)
        return web.Response(body=body, headers=headers)

    def _headers(self, request: web.Request, request_id: str) -> dict[str, str]:
        authorization = request.headers.get("authorization", "")
        limits = limit_headers(authorization, self._used[_credential(request)], self._clock())
        return {"request-id": request_id, "anthropic-organization-id": ORGANIZATION, **limits}

    def _new_id(self) -> str:
        return self._ids.long("req_011C")


@asynccontextmanager
async def serving(stand_in: StandIn) -> AsyncIterator[str]:
    """Serve on a free loopback port; the base URL."""
    runner = web.AppRunner(stand_in.app(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


_INVALID = Fails(400, "invalid_request_error", "messages: Field required")


def _seen(raw: bytes) -> SeenBody | None:
    try:
        return msgspec.json.decode(raw, type=SeenBody)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _credential(request: web.Request) -> str:
    return request.headers.get("authorization", "") or request.headers.get("x-api-key", "")
