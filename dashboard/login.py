"""How does a browser log in and out? With the key, or with the one-time link; only a POST changes anything.

The login form belongs to the browser it was given to: a cookie and a field that fits it. So nobody can log a user in
as somebody else from another site.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp.web import Request, Response, StreamResponse

from dashboard.auth import Gatekeeper, OneTimeLink, SessionCookie
from dashboard.forms import check_word, form_of
from dashboard.noting import Notes
from dashboard.own_pages import OwnPages
from dashboard.people import Standing
from dashboard.refusals import RefusedError
from dashboard.security import Addresses
from dashboard.sessions import Sessions
from domain.audit import Entry
from domain.errors import StoreUnavailableError

HOME = "/"
_FORM_LIFETIME_S = 3600
_HTML = "text/html"
_SAFE_IN_PATH = "/?&=%:+,;@!$'()*~[]"


@dataclass(frozen=True, slots=True)
class Means:
    """What logging in needs."""

    gatekeeper: Gatekeeper
    sessions: Sessions
    cookie: SessionCookie
    link: OneTimeLink
    pages: OwnPages
    addresses: Addresses
    notes: Notes


class Login:
    """The handlers of ``/login`` and ``/logout``."""

    def __init__(self, means: Means, port: int, random_word: Callable[[], str]) -> None:
        self._means = means
        self._random_word = random_word
        self._form_key = random_word().encode()
        self._form_cookie = f"nexus-login-{port}"

    async def show(self, request: Request) -> StreamResponse:
        """GET /login: the form; with ``token`` the one of the link. Uses nothing up."""
        next_path = local_path(request.query.get("next", HOME))
        token = request.query.get("token", "")
        if self._means.gatekeeper.session(request) is not None and not token:
            return see_other(next_path)
        return self._form(request, next_path, token=token)

    async def log_in(self, request: Request) -> StreamResponse:
        """POST /login."""
        form = await form_of(request)
        next_path = local_path(form.get("next", HOME))
        if not hmac.compare_digest(form.get("csrf", "").encode(), self._csrf(request).encode()):
            raise RefusedError(403, "This form is too old or of another browser; load the login page again.")
        try:
            standing = await self._check(request, form)
        except RefusedError as refused:
            return self._form(request, next_path, problem=refused.message, status=refused.status)
        session_id, _ = self._means.sessions.begin(standing)
        if (before := self._means.gatekeeper.session(request)) is not None:
            self._means.sessions.end(before)
        way = "one-time link" if form.get("token") else "key"
        self._means.notes.add(Entry(who=standing.viewer.name, act="logged-in", about=way))
        response = see_other(next_path)
        self._means.cookie.give(request, response, session_id)
        response.del_cookie(self._form_cookie, path="/login")
        return response

    async def _check(self, request: Request, form: dict[str, str]) -> Standing:
        """Who logs in. Raises RefusedError, and StoreUnavailableError: a person's link is used up in the store."""
        gatekeeper, token = self._means.gatekeeper, form.get("token", "")
        if not token:
            return await gatekeeper.check_key(request, form.get("key", ""))
        if self._means.link.use(token):
            return gatekeeper.owner()
        found = await gatekeeper.people.with_link(token)
        if found is None:
            message = "This link was used before, or its time is over. Log in with the key, or ask for another link."
            raise await gatekeeper.refusal(request, token, message)
        return found

    async def ask_to_leave(self, request: Request) -> StreamResponse:
        """GET /logout: the form."""
        session = self._means.gatekeeper.session(request)
        if session is None:
            return see_other("/login")
        text = self._means.pages.logout(csrf=session.csrf, viewer=session.standing.viewer)
        return Response(text=text, content_type=_HTML)

    async def log_out(self, request: Request) -> StreamResponse:
        """POST /logout: everything that this session has open ends; with ``everywhere``, that the person has."""
        session = self._means.gatekeeper.session(request)
        response = see_other("/login")
        if session is not None:
            form = await form_of(request)
            check_word(form, session, "log out from a page of the dashboard")
            self._means.sessions.end(session)
            if form.get("everywhere"):
                response = await self._log_out_everywhere(session.standing) or response
        self._means.cookie.take_back(request, response)
        return response

    async def _log_out_everywhere(self, standing: Standing) -> Response | None:
        """A notice, if it could be done here only."""
        self._means.sessions.end_of(standing.person_id)
        try:
            await self._means.gatekeeper.people.log_out(standing.person_id)
        except StoreUnavailableError:
            text = "What you had open in this dashboard is over. The database does not answer, so others were not told."
            return Response(text=self._means.pages.notice("You are logged out here", text), content_type=_HTML)
        return None

    def _form(
        self, request: Request, next_path: str, *, token: str = "", problem: str = "", status: int = 200
    ) -> Response:
        browser = request.cookies.get(self._form_cookie) or self._random_word()
        text = self._means.pages.login(csrf=self._csrf_of(browser), next_path=next_path, token=token, problem=problem)
        response = Response(text=text, content_type=_HTML, status=status)
        secure = self._means.addresses.is_https(request.headers.get("Host", ""))
        response.set_cookie(
            self._form_cookie,
            browser,
            max_age=_FORM_LIFETIME_S,
            httponly=True,
            samesite="Strict",
            secure=secure,
            path="/login",
        )
        return response

    def _csrf(self, request: Request) -> str:
        """What the form of this browser must hold; without its cookie nothing is right."""
        return self._csrf_of(request.cookies.get(self._form_cookie) or self._random_word())

    def _csrf_of(self, browser: str) -> str:
        return hmac.new(self._form_key, browser.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def see_other(path: str, *, status: int = 303) -> Response:
    """Go there, with GET."""
    return Response(status=status, headers={"Location": quote(path, safe=_SAFE_IN_PATH)})


def local_path(wanted: str) -> str:
    """``wanted``, if it is a path on this server; else the home page."""
    clean = wanted.isprintable() and " " not in wanted and "\\" not in wanted
    if not clean or not wanted.startswith("/") or wanted.startswith("//"):
        return HOME
    return HOME if wanted.partition("?")[0] in {"/login", "/logout"} else wanted
