"""``nexus export``: the same bytes as the read API gives, into a file or a pipe."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.errors import SetupError
from ops.commands import export
from ops.commands.export import UnfitExportError
from ops.stores import data_store
from tests.migrated import opened
from tests.projected import Store
from tests.running_front import KEY, running_front


@pytest.fixture(autouse=True)
def home(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> bytes:
    done = CliRunner().invoke(export.app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout_bytes


async def asked(dsn: str, *paths: str) -> list[bytes]:
    """What the read API answers; the store is filled first."""
    async with opened(dsn) as pool:
        await Store.over(pool).append("b_multiturn")
        await Store.over(pool).follow()
        async with running_front(store=data_store(pool)) as front, front.browser() as browser:
            key = {"X-Nexus-Key": KEY}
            listed = json.loads((await browser.ask("/api/conversations", headers=key)).body)["items"]
            member = listed[0]["conversation_id"]
            return [
                member.encode(),
                *[(await browser.ask(path.replace("ID", member), headers=key)).body for path in paths],
            ]


def test_the_command_and_the_api_give_the_same_bytes(migrated_database: str, tmp_path: Path) -> None:
    member, md, html, everything, requests, conversations = asyncio.run(
        asked(
            migrated_database,
            "/api/conversations/ID/export",
            "/api/conversations/ID/export?format=html",
            "/api/conversations/ID/export?format=json&redact=0",
            "/api/requests?format=csv&class=main&limit=500",
            "/api/conversations?format=csv",
        )
    )
    name = member.decode()
    assert run("conversation", name) == md
    assert run("conversation", name, "--format", "html", "--branch", name) == html
    assert run("conversation", name, "--format", "json", "--no-redact") == everything
    assert run("requests", "--where", "class=main", "--where", "limit=500") == requests
    assert run("conversations", "--output", str(tmp_path / "c.csv")) == b""
    assert (tmp_path / "c.csv").read_bytes() == conversations
    assert len(md) > 200
    assert len(requests.splitlines()) > 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("conversation", "01890000-0000-7000-8000-000000000000"), "no conversation with a request"),
        (("conversation", "nonsense"), "no id"),
        (("conversation", "01890000-0000-7000-8000-000000000000", "--format", "pdf"), "give one of md, html, json"),
        (("requests", "--where", "colour=red"), "colour"),
        (("requests", "--where", "model"), "chooses nothing"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(UnfitExportError, match=problem) as raised:
        CliRunner().invoke(export.app, list(words), catch_exceptions=False)
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="choose another place"):
        CliRunner().invoke(export.app, ["requests", "--output", str(tmp_path / "no" / "x.csv")], catch_exceptions=False)
