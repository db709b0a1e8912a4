"""Which exchanges show that nothing changes on the way? All that clients do, and all that HTTP lets either side do."""

import asyncio
import gzip

import brotli
import zstandard

from tests.contracts.seen import Case
from tests.fake_upstream import CHUNKED, EVENTS, Received, Script, Wire, fixed, head, streamed
from tests.wire_client import chunked, request_bytes

NO_KEY = b"sk-ant-api03-not-a-key"
CLAUDE = (
    (b"Accept", b"application/json"),
    (b"X-Api-Key", NO_KEY),
    (b"anthropic-beta", b"claude-code-20250219,from-the-future-2031-01-01"),
    (b"User-Agent", b"claude-cli/2.1.330 (external, cli)"),
    (b"x-stainless-retry-count", b"0"),
    (b"Connection", b"keep-alive"),
    (b"Content-Type", b"application/json"),
)
SSE = [
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    b'event: from_the_future\ndata: {"type":"from_the_future","x":"\xe2\x82\xac"}\n\n',
    b": a comment\n\n",
    b'event: content_block_delta\r\ndata: {"half',
    b'":1}\r\n\r\n',
    b'event: error\ndata: {"type":"error"}\n\n',
    b"data: without an end",
]
JSON = (b"Content-Type", b"application/json")
DUPLICATES = ((b"Set-Cookie", b"a=1"), (b"x-Dup", b"1"), (b"set-cookie", b"b=2"), (b"X-DUP", b"2"), (b"x-dup", b"1"))
LIMITS = (
    (b"retry-after", b"7"),
    (b"retry-after-ms", b"7000"),
    (b"x-should-retry", b"false"),
    (b"anthropic-ratelimit-requests-remaining", b"0"),
    (b"anthropic-ratelimit-unified-5h-utilization", b"0.25"),
    (b"anthropic-ratelimit-unified-reset", b"2031-01-01T00:00:00Z"),
    (b"request-id", b"req_1"),
)
ODD = (
    (b"Server", b"cloudflare"),
    (b"DATE", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"x-empty", b""),
    (b"x-raw", b"\xe9\xff\x80"),
    (b"x-tab", b"a\tb"),
    (b"!#$%&'*+-.^_`|~09aZ", b"any token is a name"),
    (b"x-list", b'a, "b, c" , d'),
)
BIG = tuple((b"x-%d" % number, b"v" * 4000) for number in range(10))
PACKED = {b"gzip": gzip.compress, b"br": brotli.compress, b"zstd": zstandard.compress}
PICTURE = bytes(range(256)) * 40
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="p\xc3\xa9.png"\r\nContent-Type: image/png\r\n\r\n'
    + PICTURE
    + b"\r\n--b--\r\n"
)
LINES_OF_JSON = b'{"custom_id":"a","result":{"type":"succeeded"}}\n{"custom_id":"b","result":{"type":"errored"}}\n'
ERRORS = {
    400: (b"Bad Request", b"invalid_request_error"),
    401: (b"Unauthorized", b"authentication_error"),
    403: (b"Forbidden", b"permission_error"),
    404: (b"Not Found", b"not_found_error"),
    408: (b"Request Timeout", b"timeout_error"),
    409: (b"Conflict", b"conflict_error"),
    413: (b"Payload Too Large", b"request_too_large"),
    422: (b"Unprocessable Entity", b"invalid_request_error"),
    429: (b"Too Many Requests", b"rate_limit_error"),
    500: (b"Internal Server Error", b"api_error"),
    502: (b"Bad Gateway", b"api_error"),
    503: (b"Service Unavailable", b"api_error"),
    504: (b"Gateway Timeout", b"timeout_error"),
    529: (b"Site Is Overloaded", b"overloaded_error"),
}


def error(status: int) -> Script:
    """As Anthropic says it."""
    reason, kind = ERRORS[status]
    body = b'{"type":"error","error":{"type":"%b","message":"no"},"request_id":"req_1"}' % kind
    return fixed(body, b"%d %b" % (status, reason), JSON, *LIMITS)


