"""A team behind one gateway: real clients with keys, tenants' credentials upstream, and no secret left anywhere."""

import asyncio
import base64
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import asyncpg
import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, expect

from tests.claude_client import clean_environment, client_command
from tests.e2e.test_pages import logged_in
from tests.fake_authorization_server import CLIENT, REDIRECT, AuthorizationServer, running
from tests.scripted_api import ScriptedApi, Served, agent, scripted_api, text, tool
from tests.stack import NEXUS, Stack, run_nexus, stack
from tests.waiting import until, until_true

API_KEY = "sk-ant-api03-CANARYofTheTenantCANARYofTheTenant"
SPOKEN = "sk-ant-api03-SPOKENbyTheModelSPOKENbyTheModel"
SCRIPTS = {
    "work": [
        [text("I look."), tool("Bash", command="ls", description="List")],
        [text("One agent."), agent("Count files", "@@count Count the files.")],
        [text("Done.")],
    ],
    "count": [[text("There is one file.")]],
    "speak": [[text(f"The key is {SPOKEN}, do not tell.")]],
}


@dataclass(frozen=True)
class Team:
    """Two tenants: one has an API key, the other one a Claude login."""

    running: Stack
    api: ScriptedApi
    alice: str
    """A client key."""
    bob: str
    tokens: AuthorizationServer

    def of(self, tenant: str) -> list[Served]:
        """What upstream heard for it: ``api`` or ``oauth``."""
        name = {"api": "x-api-key", "oauth": "authorization"}[tenant]
        return [one for one in self.api.served if name in lines_of(one) and one.method == "POST"]


def lines_of(served: Served) -> dict[str, str]:
    return {name.lower(): value for name, value in served.headers}


