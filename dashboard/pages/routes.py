"""Which path shows which page? Read this first."""

from collections.abc import Mapping
from types import MappingProxyType

from dashboard.pages.compare import compare_page
from dashboard.pages.conversation import conversation_page
from dashboard.pages.conversations import conversations_page
from dashboard.pages.insights import insights_page
from dashboard.pages.limits import limits_page
from dashboard.pages.overview import overview_page
from dashboard.pages.page import Route
from dashboard.pages.request import request_page
from dashboard.pages.requests import requests_page
from dashboard.pages.saved import with_saved
from dashboard.pages.search import search_page
from dashboard.pages.usage import usage_page
from dashboard.savable import PARAMETERS

HOME = "/overview"
_ROUTES: Mapping[str, Route] = MappingProxyType(
    {
        "/compare": compare_page,
        "/conversations": conversations_page,
        r"/conversations/(?P<member>[^/]+)": conversation_page,
        "/insights": insights_page,
        "/limits": limits_page,
        "/overview": overview_page,
        "/requests": requests_page,
        r"/requests/(?P<member>[^/]+)": request_page,
        "/search": search_page,
        "/usage": usage_page,
    }
)
"""Where a path has a parameter, the page gets its value."""
ROUTES: Mapping[str, Route] = MappingProxyType(
    {path: with_saved(path, route) if path in PARAMETERS else route for path, route in _ROUTES.items()}
)
"""Pages that can be filtered have the reader's saved filters beside them."""