def said(*pieces: bytes, end: bool = False) -> Script:
    """These very bytes, in so many writes; ``end``: then the connection's end."""

    async def script(_: Received, wire: Wire) -> None:
        for piece in pieces:
            await wire.say(piece)
            await asyncio.sleep(0)
        if end:
            wire.close()

    return script


async def _reset(_: Received, wire: Wire) -> None:
    await wire.say(head(b"200 OK", CHUNKED, EVENTS))
    await wire.chunk(SSE[0])
    await asyncio.sleep(0.02)
    wire.reset()


async def _short(_: Received, wire: Wire) -> None:
    await wire.say(head(b"200 OK", (b"content-length", b"100")) + b"not a hundred")
    await asyncio.sleep(0.02)
    wire.close()


def asking(
    method: str, target: bytes = b"/v1/x", *lines: tuple[bytes, bytes], body: bytes = b"", version: bytes = b"1.1"
) -> bytes:
    return request_bytes(method, target, *lines, body=body, version=version)


def claude(method: str, target: bytes, *lines: tuple[bytes, bytes], body: bytes = b"") -> bytes:
    return asking(method, target, *CLAUDE, *lines, body=body)


MESSAGE = claude("POST", b"/v1/messages?beta=true", body=b'{"model":"claude","messages":[],"stream":true}')
UPLOAD = (b"Content-Type", b"multipart/form-data; boundary=b")
OK = fixed(b"{}", b"200 OK", JSON, *LIMITS)

API = {
    "a stream of events, some unknown": Case(streamed(*SSE), MESSAGE),
    "a stream of one byte at a time": Case(streamed(*(bytes([byte]) for byte in b"".join(SSE))), MESSAGE),
    "a message": Case(OK, claude("POST", b"/v1/messages", body=b'{"a":1}')),
    "count tokens": Case(OK, claude("POST", b"/v1/messages/count_tokens?beta=true", body=b"{}")),
    "models": Case(OK, claude("GET", b"/v1/models?limit=1000&after_id=claude%2Fx")),
    "a model": Case(OK, claude("GET", b"/v1/models/claude-opus-4-1")),
    "batches: create": Case(OK, claude("POST", b"/v1/messages/batches", body=b'{"requests":[]}')),
    "batches: get": Case(OK, claude("GET", b"/v1/messages/batches/msgbatch_1")),
    "batches: list": Case(OK, claude("GET", b"/v1/messages/batches?limit=20")),
    "batches: cancel": Case(OK, claude("POST", b"/v1/messages/batches/msgbatch_1/cancel")),
    "batches: results": Case(
        streamed(LINES_OF_JSON[:30], LINES_OF_JSON[30:], lines=((b"content-type", b"application/x-jsonl"),)),
        claude("GET", b"/v1/messages/batches/msgbatch_1/results"),
    ),
    "batches: delete": Case(OK, claude("DELETE", b"/v1/messages/batches/msgbatch_1")),
    "files: upload": Case(OK, asking("POST", b"/v1/files", *CLAUDE[:-1], UPLOAD, body=FORM)),
    "files: upload in chunks": Case(
        OK, asking("POST", b"/v1/files", *CLAUDE[:-1], UPLOAD, CHUNKED, body=chunked([FORM[:9], FORM[9:]]))
    ),
    "files: list": Case(OK, claude("GET", b"/v1/files?beta=true")),
    "files: download": Case(
        streamed(PICTURE[:5000], PICTURE[5000:], lines=((b"content-type", b"image/png"),)),
        claude("GET", b"/v1/files/file_1/content"),
    ),
    "files: delete": Case(OK, claude("DELETE", b"/v1/files/file_1?beta=true")),
    "a probe by HEAD": Case(said(head(b"200 OK", JSON, (b"content-length", b"7"))), claude("HEAD", b"/v1/x"), True),
    "a probe by OPTIONS": Case(fixed(b"", b"204 No Content", (b"allow", b"GET")), claude("OPTIONS", b"/v1/messages")),
    "telemetry": Case(fixed(b""), claude("POST", b"/api/event_logging/batch", body=b"[]")),
    "no path that anybody knows": Case(error(404), claude("PATCH", b"/from/the/future", body=b"?")),
    **{f"error {status}": Case(error(status), MESSAGE) for status in ERRORS},
    **{
        f"a request in {name.decode()}": Case(
            OK, claude("POST", b"/v1/messages", (b"Content-Encoding", name), body=pack(b"x" * 999))
        )
        for name, pack in PACKED.items()
    },
    **{
        f"an answer in {name.decode()}": Case(
            fixed(pack(b"x" * 999), b"200 OK", (b"content-encoding", name), JSON),
            claude("GET", b"/v1/models", (b"Accept-Encoding", name)),
        )
        for name, pack in PACKED.items()
    },
    **{
        f"a stream in {name.decode()}": Case(
            streamed(pack(b"".join(SSE)), lines=(EVENTS, (b"content-encoding", name))), MESSAGE
        )
        for name, pack in PACKED.items()
    },
    "a broken stream": Case(_reset, MESSAGE),
}
"""What Claude Code and the SDKs do."""

