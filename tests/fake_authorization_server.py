"""An authorization server, written from RFC 6749, 7636 (PKCE) and 6819 (rotation with reuse detection), with faults.

It knows no code of ours. What it decides is in ``AuthorizationServer``; ``running`` puts it on a port, in a thread of
its own, so that processes of every kind can ask it. It has a model list too, which takes the tokens that it gave.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

Fault = Literal["500", "429", "400", "401", "hang", "slow", "malformed", "html", "labelled_text", "lost", "array"]
REDIRECT = "https://auth.example/callback"
CLIENT = "a-client"


@dataclass
class Grant:
    """What one login allows."""

    revoked: bool = False
    newest: str = ""
    """The refresh token that is good now."""
    before: str = ""
    """The one before it."""
    grace_left: int = 0


@dataclass
class Code:
    """A code that was shown to a person."""

    grant: Grant
    challenge: str
    redirect_uri: str
    state: str
    used: bool = False


@dataclass
class AuthorizationServer:
    """Its state, and what it answers."""

    rotates: bool = True
    grace: int = 0
    """How often a spent refresh token is forgiven."""
    lifetime_s: Any = 3600
    skew_s: float = 0.0
    """Added to what it says about lifetimes."""
    faults: deque[Fault] = field(default_factory=deque)
    """Of the next requests, first come first served."""
    revokes_on_reuse: bool = True
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    access_tokens: dict[str, Grant] = field(default_factory=dict)
    api_keys: set[str] = field(default_factory=set)
    refreshes: int = 0
    reuses: int = 0
    """Spent refresh tokens that were shown again."""
    in_flight: int = 0
    most_in_flight: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def grant(self) -> tuple[str, str]:
        """Access and refresh token of a new login, without the ceremony."""
        return self._issue(Grant())

    def allow(self, url: str) -> str:
        """A person allows what the URL asks for: the code, as the page shows it. RFC 6749 §4.1.1, RFC 7636 §4.3."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["redirect_uri"] == REDIRECT
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert asked["state"]
        assert asked["scope"]
        code = f"code-{secrets.token_hex(8)}"
        self.codes[code] = Code(Grant(), asked["code_challenge"], asked["redirect_uri"], asked["state"])
        return f"{code}#{asked['state']}"

    def token(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        self.bodies.append(body)
        if body.get("client_id") != CLIENT:
            return 401, {"error": "invalid_client"}
        match body.get("grant_type"):
            case "authorization_code":
                return self._redeem(body)
            case "refresh_token":
                return self._refresh(body)
        return 400, {"error": "unsupported_grant_type"}

    def takes(self, authorization: str, api_key: str) -> bool:
        """Whether a request that is signed like this may pass."""
        grant = self.access_tokens.get(authorization.removeprefix("Bearer "))
        return (grant is not None and not grant.revoked) or api_key in self.api_keys

    def _redeem(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        code = self.codes.get(str(body.get("code")))
        if code is None:
            return 400, {"error": "invalid_grant"}
        if code.used:  # RFC 6749 §4.1.2: all that was issued for it is revoked
            code.grant.revoked = True
            return 400, {"error": "invalid_grant"}
        code.used = True
        digest = hashlib.sha256(str(body.get("code_verifier")).encode()).digest()
        fits = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == code.challenge
        if not fits or body.get("redirect_uri") != code.redirect_uri or body.get("state") != code.state:
            return 400, {"error": "invalid_grant"}
        return 200, self._said(*self._issue(code.grant))

    def _refresh(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.refreshes += 1
        token = str(body.get("refresh_token"))
        grant = self.refresh_tokens.get(token)
        if grant is None or grant.revoked:
            return 400, {"error": "invalid_grant"}
        if token != grant.newest:
            self.reuses += 1
            if token != grant.before or grant.grace_left <= 0:
                grant.revoked = self.revokes_on_reuse
                return 400, {"error": "invalid_grant"}
            grant.grace_left -= 1
        return 200, self._said(*self._issue(grant))

    def _issue(self, grant: Grant) -> tuple[str, str]:
        access = f"access-{secrets.token_hex(8)}"
        self.access_tokens[access] = grant
        if self.rotates or not grant.newest:
            grant.before, grant.newest, grant.grace_left = grant.newest, f"refresh-{secrets.token_hex(8)}", self.grace
            self.refresh_tokens[grant.newest] = grant
        return access, grant.newest

    def _said(self, access: str, refresh: str) -> dict[str, Any]:
        lifetime = self.lifetime_s
        if isinstance(lifetime, int | float) and not isinstance(lifetime, bool):
            lifetime += self.skew_s
        return {
            "token_type": "Bearer", "access_token": access, "refresh_token": refresh, "expires_in": lifetime,
            "scope": "user:inference",
        }  # fmt: skip


@dataclass(frozen=True)
class Running:
    """The server on a port."""

    server: AuthorizationServer
    origin: str

    @property
    def token_url(self) -> str:
        return f"{self.origin}/token"


@contextmanager
def running(server: AuthorizationServer) -> Iterator[Running]:
    """In a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    started: list[int] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/token", partial(_token, server))
        app.router.add_get("/v1/models", partial(_models, server))
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        started.append(runner.addresses[0][1])
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Running(server, f"http://127.0.0.1:{started[0]}")
    finally:
        server.may_answer.set()
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


async def _token(server: AuthorizationServer, request: web.Request) -> web.StreamResponse:
    server.in_flight += 1
    server.most_in_flight = max(server.most_in_flight, server.in_flight)
    try:
        return await _answered(server, await request.read())
    finally:
        server.in_flight -= 1


REFUSALS: Mapping[Fault, tuple[int, bytes, str]] = {
    "500": (500, b'{"error": "server_error"}', "application/json"),
    "429": (429, b'{"error": "slow_down"}', "application/json"),
    "400": (400, b'{"type": "error", "error": {"type": "invalid_request_error"}}', "application/json"),
    "401": (401, b'{"error": "invalid_client"}', "application/json"),
    "malformed": (200, b'{"access_token": "', "application/json"),
    "html": (200, b"<html>Busy</html>", "text/html"),
    "array": (200, b"[1]", "application/json"),
}
"""Said in place of what was decided."""


async def _answered(server: AuthorizationServer, body: bytes) -> web.StreamResponse:
    fault = server.faults.popleft() if server.faults else None
    if fault is not None and fault in REFUSALS:
        status, text, kind = REFUSALS[fault]
        return web.Response(
            status=status, body=text, content_type=kind, headers={"retry-after": "7"} if fault == "429" else None
        )
    if fault in {"hang", "slow"}:
        await asyncio.to_thread(_wait, server, 60.0 if fault == "hang" else 10.0)
    status, said = server.token(json.loads(body))
    if fault == "lost":  # it was done, and nobody hears of it
        return web.json_response({"error": "server_error"}, status=502)
    return web.Response(
        status=status,
        body=json.dumps(said).encode(),
        content_type="text/plain" if fault == "labelled_text" else "application/json",
    )


def _wait(server: AuthorizationServer, deadline_s: float) -> None:
    """Until the test lets it answer."""
    end = time.monotonic() + deadline_s
    while not server.may_answer.wait(0.02) and time.monotonic() < end:
        pass


async def _models(server: AuthorizationServer, request: web.Request) -> web.StreamResponse:
    headers = request.headers
    if server.takes(headers.get("authorization", ""), headers.get("x-api-key", "")):
        return web.json_response({"data": []})
    return web.json_response({"type": "error"}, status=401)
