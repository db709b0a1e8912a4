"""Does a request come from the front, and for whom? What the Panel worker asks of everything that concerns a session.

A page's session belongs to the login that it was made for: its token says so, and nobody else opens its WebSocket.
So a token that somebody got hold of is of no use to him, however fresh.
"""

import hashlib
import hmac

from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import get_token_payload
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from dashboard import page_access
from dashboard.proxying import CSRF_HEADER
from dashboard.viewing import VIEWER_HEADER, read
from domain.viewers import NotAllowedError, Viewer

LOGIN = "of"
"""What the token calls the login that it is for."""
_PROTOCOLS = "Sec-WebSocket-Protocol"
_TAKES_OVER = frozenset({"bokeh-token", "bokeh-session-id"})
"""Arguments that ask for a session which is there already."""


class FrontsWord(AuthProvider):  # type: ignore[misc]  # Bokeh has no types
    """Lets in what the front has passed on."""

    @property
    def get_user(self) -> object:
        return user_of

    @property
    def login_url(self) -> str:
        return "/login"


def user_of(handler: RequestHandler) -> str | None:
    """Somebody who may have what this handler gives; None: nobody. Files are for everybody whom the front lets in."""
    request = handler.request
    if not hasattr(handler, "application_context"):
        return "anybody"
    viewer = viewer_of(request)
    if viewer is None or not _may_open(viewer, request.path) or _takes_over(request):
        return None
    protocols = request.headers.get(_PROTOCOLS)
    return viewer.name if protocols is None or _is_for(protocols, request) else None


def viewer_of(request: HTTPServerRequest) -> Viewer | None:
    """None: the front has not said."""
    return read(request.headers.get(VIEWER_HEADER, ""))


def login_of(request: HTTPServerRequest) -> str:
    """What tells one login from another and gives nothing away of it."""
    return hashlib.sha256(request.headers.get(CSRF_HEADER, "").encode()).hexdigest()[:32]


def _may_open(viewer: Viewer, path: str) -> bool:
    try:
        page_access.check(viewer, path)
    except NotAllowedError:
        return False
    return True


def _takes_over(request: HTTPServerRequest) -> bool:
    return "Bokeh-Session-Id" in request.headers or not _TAKES_OVER.isdisjoint(request.arguments)


def _is_for(protocols: str, request: HTTPServerRequest) -> bool:
    """Is the token in there of this login? Who made it is checked by its signature."""
    token = protocols.rpartition(",")[2].strip()
    try:
        said = get_token_payload(token).get(LOGIN, "")
    except Exception:  # noqa: BLE001 - whatever it is, it is no token
        return False
    return isinstance(said, str) and hmac.compare_digest(said.encode(), login_of(request).encode())
