"""Which routes does the front have, and who may ask for each? The table of contents."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from aiohttp.web import Application, Request, Response, StreamResponse

from dashboard import page_access
from dashboard.answers import plain_json_answer
from dashboard.api import VIEWER, ReadApi
from dashboard.auth import Gatekeeper
from dashboard.filter_forms import READER, FilterForms
from dashboard.forms import check_word, form_of
from dashboard.login import Login, see_other
from dashboard.policy_reports import PolicyReports
from dashboard.proxying import PanelProxy
from dashboard.refusals import RefusedError
from dashboard.room import Room
from dashboard.security import REPORTS_TO
from dashboard.server import Guard, Handle
from dashboard.sockets import SocketProxy
from dashboard.static_files import OwnFiles, WorkerFiles
from domain.viewers import Ability

_MAX_BODY_BYTES = 16 * 1024
"""Nobody sends us more than the login form."""


class Access(Enum):
    """Who may ask."""

    OPEN = "open"
    """Anybody who reaches us; there is nothing to see."""
    API = "api"
    """Who has the key, or a session."""
    PAGE = "page"
    """A browser with a session; any other is shown the login."""
    FORM = "form"
    """A page of ours in a browser with a session: what it sends holds the session's word. No key will do."""


@dataclass(frozen=True, slots=True)
class Route:
    """One entry."""

    method: str
    path: str
    access: Access
    handle: Handle
    needs: Ability = "numbers"
    """What whoever asks must be allowed; of a page, its own path says so (``dashboard/page_access.py``)."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who answers."""

    api: ReadApi
    login: Login
    gatekeeper: Gatekeeper
    proxy: PanelProxy
    sockets: SocketProxy
    own_files: OwnFiles
    worker_files: WorkerFiles
    reports: PolicyReports
    room: Room
    filters: FilterForms

    async def page(self, request: Request) -> StreamResponse:
        """Whatever is not ours is a page of the Panel worker's, or its WebSocket."""
        session = self.gatekeeper.session(request)
        assert session is not None  # it was let in just now
        page_access.check(session.standing.viewer, request.path)
        if is_websocket(request):
            return await self.sockets.serve(request, session)
        if page_access.opens_page(request.path) and not self.room.is_there:
            return self.proxy.full()
        return await self.proxy.page(request, session)


def routes(of: Handlers) -> tuple[Route, ...]:
    """The first that fits is taken."""
    return (
        Route("GET", "/health", Access.OPEN, alive),
        Route("GET", "/login", Access.OPEN, of.login.show),
        Route("POST", "/login", Access.OPEN, of.login.log_in),
        Route("GET", "/logout", Access.OPEN, of.login.ask_to_leave),
        Route("POST", "/logout", Access.OPEN, of.login.log_out),
        Route("POST", REPORTS_TO, Access.OPEN, of.reports.take),
        Route("POST", "/filters", Access.FORM, of.filters.save),
        Route("POST", "/filters/remove", Access.FORM, of.filters.remove),
        Route("GET", "/assets/{name:.+}", Access.OPEN, of.own_files.serve),
        Route("GET", "/api/health", Access.API, of.api.health),
        Route("GET", "/api/requests", Access.API, of.api.requests),
        Route("GET", "/api/requests/{id}", Access.API, of.api.request),
        Route("GET", "/api/requests/{id}/body", Access.API, of.room.before(of.api.body), "raw"),
        Route("GET", "/api/requests/{id}/response", Access.API, of.room.before(of.api.response), "raw"),
        Route("GET", "/api/requests/{id}/events", Access.API, of.room.before(of.api.events), "text"),
        Route("GET", "/api/requests/{id}/usage", Access.API, of.api.request_usage),
        Route("GET", "/api/conversations", Access.API, of.api.conversations),
        Route("GET", "/api/conversations/{id}", Access.API, of.api.conversation),
        Route("GET", "/api/conversations/{id}/tree", Access.API, of.room.before(of.api.tree), "text"),
        Route("GET", "/api/conversations/{id}/export", Access.API, of.room.before(of.api.export), "text"),
        Route("GET", "/api/compare", Access.API, of.room.before(of.api.compare), "text"),
        Route("GET", "/api/search", Access.API, of.api.search, "text"),
        Route("GET", "/api/filters", Access.API, of.api.filters),
        Route("GET", "/api/usage", Access.API, of.api.usage),
        Route("GET", "/api/windows", Access.API, of.api.windows),
        Route("GET", "/api/insights/streams", Access.API, of.api.streams),
        Route("GET", "/api/insights/cache", Access.API, of.api.cache_insights),
        Route("GET", "/api/statusline", Access.API, of.api.statusline),
        Route("*", "/api", Access.API, of.api.unknown_route),
        Route("*", "/api/{rest:.*}", Access.API, of.api.unknown_route),
        Route("GET", "/static/{rest:.+}", Access.PAGE, of.worker_files.serve),
        Route("GET", "/{rest:.*}", Access.PAGE, of.page),
    )


def application(of: Handlers, guard: Guard) -> Application:
    """All routes, each behind its access rule, and the guard before them."""
    app = Application(middlewares=[guard.middleware()], client_max_size=_MAX_BODY_BYTES)
    app.on_response_prepare.append(guard.secure_answer)
    for route in routes(of):
        app.router.add_route(route.method, route.path, behind(of.gatekeeper, route))
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, behind(of.gatekeeper, route))
    return app


def behind(gatekeeper: Gatekeeper, route: Route) -> Handle:
    """The route's handler, for those who may ask."""

    async def for_api(request: Request) -> StreamResponse:
        viewer = (await gatekeeper.check_api(request)).viewer
        viewer.check(route.needs)
        request[VIEWER] = viewer
        return await route.handle(request)

    async def for_page(request: Request) -> StreamResponse:
        if gatekeeper.session(request) is not None:
            return await route.handle(request)
        if is_websocket(request):
            raise RefusedError(401, "Log in first.")
        return to_login(request)

    async def for_form(request: Request) -> StreamResponse:
        session = gatekeeper.session(request)
        if session is None:
            raise RefusedError(401, "You are not logged in any more; load the page again.")
        check_word(await form_of(request), session, "load the page again")
        session.standing.viewer.check(route.needs)
        request[READER] = session.standing.viewer
        return await route.handle(request)

    ways = {Access.OPEN: route.handle, Access.API: for_api, Access.PAGE: for_page, Access.FORM: for_form}
    return ways[route.access]


async def alive(request: Request) -> Response:
    """Somebody answers here; nothing more is said to strangers."""
    return await plain_json_answer(request, {"status": "ok"})


def is_websocket(request: Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def to_login(request: Request) -> Response:
    """And back to where the browser wanted to go."""
    wanted = request.raw_path
    path = "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"
    return see_other(path, status=302)
