"""The settings become a store, a way and a server; the vault of a home signs with what lies in it."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from credentials.credential import ApiKeyCredential
from domain.errors import SetupError
from ops.home import Home, prepare
from ops.settings import Settings
from ops.vaults import credential_store, oauth_client, vault, way


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path / "home")


def settings(**changes: object) -> Settings:
    return Settings.model_construct(**{**Settings().model_dump(), **changes})


def test_the_ways_defaults_and_the_upstreams_way() -> None:
    assert way(settings()).proxy is None
    found = way(settings(upstream_proxy=SecretStr("http://u:canary@proxy.example:1"), ca_file=Path("/ca.pem")))
    assert (found.proxy, found.ca_file) == ("http://u:canary@proxy.example:1", Path("/ca.pem"))
    assert "canary" not in repr(found)


def test_the_endpoints_are_todays() -> None:
    found = oauth_client(settings()).settings
    assert found.authorize_url == "https://claude.com/cai/oauth/authorize"
    assert found.token_url == "https://platform.claude.com/v1/oauth/token"
    assert found.redirect_uri == "https://platform.claude.com/oauth/code/callback"
    assert found.scopes == ("org:create_api_key", "user:profile", "user:inference")


def test_an_endpoint_that_is_not_encrypted_is_refused() -> None:
    with pytest.raises(SetupError, match="NEXUS_OAUTH_TOKEN_URL"):
        oauth_client(settings(oauth_token_url="http://auth.example/token"))


async def test_the_vault_of_a_home_signs(home: Home) -> None:
    credential_store(settings(), home).save("acme.example", ApiKeyCredential("sk-1"))
    async with vault(settings(), home) as opened:
        assert (await opened.signature("acme.example", "team")).secrets == (b"sk-1",)


def test_key_and_credentials_lie_in_two_folders(home: Home) -> None:
    store = credential_store(settings(), home)
    assert store.folder == home.credentials
    assert (home.keys / "credentials.key").read_text().strip() == store.key.secret.hex()
    assert list(home.credentials.iterdir()) == []
