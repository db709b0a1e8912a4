"""Credentials in a folder, for tests: a store, credentials of a fake server, a worker that lives on, clocks to turn."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credentials.credential import OAuthCredential
from credentials.credential_store import CredentialStore
from credentials.oauth import OAuthSettings
from credentials.oauth_client import OAuthClient
from credentials.outgoing import Way
from credentials.refreshing import Clocks, Refresher
from credentials.sealing import SealKey
from tests.fake_authorization_server import CLIENT, REDIRECT, AuthorizationServer, Running

KEY = SealKey(bytes(range(32)))
NAME = "acme.example"


def store_in(folder: Path) -> CredentialStore:
    path = folder / "credentials"
    path.mkdir(mode=0o700, exist_ok=True)
    return CredentialStore(path, KEY)


def by_hand(store: CredentialStore, content: Any, domain: str = NAME, mode: int = 0o600) -> Path:
    """A plain file, as a person puts it there."""
    path = store.folder / f"{domain}.credentials.json"
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    path.chmod(mode)
    return path


def api_key(secret: str = "sk-one", **more: Any) -> dict[str, Any]:
    return {"type": "api_key", "api_key": secret, **more}


@dataclass
class TurnedClocks:
    """Clocks that stand still until they are turned."""

    wall_s: float = 1_800_000_000.0
    mono_s: float = 1000.0

    def clocks(self) -> Clocks:
        return Clocks(lambda: int(self.wall_s * 1000), lambda: self.mono_s)

    def pass_(self, seconds: float) -> None:
        self.wall_s += seconds
        self.mono_s += seconds


def settings_for(token_url: str) -> OAuthSettings:
    return OAuthSettings("http://127.0.0.1:9/authorize", token_url, CLIENT, REDIRECT, ("user:inference",))


def client_of(run: Running, timeout_s: float = 15.0) -> OAuthClient:
    return OAuthClient(settings_for(run.token_url), Way(timeout_s=timeout_s))


def granted(server: AuthorizationServer, *, expires_at_ms: int = 1, account: str | None = None) -> OAuthCredential:
    """A credential that the server knows; expired, if nothing else is said."""
    access, refresh = server.grant()
    return OAuthCredential(access, refresh, expires_at_ms, ("user:inference",), account)


def oauth_of(store: CredentialStore, domain: str = NAME) -> OAuthCredential:
    """What lies in the file now."""
    kept = store.load(domain)
    assert kept is not None
    assert isinstance(kept.credential, OAuthCredential)
    return kept.credential


@asynccontextmanager
async def refresher_of(store: CredentialStore, server: Any, clocks: Clocks | None = None) -> AsyncIterator[Refresher]:
    async with asyncio.TaskGroup() as tasks:
        refresher = Refresher(store, server, tasks, clocks)
        yield refresher
        await refresher.close()
