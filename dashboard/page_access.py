"""Which pages is a viewer shown? By the path alone; who sees numbers only is shown none that is not listed; pure."""

from collections.abc import Mapping
from types import MappingProxyType

from domain.viewers import Ability, Viewer

PAGES: Mapping[str, Ability] = MappingProxyType(
    {
        "/": "numbers",
        "/compare": "text",
        "/conversations": "numbers",
        "/conversations/{member}": "text",
        "/insights": "numbers",
        "/limits": "numbers",
        "/overview": "numbers",
        "/requests": "numbers",
        "/requests/{member}": "text",
        "/search": "text",
        "/usage": "numbers",
    }
)
"""Every page, and what of a viewer it wants. Lists have no text in their rows for who may not see it."""
_FILES = frozenset({"alive", "assets", "components", "favicon.ico", "static"})
"""What pages need besides: the same for everybody."""
_SIDE_DOORS = frozenset({"ws", "metadata", "autoload.js"})
"""What Bokeh has behind the path of each page."""


def needed(path: str) -> Ability:
    """What the page on this path wants of its viewer."""
    steps = path.strip("/").split("/")
    if steps[0] in _FILES:
        return "numbers"
    if len(steps) > 1 and steps[-1] in _SIDE_DOORS:
        steps.pop()
    match steps:
        case [page]:
            return PAGES.get(f"/{page}", "text")
        case [page, "static", *_]:
            return PAGES.get(f"/{page}", "text")
        case [page, _]:
            return PAGES.get(f"/{page}/{{member}}", "text")
    return "text"


def opens_page(path: str) -> bool:
    """Whether whoever asks for it is made a page, which is held from then on."""
    return path.strip("/").split("/")[0] not in _FILES


def check(viewer: Viewer, path: str) -> None:
    """Raises NotAllowedError."""
    viewer.check(needed(path))
