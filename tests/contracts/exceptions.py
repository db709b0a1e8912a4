"""What is not the same through the gateway as without it? This table, and nothing else; docs/transparency.md shows it.

An exception is a function: given what both ends see of an exchange without Nexus, it says what they see with Nexus.
All of them, one after the other, predict an exchange through the gateway to the byte.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.contracts.seen import AN_ID, Asked, RawLines, Seen, Shown

HOP_BY_HOP = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
}  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """What an exception may depend on besides the exchange."""

    sent: Asked
    """By the client."""
    authority: bytes
    """Of the upstream."""
    signature: RawLines = ()
    """Managed mode: the tenant's credential."""

    @property
    def wants_close(self) -> bool:
        words = [word for name, value in self.sent.lines if name.lower() == b"connection" for word in tokens(value)]
        return b"close" in words or (self.sent.version == b"HTTP/1.0" and b"keep-alive" not in words)


Change = Callable[[Seen, Situation], Seen]


@dataclass(frozen=True)
class Difference:
    """One row of the table."""

    name: str
    what: str
    why: str
    change: Change


def tokens(value: bytes) -> list[bytes]:
    return [word.strip().lower() for word in value.split(b",")]


def first(lines: RawLines, name: bytes) -> bytes | None:
    return next((value.strip() for key, value in lines if key.lower() == name), None)


def end_to_end(lines: RawLines) -> RawLines:
    named = {word for name, value in lines if name.lower() == b"connection" for word in tokens(value)}
    dropped = HOP_BY_HOP | named - {b"content-length", b"host"}
    return tuple(line for line in lines if line[0].lower() not in dropped)


def each_request(change: Callable[[Asked, Situation], Asked]) -> Change:
    def changed(seen: Seen, at: Situation) -> Seen:
        return replace(seen, heard=tuple(change(one, at) for one in seen.heard))

    return changed


def the_answer(change: Callable[[Shown, Situation], Shown]) -> Change:
    return lambda seen, at: replace(seen, shown=change(seen.shown, at))


# ------------------------------------------------------------------------------------------------------- the request


def _host(asked: Asked, at: Situation) -> Asked:
    host = b" " + at.authority
    lines = tuple((name, host if name.lower() == b"host" else value) for name, value in asked.lines)
    return replace(asked, lines=lines if first(lines, b"host") is not None else ((b"Host", host), *lines))


def _known_length(asked: Asked, _: Situation) -> Asked:
    """Before hop-by-hop lines go: one of them says that the body is chunked."""
    if first(asked.lines, b"transfer-encoding") is None:
        return asked
    lines = tuple(line for line in asked.lines if line[0].lower() != b"transfer-encoding")
    return replace(asked, lines=(*lines, (b"Content-Length", b" %d" % len(asked.body))))


def _without_hops(asked: Asked, _: Situation) -> Asked:
    return replace(asked, lines=end_to_end(asked.lines))


def _without_trailers(asked: Asked, _: Situation) -> Asked:
    return replace(asked, trailers=())


def _without_expect(asked: Asked, _: Situation) -> Asked:
    return replace(asked, lines=tuple(line for line in asked.lines if line[0].lower() != b"expect"))


def _continue(seen: Seen, at: Situation) -> Seen:
    """The client hears at once that it may send its body; upstream is not asked."""
    changed = each_request(_without_expect)(seen, at)
    if changed == seen:
        return seen
    return replace(changed, shown=replace(seen.shown, interim=((b"HTTP/1.1 100 Continue", ()),)))


def _credential(asked: Asked, at: Situation) -> Asked:
    """In managed mode only, and before everything else: what passes is the tenant's request."""
    theirs = {b"authorization", b"x-api-key", b"cookie", b"proxy-authorization", b"x-nexus-key", b"anthropic-api-key"}
    lines = tuple(line for line in asked.lines if line[0].lower() not in theirs)
    return replace(asked, lines=(*lines, *at.signature)) if at.signature else asked


# -------------------------------------------------------------------------------------------------------- the answer


def _has_no_body(shown: Shown, at: Situation) -> bool:
    return at.sent.method == b"HEAD" or shown.status_line.split()[1] in {b"204", b"304"}


def _framing(shown: Shown, at: Situation) -> Shown:
    """Before hop-by-hop lines go: one of them says that the body is chunked."""
    is_chunked = first(shown.lines, b"transfer-encoding") is not None
    if _has_no_body(shown, at) or not (is_chunked or first(shown.lines, b"content-length") is None):
        return shown
    mine = ((b"\0framing", b" chunked"),) if at.sent.version == b"HTTP/1.1" else ((b"\0close", b" close"),)
    lines = tuple(line for line in shown.lines if line[0].lower() not in {b"transfer-encoding", b"content-length"})
    return replace(shown, lines=(*lines, *mine))


