"""How does the Panel worker serve the pages? Paths to pages, a session for each tab, and its end.

The worker stands behind the front, which has checked who asks. A page is loaded while its session is made, so that
the document it is served with has content. Nothing of the request but its path is kept in Bokeh's session token, and
for which login it is. Who looks is what the front said when the session was made; nothing the browser sends changes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import panel as pn
from bokeh.application.handlers.handler import Handler
from bokeh.document import without_document_lock
from panel.io.application import Application
from panel.io.server import Server, get_static_routes
from panel.viewable import Viewable
from tornado.web import RedirectHandler, RequestHandler

from dashboard.data import DataStore
from dashboard.front_word import LOGIN, FrontsWord, login_of, viewer_of
from dashboard.markup import STATIC, assets_version, document_template
from dashboard.pages.page import Route, Surroundings
from dashboard.pages.reader import Act, read_act
from dashboard.pages.routes import HOME, ROUTES
from dashboard.pages.tab import TICK_S, Tab
from dashboard.proxying import CSRF_HEADER
from dashboard.surface import Surface
from domain.ports import Clock

if TYPE_CHECKING:
    from bokeh.application.application import SessionContext
    from bokeh.document import Document
    from tornado.httputil import HTTPServerRequest

_CSRF = "nexus_csrf"
_VIEWER = "nexus_viewer"
"""Where the form's word and who looks are kept on the request until the document is made."""
UNUSED_SESSION_S = 20.0
"""A session whose tab is gone, or has not come yet, lives so long: under load a tab may take a while to connect."""
KEEP_ALIVE_S = 15.0
TOKEN_S = 300
"""A page that was served but has not connected by then must be loaded anew."""


@dataclass(frozen=True, slots=True)
class PagesConfig:
    """What the worker has to be told."""

    websocket_origins: tuple[str, ...]
    """``host:port`` of every address of the front."""
    connect_lines: tuple[str, ...]
    """What a newcomer types to point Claude Code at the gateway."""
    token_secret: bytes = field(repr=False)
    """Signs Bokeh's session tokens; new at every start."""


def make_server(store: DataStore, clock: Clock, config: PagesConfig, listen: Path | tuple[str, int]) -> Server:
    """The worker's server in the running event loop, not started yet. ``listen``: a socket, or address and port."""
    pn.config.param.update(browser_info=False, notifications=False, session_history=0)
    surroundings = Surroundings(store, clock, config.connect_lines)
    handlers = {path: PageHandler(route, surroundings, assets_version()) for path, route in ROUTES.items()}
    place = {"unix_socket": str(listen)} if isinstance(listen, Path) else {"address": listen[0], "port": listen[1]}
    return Server(
        {path: Application(handler) for path, handler in handlers.items()},
        extra_patterns=[
            (r"/", RedirectHandler, {"url": HOME, "permanent": False}),
            (r"/alive", AliveHandler),
            *get_static_routes({"/assets": str(STATIC)}),
        ],
        allow_websocket_origin=list(config.websocket_origins),
        include_headers=[],
        include_cookies=[],
        auth_provider=FrontsWord(),
        sign_sessions=True,
        secret_key=config.token_secret,
        session_token_expiration=TOKEN_S,
        unused_session_lifetime_milliseconds=int(1000 * UNUSED_SESSION_S),
        check_unused_sessions_milliseconds=int(500 * UNUSED_SESSION_S),
        keep_alive_milliseconds=int(1000 * KEEP_ALIVE_S),
        **place,
    )


class AliveHandler(RequestHandler):
    """Lets a page whose connection is gone see that the worker is back."""

    def get(self) -> None:
        self.set_status(204)


class PageHandler(Handler):  # type: ignore[misc]  # Bokeh has no types
    """Makes the documents of one path."""

    def __init__(self, route: Route, surroundings: Surroundings, version: str) -> None:
        super().__init__()
        self._route, self._surroundings, self._version = route, surroundings, version
        self._opened: dict[str, Tab] = {}
        """Tabs whose document is about to be made, by session."""

    def process_request(self, request: "HTTPServerRequest") -> dict[str, object]:
        """What Bokeh's token holds of the request, in the place of its headers, cookies and arguments: nothing."""
        setattr(request, _CSRF, request.headers.get(CSRF_HEADER, ""))
        setattr(request, _VIEWER, viewer_of(request))
        return {"headers": {}, "cookies": {}, "arguments": {}, LOGIN: login_of(request)}

    async def on_session_created(self, session_context: "SessionContext") -> None:
        request = session_context.request
        store = self._surroundings.store.seen_by(getattr(request, _VIEWER))
        page = self._route(replace(self._surroundings, store=store), request.route_params.get("member", ""))
        tab = Tab(page, store.position)
        self._opened[session_context.id] = tab
        await tab.open(f"?{request.query}" if request.query else "")

    def modify_document(self, doc: "Document") -> None:
        tab = self._opened.pop(doc.session_context.id)
        surface = Surface(partial(_hear, doc, tab))
        tab.attach(surface, doc.add_next_tick_callback)
        roots = {"surface": surface, **tab.page.figures()}
        for name, model in roots.items():
            _add_root(doc, name, model)
        title, regions = tab.served()
        doc.title = title
        doc.config.notify_connection_status = False
        doc.config.reconnect_session = False
        doc.template = document_template()
        doc.template_variables.update(
            page=tab.page.name,
            section=tab.page.section,
            regions=regions,
            version=self._version,
            csrf=getattr(doc.session_context.request, _CSRF),
            viewer=getattr(doc.session_context.request, _VIEWER),
        )
        doc.add_periodic_callback(without_document_lock(tab.tick), int(1000 * TICK_S))


def _add_root(doc: "Document", name: str, model: object) -> None:
    if isinstance(model, Viewable):
        model.server_doc(doc, location=False)
    else:
        doc.add_root(model)
    doc.roots[-1].name = name


def _hear(doc: "Document", tab: Tab, message: object) -> None:
    """Work without the document's lock, so that a slow store does not hold up the connection."""
    act = read_act(message)
    if act is not None:
        doc.add_next_tick_callback(without_document_lock(_doing(tab, act)))


def _doing(tab: Tab, act: Act) -> Callable[[], object]:
    async def do() -> None:
        await tab.hear(act)

    return do
