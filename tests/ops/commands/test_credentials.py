"""``nexus credentials``: keeps, logs in, shows, checks, refreshes, removes, imports, and never says a secret."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from credentials.credential import ApiKeyCredential, LoginNeeded, OAuthCredential
from credentials.credential_store import CredentialStore
from credentials.oauth import LoginError
from credentials.sealing import SealKey, is_sealed
from domain.errors import NexusError, SetupError
from ops.commands import credentials
from tests.fake_authorization_server import CLIENT, REDIRECT, AuthorizationServer, Running, running
from tests.kept_credentials import NAME, by_hand, granted, oauth_of


@dataclass(frozen=True)
class Command:
    """The commands over a home of their own and a fake server."""

    home: Path
    running: Running

    def run(self, *words: str, said: str = "", code: int = 0) -> Result:
        done = CliRunner().invoke(credentials.app, list(words), input=said, catch_exceptions=False)
        assert done.exit_code == code, done.output
        for secret in (*self.running.server.access_tokens, *self.running.server.refresh_tokens, "canary"):
            assert secret not in done.output
        return done

    def plain(self, *words: str, said: str = "", code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", said=said, code=code).stdout)

    def fails(self, kind: type[NexusError], complaint: str, *words: str, said: str = "") -> None:
        with pytest.raises(kind, match=complaint) as caught:
            self.run(*words, said=said)
        assert "canary" not in str(caught.value)

    @property
    def store(self) -> CredentialStore:
        key = bytes.fromhex((self.home / "keys" / "credentials.key").read_text())
        return CredentialStore(self.home / "credentials", SealKey(key))

    def keep(self, credential: ApiKeyCredential | OAuthCredential, domain: str = NAME) -> None:
        self.run("list")
        self.store.save(domain, credential)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ops.logs.configure", lambda **_: None)  # it would hold for every test after this
    with running(AuthorizationServer()) as run, capture_logs():
        for name, value in {
            "NEXUS_HOME": str(tmp_path / "home"),
            "NEXUS_OAUTH_AUTHORIZE_URL": f"{run.origin}/authorize",
            "NEXUS_OAUTH_TOKEN_URL": run.token_url,
            "NEXUS_OAUTH_CLIENT_ID": CLIENT,
            "NEXUS_OAUTH_REDIRECT_URI": REDIRECT,
            "NEXUS_UPSTREAM_URL": run.origin,
        }.items():
            monkeypatch.setenv(name, value)
        yield Command(tmp_path / "home", run)


def test_an_api_key_comes_from_standard_input_and_lies_sealed(command: Command) -> None:
    assert "sealed" in command.run("add", NAME, "--api-key-stdin", "--account", "team", said="sk-canary\n").stdout
    kept = command.store.load(NAME)
    assert kept is not None
    assert kept.credential == ApiKeyCredential("sk-canary", "team")
    file = command.home / "credentials" / f"{NAME}.credentials.json"
    assert is_sealed(file.read_bytes())
    assert file.stat().st_mode & 0o777 == 0o600
    assert command.plain("add", NAME, "--api-key-stdin", said="sk-2") == {"domain": NAME, "replaced": True}
    again = command.store.load(NAME)
    assert again is not None
    assert again.credential.account == "team", "kept, because no other was told"


def test_a_file_is_taken_with_all_its_fields(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text(json.dumps({"type": "api_key", "api_key": "canary", "slack": {"channel": "x"}}))
    command.run("add", NAME, "--from", str(file))
    kept = command.store.load(NAME)
    assert kept is not None
    assert kept.credential.rest == {"slack": {"channel": "x"}}


def test_what_cannot_be_added_is_said_and_not_quoted(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("canary")
    (tmp_path / "big.json").write_text("canary" * 20_000)
    bad, big = str(tmp_path / "bad.json"), str(tmp_path / "big.json")
    command.fails(SetupError, "either --api-key-stdin or --from", "add", NAME)
    command.fails(SetupError, "either --api-key-stdin or --from", "add", NAME, "--api-key-stdin", "--from", bad)
    command.fails(SetupError, "no JSON", "add", NAME, "--from", bad)
    command.fails(SetupError, "larger than 64 KiB", "add", NAME, "--from", big)
    command.fails(SetupError, "is no file", "add", NAME, "--from", "/dev/null")
    command.fails(SetupError, "cannot be read", "add", NAME, "--from", str(tmp_path / "none"))
    command.fails(SetupError, "is missing", "add", NAME, "--api-key-stdin", said="\n")
    command.fails(SetupError, "single word", "add", NAME, "--api-key-stdin", said="can ary\n")
    for name in ("../x", "Acme.Example", "a:1", ""):
        command.fails(SetupError, "no client domain", "add", name, "--api-key-stdin", said="k")
    assert list((command.home / "credentials").iterdir()) == []


def logging_in(command: Command, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str] = str) -> None:
    """A person who reads the address from standard error and types what the page shows."""
    told: list[str] = []
    monkeypatch.setattr(credentials, "_tell", told.append)

    class Typed:
        def isatty(self) -> bool:
            return False

        def readline(self, size: int = -1) -> str:
            [url] = [word for text in told for word in text.split() if word.startswith("http")]
            return change(command.running.server.allow(url)) + "\n"

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", Typed())
        credentials.login(NAME, account="team", no_browser=True)


def test_a_login_is_scriptable_and_kept(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command.keep(OAuthCredential("old", "r", 1, login_needed=LoginNeeded("revoked", 1), rest={"slack": {"a": 1}}))
    logging_in(command, monkeypatch)
    kept = oauth_of(command.store)
    assert command.running.server.takes(f"Bearer {kept.access_token}", "")
    assert (kept.account, kept.login_needed, kept.rest) == ("team", None, {"slack": {"a": 1}})
    [body] = command.running.server.bodies
    assert body["code_verifier"] != body["state"]
    found = command.plain("check", "--online")
    assert [one["state"] for one in found] == ["valid"]


def test_a_code_of_another_login_changes_nothing(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoginError, match="another login"):
        logging_in(command, monkeypatch, lambda pasted: pasted + "x")
    with pytest.raises(LoginError, match="refused the code"):
        logging_in(command, monkeypatch, lambda pasted: "x" + pasted)
    command.running.server.faults.append("500")
    with pytest.raises(LoginError, match="cannot be asked"):
        logging_in(command, monkeypatch)
    assert command.store.load(NAME) is None


def test_the_list_shows_fingerprints_only(command: Command) -> None:
    assert "There is no credential" in command.run("list").stdout
    assert command.plain("list") == []
    command.keep(ApiKeyCredential("sk-canary", "team"))
    command.keep(ApiKeyCredential("sk-canary"), "second.example")
    command.keep(OAuthCredential("canary", "canary", 1_756_000_000_000), "third.example")
    by_hand(command.store, b"canary", "broken.example")
    rows = {row["domain"]: row for row in command.plain("list")}
    assert rows[NAME]["fingerprint"] == rows["second.example"]["fingerprint"] != rows["third.example"]["fingerprint"]
    assert (rows[NAME]["type"], rows[NAME]["account"], rows[NAME]["state"]) == ("api_key", "team", "valid")
    assert rows["third.example"]["expires"] == "2025-08-24T01:46:40+00:00"
    assert (rows["broken.example"]["state"], rows["broken.example"]["type"]) == ("unusable", None)
    text = command.run("list").stdout.splitlines()
    assert text[0].split() == ["domain", "type", "account", "state", "expires", "fingerprint"]
    assert len(text) == 5


def test_check_names_what_is_wrong_and_ends_with_1(command: Command) -> None:
    command.keep(ApiKeyCredential("sk"))
    assert "ok   acme.example  valid" in command.run("check").stdout
    by_hand(command.store, {"type": "api_key", "api_key": "canary"}, "open.example", mode=0o644)
    by_hand(command.store, {"type": "api_key", "api_key": "canary"}, "plain.example")
    (command.home / "credentials" / "Upper.credentials.json").touch()
    found = {(one["domain"], one["state"]) for one in command.plain("check", code=1)}
    assert found == {
        (NAME, "valid"), ("open.example", "unusable"), ("plain.example", "valid"), ("plain.example", "not_sealed"),
        ("Upper.credentials.json", "stranger"),
    }  # fmt: skip
    assert "chmod 600" in command.run("check", "open.example", code=1).stdout
    command.run("check", NAME)
    command.fails(SetupError, "There is no credential of none.example", "check", "none.example")
    assert not is_sealed((command.home / "credentials" / "plain.example.credentials.json").read_bytes())


def test_check_without_any_is_well(command: Command) -> None:
    assert "There is no credential" in command.run("check").stdout


def test_check_online_asks_upstream_and_refreshes_what_expired(command: Command) -> None:
    server = command.running.server
    server.api_keys.add("sk-good")
    command.keep(ApiKeyCredential("sk-good"))
    command.keep(ApiKeyCredential("sk-bad"), "bad.example")
    command.keep(granted(server), "expired.example")
    command.keep(replace(granted(server), refresh_token="forgotten"), "ended.example")
    found = {(one["domain"], one["state"]) for one in command.plain("check", "--online", code=1)}
    assert found == {
        (NAME, "valid"), ("bad.example", "valid"), ("bad.example", "refused_upstream"), ("expired.example", "valid"),
        ("ended.example", "expired"), ("ended.example", "refresh_fails"),
    }  # fmt: skip
    assert "asking upstream" in command.run("check", NAME, "--online").stderr
    again = {one["domain"]: one["state"] for one in command.plain("check", "ended.example", "--online", code=1)}
    assert again == {"ended.example": "login_needed"}


def test_check_online_goes_to_no_place_that_is_not_allowed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command.keep(ApiKeyCredential("sk"))
    monkeypatch.setenv("NEXUS_UPSTREAM_URL", "http://10.0.0.1")
    command.fails(SetupError, "NEXUS_ALLOW_UPSTREAM", "check", "--online")


def test_refresh_fetches_new_tokens_now(command: Command) -> None:
    server = command.running.server
    assert "no OAuth credential" in command.run("refresh").stdout
    command.keep(granted(server, expires_at_ms=2**51))
    command.keep(ApiKeyCredential("sk"), "key.example")
    before = oauth_of(command.store)
    assert command.plain("refresh") == [{"domain": NAME, "refreshed": True, "why": None}]
    assert oauth_of(command.store).previous_refresh_token == before.refresh_token
    server.faults.append("500")
    assert "cannot be refreshed" in command.run("refresh", NAME, code=1).stdout
    command.fails(SetupError, "needs no refresh", "refresh", "key.example")
    by_hand(command.store, b"canary", "broken.example")
    assert [one["refreshed"] for one in command.plain("refresh", code=1)] == [True, False]


def test_remove_removes_and_says_when_there_is_none(command: Command) -> None:
    command.keep(ApiKeyCredential("sk"))
    assert command.plain("remove", NAME) == {"domain": NAME, "removed": True}
    assert command.store.load(NAME) is None
    command.fails(SetupError, "There is no credential", "remove", NAME)
    command.fails(SetupError, "no client domain", "remove", "../x")
    by_hand(command.store, b"broken", mode=0o644)
    command.run("remove", NAME)


def test_the_original_systems_folder_is_taken_over(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "original"
    folder.mkdir()
    oauth = {"accessToken": "canary-a", "refreshToken": "canary-r", "expiresAt": 5, "scopes": ["x"], "isMax": True}
    files = {
        "a.example.credentials.json": {"type": "oauth", "accountId": "acc", "oauth": oauth, "client_api_key": "canary"},
        "B.example:3000.credentials.json": {"type": "api_key", "api_key": "canary", "slack": {"enabled": True}},
        "broken.example.credentials.json": {"type": "canary"},
        "..credentials.json": {"type": "api_key", "api_key": "canary"},
        "notes.txt": {},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    done = {one["file"]: one for one in command.plain("import", str(folder), code=1)}
    assert {name: one["domain"] for name, one in done.items()} == {
        "a.example.credentials.json": "a.example",
        "B.example:3000.credentials.json": "b.example",
        "broken.example.credentials.json": None,
        "..credentials.json": None,
    }
    assert any("nexus keys create" in note for note in done["a.example.credentials.json"]["notes"])
    kept = oauth_of(command.store, "a.example")
    assert (kept.access_token, kept.account, kept.oauth_rest, kept.rest) == ("canary-a", "acc", {"isMax": True}, {})
    again = command.run("import", str(folder), code=1).stdout
    assert "there is one of a.example already; --replace takes this one" in again
    assert "a.example.credentials.json: taken over" in command.run("import", str(folder), "--replace", code=1).stdout


def test_a_folder_to_import_from_must_be_there(command: Command, tmp_path: Path) -> None:
    command.fails(SetupError, "name a folder", "import", str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    assert "no credential file" in command.run("import", str(tmp_path / "empty")).stdout


def test_no_secret_is_an_argument(command: Command) -> None:
    for name in ("add", "login", "refresh", "import"):
        text = CliRunner().invoke(credentials.app, [name, "--help"]).stdout
        assert "Example: nexus credentials" in text
        assert "KEY TEXT" not in text


def test_another_key_file_opens_nothing_and_breaks_nothing(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command.keep(ApiKeyCredential("sk"))
    other = tmp_path / "other.key"
    other.write_text("cd" * 32)
    other.chmod(0o600)
    monkeypatch.setenv("NEXUS_CREDENTIALS_KEY_FILE", str(other))
    [found] = command.plain("check", code=1)
    assert (found["state"], "sealed with another key" in found["message"]) == ("unusable", True)
    monkeypatch.delenv("NEXUS_CREDENTIALS_KEY_FILE")
    command.run("check")


def test_as_a_program_it_says_json_on_standard_output_and_nothing_secret_anywhere(command: Command) -> None:
    command.keep(granted(command.running.server))
    words = [sys.executable, "-P", "-m", "ops.cli", "credentials", "refresh", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == [{"domain": NAME, "refreshed": True, "why": None}]
    assert "credential_refreshed" in done.stderr
    for secret in (*command.running.server.access_tokens, *command.running.server.refresh_tokens):
        assert secret not in done.stdout + done.stderr
    command.running.server.faults.append("500")
    failed = subprocess.run(words[:-1], capture_output=True, text=True, timeout=60, check=False)
    assert (failed.returncode, "cannot be refreshed" in failed.stdout) == (1, True)