def _answer_hops(shown: Shown, at: Situation) -> Shown:
    theirs = end_to_end(shown.lines)
    must_close = at.wants_close or any(name == b"\0close" for name, _ in theirs)
    lines = [(b"Transfer-Encoding", value) if name == b"\0framing" else (name, value) for name, value in theirs]
    lines = [line for line in lines if line[0] != b"\0close"]
    if must_close:
        lines.append((b"Connection", b" close"))
    elif at.sent.version == b"HTTP/1.0":
        lines.append((b"Connection", b" keep-alive"))
    return replace(shown, lines=tuple(lines))


def _request_id(shown: Shown, _: Situation) -> Shown:
    lines = tuple(line for line in shown.lines if line[0].lower() != b"x-nexus-request-id")
    return replace(shown, lines=(*lines, (b"x-nexus-request-id", AN_ID)))


def _one_chunk(shown: Shown, _: Situation) -> Shown:
    return replace(shown, chunks=(shown.body,) if shown.chunks else ())


def _no_trailers(shown: Shown, _: Situation) -> Shown:
    return replace(shown, trailers=())


def _no_interim(shown: Shown, _: Situation) -> Shown:
    return replace(shown, interim=())


def _cut(shown: Shown, at: Situation) -> Shown:
    """A framed body ends before its end; only one without a frame can be broken by nothing but a reset."""
    return replace(shown, end="closed" if shown.end == "reset" and at.sent.version == b"HTTP/1.1" else shown.end)


# ---------------------------------------------------------------------------------------------------------- both ways


def _spaced(lines: RawLines) -> RawLines:
    return tuple((name, b" " + value.strip(b" \t")) for name, value in lines)


def _white_space(seen: Seen, _: Situation) -> Seen:
    heard = tuple(replace(one, lines=_spaced(one.lines)) for one in seen.heard)
    return Seen(heard, replace(seen.shown, lines=_spaced(seen.shown.lines)))


def _version(seen: Seen, _: Situation) -> Seen:
    heard = tuple(replace(one, version=b"HTTP/1.1") for one in seen.heard)
    status, reason = (*seen.shown.status_line.split(b" ", 2)[1:], b"")[:2]
    return Seen(heard, replace(seen.shown, status_line=b" ".join((b"HTTP/1.1", status, reason))))


MANAGED = Difference(
    "Credential",
    "The client's `Authorization`, `x-api-key`, `Cookie` and the like end here; the tenant's credential stands behind"
    " the other lines, and `anthropic-beta` gets what an OAuth credential needs.",
    "The client has a key of Nexus, the upstream knows the tenant.",
    each_request(_credential),
)
"""Of managed mode alone."""
DIFFERENCES = (
    Difference(
        "Host",
        "Upstream hears its own name in the place of the one that the client called; first, if there was none.",
        "The client calls Nexus by Nexus' name; upstream serves only its own.",
        each_request(_host),
    ),
    Difference(
        "Request of unknown length",
        "A chunked request body goes on with a `Content-Length`, behind the other lines.",
        "The body is recorded before upstream is asked, so its length is known then.",
        each_request(_known_length),
    ),
    Difference(
        "Hop-by-hop lines of a request",
        "`Connection`, the lines that it names (but never `Host` and `Content-Length`), `Keep-Alive`,"
        " `Proxy-Authenticate`, `Proxy-Authorization`, `Proxy-Connection`, `TE`, `Trailer`, `Transfer-Encoding` and"
        " `Upgrade` end here.",
        "They speak of one connection, and the client's is not the upstream's (RFC 9110 §7.6.1).",
        each_request(_without_hops),
    ),
    Difference(
        "Trailers of a request",
        "Lines behind a chunked body end here.",
        "With a `Content-Length` there is no place for them (RFC 9110 §6.5.1 lets a recipient discard them).",
        each_request(_without_trailers),
    ),
    Difference(
        "Interim answers",
        "`102 Processing`, `103 Early Hints` and the like end here.",
        "They are no answer and are not recorded; what is not recorded does not pass.",
        the_answer(_no_interim),
    ),
    Difference(
        "Expect",
        "`Expect: 100-continue` is answered with `100 Continue` at once and does not go on.",
        "The whole body is read before upstream is asked; there is nothing left to wait for.",
        _continue,
    ),
    Difference(
        "White space",
        "One space stands before a header's value and none behind it, whatever the sender wrote there.",
        "It is no part of the value (RFC 9110 §5.5).",
        _white_space,
    ),
    Difference(
        "Version",
        "A request of HTTP/1.0 goes on as HTTP/1.1, and so does an answer; a status line without the space before"
        " its missing reason gets it.",
        "Each side is spoken to in the version of Nexus' own connections (RFC 9110 §2.5).",
        _version,
    ),
    Difference(
        "Answer of unknown length",
        "A body that was chunked, or that ended with its connection, comes chunked to a client of HTTP/1.1, and ends"
        " with the connection for one of HTTP/1.0. The line that says so stands behind the others.",
        "Framing belongs to a connection; each client can read the one it gets.",
        the_answer(_framing),
    ),
    Difference(
        "Hop-by-hop lines of an answer",
        "The same lines as in a request end here. A `Connection` of ours says whether the client's connection stays,"
        " where that is not plain.",
        "They speak of one connection (RFC 9110 §7.6.1).",
        the_answer(_answer_hops),
    ),
    Difference(
        "Request id",
        "`x-nexus-request-id` is added behind the other lines; one of another Nexus further up is left out.",
        "It names the exchange in what Nexus recorded.",
        the_answer(_request_id),
    ),
    Difference(
        "Chunk borders",
        "Chunks that come together may leave as one, and extensions of chunks end here. No chunk waits for another.",
        "Borders mean nothing in HTTP (RFC 9112 §7.1); what is there goes on at once.",
        the_answer(_one_chunk),
    ),
    Difference(
        "Trailers of an answer",
        "Lines behind a chunked body end here.",
        "The HTTP parser under Nexus does not hand them out; neither Anthropic nor its clients use any.",
        the_answer(_no_trailers),
    ),
    Difference(
        "Way of breaking",
        "An answer that upstream breaks off by a reset is broken off for the client by closing its connection before"
        " the body's end. It never looks complete.",
        "A close lets the client read all that came before the break; a reset may take it away.",
        the_answer(_cut),
    ),
)
"""Of both modes, in the order in which they come about."""