async def told(env: dict[str, str], said: str, *words: str) -> None:
    """Run a command that is told something on its standard input."""
    process = await asyncio.create_subprocess_exec(
        *NEXUS, *words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, err = await process.communicate(said.encode())
    assert process.returncode == 0, err.decode()


async def log_in(env: dict[str, str], tokens: AuthorizationServer, domain: str) -> str:
    """As a person does it; the pasted code."""
    process = await asyncio.create_subprocess_exec(
        *NEXUS, "credentials", "login", domain, "--no-browser", env=env,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    url = ""
    while not url.startswith("http"):
        line = await process.stderr.readline()
        assert line, "the command ended before it gave the address"
        url = line.decode().strip()
    code = tokens.allow(url)
    _, err = await process.communicate(f"{code}\n".encode())
    assert process.returncode == 0, err.decode()
    return code


@asynccontextmanager
async def team(home: Path) -> AsyncIterator[Team]:
    tokens = AuthorizationServer()
    with running(tokens) as authorization:
        settings = {
            "NEXUS_OAUTH_TOKEN_URL": authorization.token_url,
            "NEXUS_OAUTH_CLIENT_ID": CLIENT,
            "NEXUS_OAUTH_REDIRECT_URI": REDIRECT,
        }
        async with scripted_api(SCRIPTS) as api, stack(home, api.url, **settings) as up:
            env = dict(up.environment)
            alice = await up.command("keys", "create", "alice", "--domain", "api.example", "--account", "acme")
            bob = await up.command("keys", "create", "bob", "--domain", "max.example")
            await told(env, f"{API_KEY}\n", "credentials", "add", "api.example", "--api-key-stdin", "--account", "acme")
            await log_in(env, tokens, "max.example")
            one = Team(up, api, alice.strip(), bob.strip(), tokens)
            for key in (one.alice, one.bob):
                await until_true(partial(is_let_in, up, key))
            yield one


async def is_let_in(up: Stack, key: str) -> bool:
    url, headers = f"{up.gateway}/v1/models", {"x-api-key": key}
    async with ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status == 200


async def claude(up: Stack, folder: Path, key: str, prompt: str) -> str:
    """The real client with a Nexus key and nothing else."""
    project = folder / "project"
    project.mkdir(parents=True, exist_ok=True)
    (project / "hello.txt").write_text("hello\n")
    env = clean_environment(up.gateway, folder / "home")
    del env["ANTHROPIC_API_KEY"]
    process = await asyncio.create_subprocess_exec(
        *client_command(prompt, "--allowedTools", "Bash,Agent,Task"), env={**env, "ANTHROPIC_AUTH_TOKEN": key},
        cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode() + out.decode()
    return str(json.loads(out.decode().splitlines()[-1])["result"])


@pytest.mark.claude
async def test_real_clients_work_for_both_kinds_of_credential(claude_code: Path, tmp_path: Path) -> None:
    async with team(tmp_path) as one:
        assert await claude(one.running, tmp_path / "a", one.alice, "@@work please") == "Done."
        assert await claude(one.running, tmp_path / "b", one.bob, "@@work please") == "Done."
        items = [item for item in await one.running.requests(10) if item["method"] == "POST"]
        listed = json.loads(await one.running.command("keys", "list", "--json"))
    for served in [*one.api.served]:
        assert one.alice not in repr(served)
        assert one.bob not in repr(served)
    assert {lines_of(served)["x-api-key"] for served in one.of("api")} == {API_KEY}
    granted = {f"Bearer {token}" for token in one.tokens.access_tokens}
    assert {lines_of(served)["authorization"] for served in one.of("oauth")} <= granted
    assert all("oauth-2025-04-20" in lines_of(served)["anthropic-beta"] for served in one.of("oauth"))
    ids = {entry["name"]: entry["key_id"] for entry in listed}
    whose = {(item["client_domain"], item["account"], item["key"]) for item in items}
    assert whose == {("api.example", "acme", ids["alice"]), ("max.example", "max.example", ids["bob"])}
    edges = [[item["edge"] for item in items if item["key"] == ids[name]] for name in ("alice", "bob")]
    assert edges[0] == edges[1], "the same talk for both"
    assert "spawned" in edges[0]


@pytest.mark.claude
async def test_a_token_that_upstream_refuses_is_renewed_and_the_client_notices_nothing(
    claude_code: Path, tmp_path: Path
) -> None:
    async with team(tmp_path) as one:
        (spent,) = one.tokens.access_tokens
        one.api.refused.add(f"Bearer {spent}")
        assert await claude(one.running, tmp_path / "b", one.bob, "@@work please") == "Done."
        asked = one.of("oauth")
        listed = json.loads(await one.running.command("credentials", "check", "--json"))
    assert [served.status for served in asked].count(401) == 1
    assert one.tokens.refreshes == 1
    assert [each["state"] for each in listed] == ["valid", "valid"]


async def test_a_key_is_revoked_while_the_database_is_frozen(tmp_path: Path) -> None:
    async with team(tmp_path) as one:
        (pid_file,) = (one.running.home / "postgres").rglob("postmaster.pid")
        postmaster = int(pid_file.read_text().splitlines()[0])
        ids = {each["name"]: each["key_id"] for each in json.loads(await one.running.command("keys", "list", "--json"))}
        os.kill(postmaster, signal.SIGSTOP)
        try:
            revoking = asyncio.ensure_future(run_nexus(one.running.environment, "keys", "revoke", ids["bob"]))
            stone = one.running.home / "keys" / "revoked" / ids["bob"]
            await until(stone.exists, "the tombstone, before PostgreSQL is asked")
            began = asyncio.get_running_loop().time()
            await until_true(lambda: is_turned_away(one.running, one.bob))
            assert asyncio.get_running_loop().time() - began < 1
            assert (await post(one.running, one.alice, "hello"))[0] == 200
            _, err, code = await revoking
        finally:
            os.kill(postmaster, signal.SIGCONT)
        assert code == 1
        assert "refused on this host" in err
        await until_true(lambda: is_said_revoked(one.running, "bob"))


async def is_turned_away(up: Stack, key: str) -> bool:
    return (await post(up, key, "hello"))[0] == 401


async def is_said_revoked(up: Stack, name: str) -> bool:
    """By the store."""
    listed = json.loads(await up.command("keys", "list", "--json"))
    return any(each["name"] == name and each["revoked_at"] for each in listed)


async def post(up: Stack, key: str, words: str) -> tuple[int, str]:
    """A streamed prompt; the status, and the request's id."""
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": words}]}
    headers = {"x-api-key": key, "cookie": "CANARYcookieCANARY", "x-leaked": key}
    async with (
        ClientSession() as session,
        session.post(f"{up.gateway}/v1/messages", json=body, headers=headers) as response,
    ):
        await response.read()
        return response.status, response.headers["x-nexus-request-id"]


# ------------------------------------------------------------------------------------------------------------ canaries


TABLES = """
SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname !~ '^(pg_|information)'
"""


def forms(secret: str) -> Iterator[bytes]:
    """As a leak would show it: plain, in hex, in a URL, in base64 at any offset."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()
    for shift in range(3):
        coded = base64.b64encode(b"x" * shift + raw)
        yield coded[(4 if shift else 0) : -4]


def hits(data: bytes, secrets: dict[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if any(form in data for form in forms(secret))]


async def dump(database_url: str) -> bytes:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(TABLES)
        rows = [await connection.fetch(f"SELECT t::text AS row FROM {table['name']} AS t") for table in tables]
    finally:
        await connection.close()
    return "\n".join(row["row"] for table in rows for row in table).encode()


def files_of(home: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(home)), path.read_bytes()


@pytest.mark.browser
async def test_no_secret_is_left_anywhere(browser: Browser, tmp_path: Path) -> None:
    async with team(tmp_path) as one:
        up = one.running
        secrets = {
            "client key": one.alice, "other client key": one.bob, "API key": API_KEY, "cookie": "CANARYcookieCANARY",
            **{f"access token {n}": token for n, token in enumerate(one.tokens.access_tokens)},
            **{f"refresh token {n}": token for n, token in enumerate(one.tokens.refresh_tokens)},
            **{f"code {n}": code for n, code in enumerate(one.tokens.codes)},
        }  # fmt: skip
        spoken = {**secrets, "spoken in pieces": SPOKEN}
        ids = [(await post(up, key, "@@speak of it"))[1] for key in (one.alice, one.bob)]
        for wrong in (one.alice + "x", one.alice[:-1] + ("1" if one.alice.endswith("0") else "0"), "cnx_"):
            assert (await post(up, wrong, "hello"))[0] == 401
        await up.requests(len(ids))
        said = [
            await up.command(*words, code=code)
            for words, code in (
                (("keys", "list", "--json"), 0), (("keys", "show", "alice"), 0), (("credentials", "list"), 0),
                (("credentials", "check", "--json"), 0), (("limits", "list"), 0), (("status", "--json"), 0),
                (("events", "show", ids[0], "--json"), 0),
            )
        ]  # fmt: skip
        assert hits("\n".join(said).encode(), spoken) == []
        async with ClientSession() as session, session.get(f"{up.gateway}/metrics") as response:
            assert hits(await response.read(), spoken) == []
        for path in ("requests", "conversations", f"requests/{ids[0]}", f"requests/{ids[0]}/events"):
            assert hits(json.dumps(await up.api(f"/api/{path}")).encode(), spoken) == []
        await check_pages(browser, up, ids[0], spoken)
        state = json.loads((up.home / "run" / "state.json").read_text())
        dumped = await dump(state["database_url"])
        assert hits(dumped, spoken) == []
        assert ids[0].encode() in dumped, "the dump has the exchange"
        found = {name: hit for name, data in files_of(up.home) if (hit := hits(data, spoken))}
        assert found == {}
    assert hits((tmp_path / "up.log").read_bytes(), spoken) == []


async def check_pages(browser: Browser, up: Stack, request_id: str, secrets: dict[str, str]) -> None:
    async with logged_in(browser, up) as watched:
        page = watched.page
        for address in ("/requests", "/conversations", f"/requests/{UUID(request_id)}"):
            await page.goto(up.dashboard + address)
            await expect(page.locator("main")).to_contain_text("api.example")
            assert hits((await page.content()).encode(), secrets) == []
        await expect(page.locator("main")).to_contain_text("The key is sk-ant-*****")
