"""How do the settings become credentials to sign with? The store, the authorization server, the way to both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from credentials.credential_store import CredentialStore
from credentials.oauth import OAuthSettings
from credentials.oauth_client import OAuthClient
from credentials.outgoing import Way
from credentials.sealing import SealKey
from credentials.vault import Vault, opened_vault
from ops.home import Home
from ops.keys import credentials_key
from ops.settings import Settings


def credential_store(settings: Settings, home: Home) -> CredentialStore:
    return CredentialStore(home.credentials, SealKey(credentials_key(home, settings.credentials_key_file)))


def way(settings: Settings) -> Way:
    """Like the upstream's."""
    proxy = settings.upstream_proxy
    return Way(proxy=proxy.get_secret_value() if proxy else None, ca_file=settings.ca_file)


def oauth_client(settings: Settings) -> OAuthClient:
    """Raises SetupError."""
    return OAuthClient(
        OAuthSettings(
            authorize_url=settings.oauth_authorize_url,
            token_url=settings.oauth_token_url,
            client_id=settings.oauth_client_id,
            redirect_uri=settings.oauth_redirect_uri,
            scopes=settings.oauth_scopes,
        ),
        way(settings),
    )


@asynccontextmanager
async def vault(settings: Settings, home: Home) -> AsyncIterator[Vault]:
    """The Signer of a gateway worker, for the time of the ``with``."""
    async with opened_vault(credential_store(settings, home), oauth_client(settings)) as opened:
        yield opened
