"""Bad input to the running product: a clear answer or one line, an exit code, never a traceback, nothing lost."""

import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from ops.db.embedded import EmbeddedPostgres
from tests.scripted_api import scripted_api
from tests.stack import environment, request_id_of, run_nexus, stack

TOO_LARGE = 64 * 2**20 + 1
STRANGE = "/v9/strange//path?a=%2e%2e&b"


@contextmanager
def listening() -> Iterator[int]:
    """A port that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with listening() as port:
        return port


async def test_an_upstream_that_is_away_is_answered_for_and_recorded(tmp_path: Path) -> None:
    async with stack(tmp_path, f"http://127.0.0.1:{closed_port()}") as running:
        async with ClientSession() as session, session.post(f"{running.gateway}/v1/messages", json={}) as response:
            answer = await response.read()
            assert response.status == 502
            request_id = request_id_of(dict(response.headers))
        error = json.loads(answer)
        assert (error["type"], error["error"]["type"]) == ("error", "api_error")
        [item] = await running.requests(1)
        assert (item["request_id"], item["status"], item["outcome"]) == (str(request_id), 502, "upstream")
        assert (await running.fetch(f"/api/requests/{request_id}/response"))[1] == answer


async def test_what_nobody_understands_is_forwarded_and_shown(tmp_path: Path) -> None:
    """Malformed JSON and unknown paths go upstream untouched; a body over the limit does not."""
    async with scripted_api({}) as api, stack(tmp_path, api.url) as running:
        broken = b'{"model": "m", "messages": [\xff'
        async with ClientSession() as session:
            async with session.post(f"{running.gateway}/v1/messages", data=broken) as response:
                assert response.status == 400
                unparsable = str(request_id_of(dict(response.headers)))
            async with session.delete(URL(f"{running.gateway}{STRANGE}", encoded=True)) as response:
                strange = str(request_id_of(dict(response.headers)))
            async with session.post(f"{running.gateway}/v1/messages", data=io.BytesIO(bytes(TOO_LARGE))) as response:
                assert response.status == 413
                assert (await response.json())["error"]["type"] == "request_too_large"
        assert [(one.method, one.target, one.body) for one in api.served] == [
            ("POST", "/v1/messages", broken),
            ("DELETE", STRANGE, b""),
        ]
        items = {one["request_id"]: one for one in await running.requests(2)}
        assert set(items) == {unparsable, strange}
        assert (items[unparsable]["parsable"], items[unparsable]["class"]) == (False, "auxiliary")
        assert items[strange]["path"] == STRANGE
        assert (await running.fetch(f"/api/requests/{unparsable}/body"))[1] == broken


async def refused(home: Path, *words: str, **settings: str) -> str:
    """A command that must fail with one line and an exit code; the line."""
    out, err, code = await run_nexus(environment(home, **settings), *words)
    assert code != 0
    assert out == ""
    [line] = err.splitlines()
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize("name", ["NEXUS_GATEWAY_PORT", "NEXUS_DASHBOARD_PORT"])
async def test_a_busy_port(tmp_path: Path, name: str) -> None:
    other = "NEXUS_DASHBOARD_PORT" if name == "NEXUS_GATEWAY_PORT" else "NEXUS_GATEWAY_PORT"
    with listening() as port:
        line = await refused(tmp_path, "up", **{name: str(port), other: "0"})
    assert str(port) in line
    assert name in line


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("http://api.example.com", "NEXUS_ALLOW_UPSTREAM"),
        ("https://169.254.169.254", "NEXUS_ALLOW_UPSTREAM"),
        ("https://vault.internal", "NEXUS_ALLOW_UPSTREAM"),
        ("https://user:hunter2@api.example.com", "NEXUS_UPSTREAM_URL"),
        ("file:///etc/passwd", "NEXUS_UPSTREAM_URL"),
    ],
)
async def test_an_upstream_that_must_be_allowed_first(tmp_path: Path, url: str, mend: str) -> None:
    line = await refused(tmp_path, "gateway", NEXUS_UPSTREAM_URL=url, NEXUS_GATEWAY_PORT="0")
    assert mend in line
    assert "hunter2" not in line


async def test_an_unwritable_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = await refused(tmp_path, "up", NEXUS_HOME=str(tmp_path / "file" / "home"))
    assert "NEXUS_HOME" in line


@pytest.mark.parametrize("url", ["mysql://root@localhost/db", "postgresql://[broken/db", "not a url"])
async def test_a_malformed_database_url(tmp_path: Path, url: str) -> None:
    assert "DATABASE_URL" in await refused(tmp_path, "migrate", DATABASE_URL=url)


async def test_a_database_that_is_not_there(tmp_path: Path, postgres_server: EmbeddedPostgres) -> None:
    line = await refused(tmp_path, "migrate", DATABASE_URL=postgres_server.dsn_of("missing"))
    assert "missing" in line
    ports = {"NEXUS_GATEWAY_PORT": "0", "NEXUS_DASHBOARD_PORT": "0"}
    _, err, code = await run_nexus(environment(tmp_path, DATABASE_URL=postgres_server.dsn_of("missing"), **ports), "up")
    assert code != 0
    assert "missing" in err
    assert "Traceback" not in err


async def test_a_database_of_another_major_version(tmp_path: Path) -> None:
    data = tmp_path / "nexus" / "postgres" / "data"
    data.mkdir(parents=True, mode=0o700)
    for folder in (tmp_path / "nexus", tmp_path / "nexus" / "postgres"):
        folder.chmod(0o700)
    (data / "PG_VERSION").write_text("9\n")
    line = await refused(tmp_path, "migrate")
    assert "9" in line
    assert list(data.iterdir()) == [data / "PG_VERSION"], "nothing in it was touched"
