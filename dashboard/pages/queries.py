"""What does the query of a list's address ask for? Filters by name, and the page's place; and the links to others.

A cursor leads to older rows only. To find the way back the address keeps the cursors of the pages before, so that a
link to any page can be handed on and the links on it still work.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

from dashboard.cursors import MAX_LIMIT

LENGTHS: Mapping[str, str] = MappingProxyType(
    {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}
)
"""What a list offers to show."""
MAX_TRAIL = 24
MAX_VALUE = 400
_JOINT = "~"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Where in a list the reader is."""

    path: str
    filters: Mapping[str, str] = field(default_factory=dict)
    """Set ones only."""
    sort: str = ""
    """By what it is ordered; empty: the usual way."""
    order: str = ""
    """``asc``: the least first; empty: the most."""
    cursor: str | None = None
    trail: tuple[str, ...] = ()
    """Cursors of the pages between the newest one and this one."""

    @property
    def is_first(self) -> bool:
        return self.cursor is None

    @property
    def url(self) -> str:
        pairs = [*self.filters.items(), *self.set_order.items()]
        if self.cursor is not None:
            pairs.append(("cursor", self.cursor))
        if self.trail:
            pairs.append(("trail", _JOINT.join(self.trail)))
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path

    @property
    def set_order(self) -> Mapping[str, str]:
        """As parameters; set ones only."""
        return {name: value for name, value in (("sort", self.sort), ("order", self.order)) if value}

    def by(self, sort: str) -> "ListQuery":
        """The first page in another order: the most of it first; if that is how it is, the least."""
        is_so = (self.sort, self.order) == (sort, "")
        return replace(self.first, sort=sort, order="asc" if is_so else "")

    def csv(self, path: str) -> str:
        """Where the read API gives the same rows as a file."""
        pairs = {**self.filters, **self.set_order, "format": "csv", "limit": str(MAX_LIMIT)}
        return f"{path}?{urlencode(pairs)}"

    @property
    def first(self) -> "ListQuery":
        """The first rows with the same filters, in the same order."""
        return replace(self, cursor=None, trail=())

    @property
    def bare(self) -> "ListQuery":
        """The newest rows without filters, in the usual order."""
        return ListQuery(self.path)

    @property
    def newer(self) -> "ListQuery":
        """The page before this one; the newest page's is itself."""
        if not self.trail:
            return self.first
        return replace(self, cursor=self.trail[-1], trail=self.trail[:-1])

    def older(self, cursor: str) -> "ListQuery":
        """The page behind this one."""
        trail = (*self.trail, self.cursor) if self.cursor is not None else ()
        return replace(self, cursor=cursor, trail=trail[-MAX_TRAIL:])


def read_query(path: str, search: str, names: Collection[str], usual: str = "") -> ListQuery:
    """``search``: from the question mark on; what is not in ``names`` is passed over, and so is what is too long.
    ``usual``: by what the list is ordered if nobody asks."""
    given = {name: value for name, value in parse_qsl(search.removeprefix("?")) if value.strip()}
    trail, sort, order = (given.get(name, "")[:MAX_VALUE] for name in ("trail", "sort", "order"))
    return ListQuery(
        path=path,
        filters={name: given[name].strip()[:MAX_VALUE] for name in names if name in given},
        sort="" if sort == usual else sort,
        order="" if order == "desc" else order,
        cursor=given.get("cursor"),
        trail=tuple(filter(None, trail.split(_JOINT)))[-MAX_TRAIL:],
    )
