"""Which filters can be saved, and which are somebody's own? Of an address what is chosen, not the place in a list."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

from dashboard import page_access
from domain.ports import EventLog
from domain.saved_filters import SavedFilter, SavedFilters, UnfitFilterError, View, saved_in
from domain.viewers import Viewer
from schemas.read_api import Listing
from schemas.saved_api import SavedFilterItem

Kept = Sequence[SavedFilter]
"""By name."""
MAX_VALUE = 400
"""As pages read it (``dashboard/pages/queries.py``)."""
_IN_ORDER = ("sort", "order")
PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "/conversations": (
            "title", "within", "project", "account", "session", "since", "until", *_IN_ORDER,
        ),
        "/requests": (
            "class", "outcome", "within", "model", "project", "account", "status", "session", "conversation", "since",
            "until", *_IN_ORDER,
        ),
        "/search": (
            "q", "kind", "tool", "error", "since", "until", "model", "project", "account", "session", "conversation",
            "class", "order",
        ),
        "/usage": (
            "range", "since", "until", "by", "measure", "model", "project", "user", "account", "class", "agent_type",
            "subtask", "client_domain", "scope", "conversation", "from", "to", "as_model", "ttl", "cache",
        ),
        "/insights": ("range", "group_by", "conversation", "rows"),
    }
)  # fmt: skip
"""What each page knows, but for the place in a list and the browser's own time zone."""


def view_of(path: str, search: str) -> View | None:
    """The view of a page with this query; None: nothing is filtered, or the page is none whose filters are saved."""
    given = {name: value.strip()[:MAX_VALUE] for name, value in parse_qsl(search.removeprefix("?")) if value.strip()}
    chosen = [(name, given[name]) for name in PARAMETERS.get(path, ()) if name in given]
    return View(path, urlencode(chosen)) if chosen else None


def view_to_save(viewer: Viewer, path: str, search: str) -> View:
    """Raises UnfitFilterError, NotAllowedError."""
    if path not in PARAMETERS:
        raise UnfitFilterError(f"Filters of {path[:80]!r} are not saved; those of {', '.join(sorted(PARAMETERS))} are.")
    page_access.check(viewer, path)
    view = view_of(path, search)
    if view is None:
        raise UnfitFilterError("Nothing is filtered here; choose a filter first.")
    return view


def as_known(view: View) -> View | None:
    """The same as its page reads it today; None: of what it asked for nothing is known any more."""
    return view_of(view.path, view.query)


async def kept_by(log: EventLog, viewer: Viewer) -> Kept:
    """The viewer's own, of pages that he is shown; nobody else's. Raises StoreUnavailableError."""
    if viewer.person_id is None:
        return ()
    said = await log.stream(SavedFilters.create_id(viewer.person_id))
    return [one for one in saved_in(each.event for each in said) if viewer.may(page_access.needed(one.view.path))]


def saved_answer(kept: Kept) -> Listing[SavedFilterItem]:
    """Of ``GET /api/filters``."""
    items = [
        SavedFilterItem(name=one.name, page=view.path, query=view.query, url=view.address, saved_at=one.saved_at)
        for one in kept
        if (view := as_known(one.view)) is not None
    ]
    return Listing[SavedFilterItem](items=items, next_cursor=None)