HTTP = {
    "an answer without any type": Case(fixed(b"?"), MESSAGE),
    "an empty answer": Case(fixed(b""), MESSAGE),
    "a JSON answer with odd lines": Case(fixed(b"{}", b"200 OK", JSON, *ODD), MESSAGE),
    "duplicate lines in the answer": Case(fixed(b"", b"200 OK", *DUPLICATES), MESSAGE),
    "duplicate lines in the request": Case(OK, asking("POST", b"/v1", *DUPLICATES, body=b"x")),
    "odd lines in the request": Case(OK, asking("GET", b"/v1", *ODD)),
    "large heads": Case(fixed(b"", b"200 OK", *BIG), asking("GET", b"/v1", *BIG)),
    "no reason": Case(fixed(b"", b"200 "), MESSAGE),
    "no reason and no space": Case(said(b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n"), MESSAGE),
    "a reason beyond ASCII": Case(fixed(b"", b"200 Tr\xe8s bien\t\xe2\x82\xac"), MESSAGE),
    "a strange status": Case(fixed(b"", b"299 Miscellaneous Persistent Warning"), MESSAGE),
    "a status beyond all classes": Case(fixed(b"", b"799 ?"), MESSAGE),
    "a long path": Case(OK, asking("GET", b"/" + b"p" * 8000 + b"?q=" + b"v" * 100)),
    "a path that looks like a host": Case(OK, asking("GET", b"//evil.example/v1")),
    "a path with dots": Case(OK, asking("GET", b"/v1/%2e%2e/../a//b/./c?x=%00&y=a+b&z=%C3%A9")),
    "a path with a user": Case(OK, asking("GET", b"/@evil.example:80/;a=b\\c")),
    "a path of signs": Case(OK, asking("GET", b"/!$&'()*+,;=:@-._~%7e|{}^`\"<>[]?a?b/c&&==")),
    "a body that is no JSON": Case(error(400), asking("POST", body=b'{"a": [1, \x00\xff')),
    "a large body": Case(fixed(b"y" * 900_000), asking("POST", body=bytes(range(256)) * 4000)),
    "an empty body": Case(OK, asking("POST", b"/v1", (b"Content-Length", b"0"))),
    "a body of a GET": Case(OK, asking("GET", b"/v1", body=b"x")),
    "a chunked body that is empty": Case(OK, asking("POST", b"/", CHUNKED, body=chunked([]))),
    "a chunked body with trailers": Case(
        OK,
        asking("POST", b"/", (b"Trailer", b"x-sum"), CHUNKED, body=b"1;ext=1\r\na\r\n0\r\nx-sum: 1\r\n\r\n"),
    ),
    "a body that waits to be asked for": Case(OK, asking("POST", b"/v1", (b"Expect", b"100-continue"), body=b"x")),
    "hop-by-hop lines in the request": Case(
        OK,
        asking(
            "POST",
            b"/v1",
            (b"Connection", b"keep-alive, X-Mine"),
            (b"x-mine", b"1"),
            (b"Keep-Alive", b"timeout=5"),
            (b"TE", b"trailers"),
            (b"Proxy-Connection", b"keep-alive"),
            (b"x-yours", b"2"),
            body=b"x",
        ),
    ),
    "a Connection that names what frames the message": Case(
        fixed(b"x", b"200 OK", (b"Connection", b"content-length")),
        asking("POST", b"/v1", (b"Connection", b"host, Content-Length, x-mine"), (b"x-mine", b"1"), body=b"x"),
    ),
    "a wish to upgrade": Case(
        OK,
        asking(
            "GET", b"/v1", (b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"A")
        ),
    ),
    "hop-by-hop lines in the answer": Case(
        fixed(
            b"x",
            b"200 OK",
            (b"Connection", b"keep-alive, x-mine"),
            (b"X-Mine", b"1"),
            (b"Keep-Alive", b"timeout=5"),
            (b"x", b"2"),
        ),
        MESSAGE,
    ),
    "white space around values": Case(
        said(b"HTTP/1.1 200 OK\r\nx-a:1\r\nx-b:\t 2 \t\r\ncontent-length:0\r\n\r\n"),
        b"GET /v1 HTTP/1.1\r\nHost:here\r\nx-a:1\r\nx-b:\t  2  3 \t\r\nx-c:\r\n\r\n",
    ),
    "a request id of another Nexus": Case(fixed(b"", b"200 OK", (b"X-Nexus-Request-Id", b"theirs")), MESSAGE),
    "head of a stream": Case(said(head(b"200 OK", CHUNKED, EVENTS)), asking("HEAD"), True),
    "no content": Case(said(head(b"204 No Content", (b"etag", b'"x"'))), asking("GET")),
    "not modified": Case(said(head(b"304 Not Modified", (b"etag", b'"x"'), (b"content-length", b"99"))), asking("GET")),
    "reset content": Case(fixed(b"", b"205 Reset Content"), asking("POST")),
    "a redirect": Case(fixed(b"", b"307 Temporary Redirect", (b"Location", b"http://elsewhere.example/")), MESSAGE),
    "early hints": Case(
        said(head(b"103 Early Hints", (b"link", b"</a>")) + head(b"200 OK", (b"content-length", b"0"))), MESSAGE
    ),
    "chunks in one write": Case(
        said(head(b"200 OK", CHUNKED) + b"3\r\none\r\n3;x=y\r\ntwo\r\n0\r\n\r\n"), MESSAGE, in_one_write=True
    ),
    "trailers of an answer": Case(
        said(head(b"200 OK", (b"Trailer", b"x-sum"), CHUNKED), b"3\r\none\r\n", b"0\r\nx-sum: 1\r\nx-b: 2\r\n\r\n"),
        MESSAGE,
    ),
    "a head in many pieces": Case(
        said(*(bytes([byte]) for byte in head(b"200 OK", *ODD, (b"content-length", b"0")))), MESSAGE
    ),
    "an HTTP/1.0 client": Case(OK, asking("GET", b"/v1", version=b"1.0")),
    "an HTTP/1.0 client without a host": Case(OK, b"GET /v1 HTTP/1.0\r\nx-a: 1\r\n\r\n"),
    "an HTTP/1.0 client that stays": Case(OK, asking("GET", b"/v1", (b"Connection", b"keep-alive"), version=b"1.0")),
    "an HTTP/1.0 client and a stream": Case(
        said(head(b"200 OK", EVENTS) + SSE[0], SSE[1], end=True), asking("GET", b"/v1", version=b"1.0")
    ),
    "an HTTP/1.0 upstream": Case(said(b"HTTP/1.0 200 OK\r\nx-a: 1\r\n\r\nall there is", end=True), MESSAGE),
    "a client that closes": Case(OK, asking("GET", b"/v1", (b"Connection", b"close"))),
    "an answer that ends with its connection": Case(
        said(head(b"200 OK", (b"Connection", b"close")) + b"all", end=True), MESSAGE
    ),
    "an answer that is too short": Case(_short, MESSAGE),
}
"""What else HTTP lets client and upstream do."""

CASES = {**API, **HTTP}
