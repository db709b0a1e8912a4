"""Which requests may a client key make? One table: scope, methods, paths; pure.

Paths are compared as they stand on the request line, undecoded: what a scope lets through, upstream reads the same
way. A path that two programs might read in two ways is let through by no scope at all.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

ALL = "all"
DEFAULT_SCOPES = frozenset({"messages", "count_tokens", "models"})
"""What Claude Code needs."""

_ID = rb"[A-Za-z0-9_~@:-][A-Za-z0-9._~@:-]*"
_AMBIGUOUS = re.compile(
    rb"//|\\|\.\.|;|#|[^\x21-\x7e]"
    rb"|/\.(?:/|$)"  # a segment that means "here"
    rb"|%(?![0-9A-Fa-f]{2})"  # no encoding at all
    rb"|%(?:2[ef5]|5c|3b|23|[01][0-9a-f]|7f)",  # an encoded dot, slash, percent, backslash, semicolon, hash, control
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Route:
    """Some methods on some paths."""

    methods: frozenset[str]
    path: re.Pattern[bytes]


def _route(methods: str, path: bytes) -> Route:
    """``HEAD`` and ``OPTIONS`` ask about what ``GET`` and ``POST`` do, and do nothing."""
    named = frozenset(methods.split())
    return Route(named | ({"HEAD", "OPTIONS"} if named & {"GET", "POST"} else set()), re.compile(path))


ROUTES: Mapping[str, tuple[Route, ...]] = MappingProxyType(
    {
        "messages": (_route("POST", rb"/v1/messages"),),
        "count_tokens": (_route("POST", rb"/v1/messages/count_tokens"),),
        "models": (_route("GET", rb"/v1/models(/%b)?" % _ID),),
        "batches": (
            _route("GET POST", rb"/v1/messages/batches"),
            _route("GET DELETE", rb"/v1/messages/batches/%b" % _ID),
            _route("POST", rb"/v1/messages/batches/%b/cancel" % _ID),
            _route("GET", rb"/v1/messages/batches/%b/results" % _ID),
        ),
        "files": (
            _route("GET POST", rb"/v1/files"),
            _route("GET DELETE", rb"/v1/files/%b" % _ID),
            _route("GET", rb"/v1/files/%b/content" % _ID),
        ),
    }
)
SCOPES = frozenset({*ROUTES, ALL})
"""Every scope there is."""


def allows(scopes: Collection[str], method: str, raw_target: bytes) -> bool:
    """Whether a key of these scopes may make this request. ``raw_target``: as on the request line."""
    path, _, _ = raw_target.partition(b"?")
    if not path.startswith(b"/") or _AMBIGUOUS.search(path):
        return False
    if ALL in scopes:
        return True
    routes = (route for scope in scopes for route in ROUTES.get(scope, ()))
    return any(method in route.methods and route.path.fullmatch(path) for route in routes)