@dataclass(frozen=True)
class Own:
    """What Nexus answers itself, where without it upstream would be heard, or nobody."""

    name: str
    what: str
    status: str
    why: str


OWN_ANSWERS = (
    Own(
        "Pages of Nexus",
        "`GET` and `HEAD` of `/`, `/api/hello`, `/health/live`, `/health/ready` and `/metrics`",
        "200",
        "They ask for Nexus.",
    ),
    Own(
        "Methods",
        "`CONNECT`, `TRACE`, and methods that no specification of HTTP has",
        "400",
        "The first two are for a gateway, not for what is behind it; the others its parser does not read.",
    ),
    Own("Targets", "a target that is no path", "400", "Nexus is a base URL, not a forward proxy."),
    Own(
        "Ambiguity",
        "a head that HTTP forbids: two lengths, a length beside chunks, a transfer coding other than chunked, no `Host`"
        " in HTTP/1.1, two lines of a header that stands once (`Host`, `Content-Type`, `User-Agent` and others;"
        " trailers count)",
        "400",
        "What means one thing here and another upstream can smuggle a second request.",
    ),
    Own(
        "Keys",
        "in managed mode a request without a good Nexus key; in pass-through one that shows such a key",
        "401",
        "Nobody else's credential is ever used, and a Nexus key does not leave Nexus.",
    ),
    Own("Scopes", "in managed mode a route that the key's scopes do not name", "403", "A key may do what it is for."),
    Own("Limits", "a limit of the key or its account", "429", "One client must not use up what is for all."),
    Own(
        "Credentials",
        "in managed mode there is no credential to sign with, for good or for now",
        "403, 503",
        "Clients try again after the second, not after the first.",
    ),
    Own("Heads", "a line beyond 64 KiB, more than 256 lines, or more than 512 KiB in all", "431", "Memory is bounded."),
    Own("Bodies", "a body beyond 64 MiB", "413", "It is kept in memory until it is sent."),
    Own(
        "Slow requests",
        "a head that is not whole within 10 s, a body that does not come",
        "408",
        "A silent client must not hold a place for ever.",
    ),
    Own(
        "Strange pages",
        "a browser says that a page of another site asks (`Sec-Fetch-Site: cross-site`)",
        "403",
        "Claude Code is no browser, and a page must not use what listens on the reader's machine.",
    ),
    Own(
        "No answer",
        "upstream is not reached, closes before a head, or says what is no HTTP answer",
        "502",
        "Without Nexus the client would see its connection fail.",
    ),
    Own("Other protocols", "an answer `101 Switching Protocols`", "502", "Nexus passes HTTP and nothing else."),
    Own("Silence", "upstream says nothing for ten minutes", "504", "A dead upstream must not hold a place for ever."),
)


def predicted(direct: Seen, at: Situation) -> tuple[Seen, set[str]]:
    """What is seen through the gateway, and by which exceptions it differs."""
    met, seen = set[str](), direct
    for difference in (MANAGED, *DIFFERENCES):
        changed = difference.change(seen, at)
        if changed != seen:
            met.add(difference.name)
        seen = changed
    return seen, met
