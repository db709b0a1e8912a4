"""Who asks? Somebody with the key, a browser that is logged in, or the holder of the one-time link."""

import hashlib
import hmac
from collections.abc import Callable

from aiohttp.web import Request, StreamResponse

from credentials.person_words import parse
from dashboard.people import OWNER_ID, OWNER_STANDING, OwnerAlone, People, Standing
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
    """Lets in, or says why not; and knows as whom."""

    def __init__(
        self,
        key: SecretWord,
        sessions: Sessions,
        cookie: SessionCookie,
        throttle: Throttle,
        people: People = OwnerAlone(),  # noqa: B008  it has no state
    ) -> None:
        self._key, self._throttle = key, throttle
        self._sessions, self._cookie = sessions, cookie
        self.people = people
        self.refused = 0
        """Wrong keys and links since the start."""

    def session(self, request: Request) -> Session | None:
        """Of a browser that is logged in, by somebody who stands as he did then."""
        session = self._sessions.find(self._cookie.read(request))
        if session is not None and self._is_outdated(session):
            self._sessions.end(session)
            return None
        return session

    def end_outdated(self) -> None:
        """Of everybody who was removed, changed or logged out since."""
        self._sessions.end_where(self._is_outdated)

    async def check_api(self, request: Request) -> Standing:
        """Who asks. Raises RefusedError unless the request has a key or a session."""
        offered = _offered_key(request)
        if offered is not None:
            return await self.check_key(request, offered)
        session = self.session(request)
        if session is None:
            raise RefusedError(401, "Give the dashboard's key as X-Nexus-Key or Authorization: Bearer.", _ASK_FOR_KEY)
        return session.standing

    async def check_key(self, request: Request, offered: str) -> Standing:
        """Whose it is. Raises RefusedError if it is a wrong one, after the wait that deserves."""
        found = self.owner() if self._key.is_this(offered) else self.people.with_key(offered)
        if found is None:
            message = "This is not the dashboard's key, nor anybody's; take DASHBOARD_API_KEY or the key file's."
            raise await self.refusal(request, offered, message)
        return found

    def owner(self) -> Standing:
        return self.people.standing(OWNER_ID) or OWNER_STANDING

    async def refusal(self, request: Request, offered: str, message: str) -> RefusedError:
        """After the wait that a wrong word deserves, of this address, and of whose word it means to be."""
        self.refused += 1
        word = parse(offered)
        known = word is not None and self.people.standing(word.person_id) is not None
        for culprit in [request.remote or "", *([f"person {word.person_id}"] if word and known else [])]:
            if not await self._throttle.punish(culprit):
                return RefusedError(429, "Too many wrong keys at once; wait a little.", {"Retry-After": "5"})
        return RefusedError(401, message, _ASK_FOR_KEY)

    def _is_outdated(self, session: Session) -> bool:
        return self.people.standing(session.standing.person_id) != session.standing


def _offered_key(request: Request) -> str | None:
    """None: the request offers none."""
    if "X-Nexus-Key" in request.headers:
        return request.headers["X-Nexus-Key"]
    authorization = request.headers.get("Authorization", "")
    return authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else None


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode("utf-8", "surrogateescape")).digest()
