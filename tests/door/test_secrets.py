"""A key in a request that is turned away is told to nobody: not to its sender, not to the log, not to the disk."""

import base64
from pathlib import Path

from tests.door.corpus import CASES
from tests.fake_upstream import fake_upstream, fixed
from tests.gateway_process import gateway_process
from tests.wire_client import wire_client

SECRET = b"sk-ant-api03-planted-CANARY-0123456789"
FORMS = (SECRET, base64.b64encode(SECRET), SECRET.hex().encode(), SECRET.replace(b"-", b"%2d"), SECRET[10:])


def on_disk(root: Path) -> bytes:
    """Journal and log."""
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def planted() -> list[bytes]:
    """Every refused case with the key in a good line, in a broken one, in the start line, and where it breaks."""
    line = b"\r\nx-api-key: " + SECRET + b"\r\n"
    cases = [case.sent.replace(b"\r\n", line, 1) for case in CASES if case.fate == "refused"]
    return [
        *cases,
        b"GET /" + SECRET + b" HTTP/9.9\r\n\r\n",
        SECRET + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + SECRET + b"/x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + SECRET + b": x\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + SECRET + b"\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + SECRET + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;" + SECRET + b"\x00\r\nhello\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello" + SECRET + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx: " + SECRET * 2000 + b"\r\n\r\n",
        b"GET /?" + SECRET * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key1: " + SECRET + b"\r\n\r\n",
    ]


async def test_it_is_neither_answered_nor_logged_nor_kept(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b"up")) as fake, gateway_process(tmp_path, fake.url) as gateway:
        for sent in planted():
            async with wire_client(gateway.port) as client:
                await client.send(sent)
                heard = await client.reader.read(65536)
            assert heard.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")), sent
            assert not [form for form in FORMS if form in heard]
        assert fake.connections == 0
        assert gateway.recorded() == []
        kept = on_disk(tmp_path)
        assert not [form for form in FORMS if form in kept]
        assert gateway.said() == "", "what a client does wrong is counted, not logged"


async def test_of_what_passes_only_a_fingerprint_is_kept(tmp_path: Path) -> None:
    passed = [case for case in CASES if case.fate == "passed"]
    async with fake_upstream(fixed(b"up")) as fake, gateway_process(tmp_path, fake.url) as gateway:
        for case in passed:
            async with wire_client(gateway.port) as client:
                await client.send(case.sent.replace(b"\r\n", b"\r\nx-api-key: " + SECRET + b"\r\n", 1))
                assert (await client.answer()).status == 200
        assert [one.all(b"x-api-key") for one in fake.requests] == [[SECRET]] * len(passed)
        kept = on_disk(tmp_path)
        assert kept.count(b"x-api-key") >= len(passed)
        assert not [form for form in FORMS if form in kept]
