"""Who asks? Somebody with the key, a browser that is logged in, or the holder of the one-time link."""

import hashlib
import hmac
from collections.abc import Callable

from aiohttp.web import Request, StreamResponse

from dashboard.refusals import RefusedError
from dashboard.security import Addresses
from dashboard.sessions import Session, Sessions
from dashboard.throttle import Throttle

_ASK_FOR_KEY = {"WWW-Authenticate": 'Bearer realm="nexus"'}
_BEARER = "bearer "


class SecretWord:
    """A word that opens something; compared in the same time whatever is offered."""

    def __init__(self, word: str) -> None:
        self._digest = _digest(word) if word else None

    def is_this(self, offered: str) -> bool:
        """An empty word opens nothing."""
        return self._digest is not None and hmac.compare_digest(self._digest, _digest(offered))


class OneTimeLink:
    """The word in the login link: it opens once, and not after its time."""

    def __init__(self, word: str, clock: Callable[[], float], lifetime_s: float) -> None:
        self._word: SecretWord | None = SecretWord(word)
        self._clock, self._ends = clock, clock() + lifetime_s

    def use(self, offered: str) -> bool:
        if self._word is None or self._clock() >= self._ends or not self._word.is_this(offered):
            return False
        self._word = None
        return True


class SessionCookie:
    """The cookie that holds a browser's session id.

    Cookies know no port, so the name does: two dashboards on one machine do not log each other out.
    """

    def __init__(self, addresses: Addresses, port: int) -> None:
        self._addresses, self._port = addresses, port

    def name(self, request: Request) -> str:
        return "__Host-nexus" if self._is_https(request) else f"nexus-{self._port}"

    def read(self, request: Request) -> str | None:
        return request.cookies.get(self.name(request))

    def give(self, request: Request, response: StreamResponse, session_id: str) -> None:
        secure = self._is_https(request)
        response.set_cookie(self.name(request), session_id, httponly=True, samesite="Strict", secure=secure, path="/")

    def take_back(self, request: Request, response: StreamResponse) -> None:
        secure = self._is_https(request)
        response.del_cookie(self.name(request), httponly=True, samesite="Strict", secure=secure, path="/")

    def _is_https(self, request: Request) -> bool:
        return self._addresses.is_https(request.headers.get("Host", ""))


class Gatekeeper:
    """Lets in, or says why not."""

    def __init__(self, key: SecretWord, sessions: Sessions, cookie: SessionCookie, throttle: Throttle) -> None:
        self._key, self._throttle = key, throttle
        self._sessions, self._cookie = sessions, cookie

    def session(self, request: Request) -> Session | None:
        """Of a browser that is logged in."""
        return self._sessions.find(self._cookie.read(request))

    async def check_api(self, request: Request) -> None:
        """Raises RefusedError unless the request has the key or a session."""
        offered = _offered_key(request)
        if offered is None:
            if self.session(request) is None:
                raise RefusedError(
                    401, "Give the dashboard's key as X-Nexus-Key or Authorization: Bearer.", _ASK_FOR_KEY
                )
            return
        await self.check_key(request, offered)

    async def check_key(self, request: Request, offered: str) -> None:
        """Raises RefusedError if it is the wrong one, after the wait that deserves."""
        if not self._key.is_this(offered):
            await self.refuse(request, "This is not the dashboard's key; take DASHBOARD_API_KEY or the key file's.")

    async def refuse(self, request: Request, message: str) -> None:
        """Raises RefusedError, after the wait that a wrong word deserves."""
        if not await self._throttle.punish(request.remote or ""):
            raise RefusedError(429, "Too many wrong keys at once; wait a little.", {"Retry-After": "5"})
        raise RefusedError(401, message, _ASK_FOR_KEY)


def _offered_key(request: Request) -> str | None:
    """None: the request offers none."""
    if "X-Nexus-Key" in request.headers:
        return request.headers["X-Nexus-Key"]
    authorization = request.headers.get("Authorization", "")
    return authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else None


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode("utf-8", "surrogateescape")).digest()
