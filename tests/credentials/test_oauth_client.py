"""Against a real server on a port: a login with its code, a refresh, and a credential tried out upstream."""

import secrets
from collections.abc import Iterator

import pytest

from credentials.credential import ApiKeyCredential, OAuthCredential, signature_of
from credentials.oauth import Refused, Tokens, Unavailable, authorize_url, new_attempt, pasted_code
from credentials.oauth_client import OAuthClient, accepted
from credentials.outgoing import Way
from domain.errors import SetupError
from tests.fake_authorization_server import AuthorizationServer, Fault, Running, running
from tests.kept_credentials import client_of, settings_for


@pytest.fixture
def run() -> Iterator[Running]:
    with running(AuthorizationServer()) as found:
        yield found


async def test_a_login_from_the_url_to_the_tokens(run: Running) -> None:
    client, attempt = client_of(run), new_attempt(secrets.token_bytes)
    pasted = run.server.allow(authorize_url(client.settings, attempt))
    answer = await client.redeem(attempt, pasted_code(pasted, attempt))
    assert isinstance(answer, Tokens)
    assert run.server.takes(f"Bearer {answer.access_token}", "")
    again = await client.refresh(answer.refresh_token or "")
    assert isinstance(again, Tokens)
    assert again.refresh_token != answer.refresh_token


async def test_a_code_is_good_once_and_for_its_verifier(run: Running) -> None:
    client, attempt = client_of(run), new_attempt(secrets.token_bytes)
    code, _, _ = run.server.allow(authorize_url(client.settings, attempt)).partition("#")
    other = new_attempt(secrets.token_bytes)
    assert await client.redeem(other, code) == Refused("invalid_grant")
    code, _, _ = run.server.allow(authorize_url(client.settings, attempt)).partition("#")
    assert isinstance(await client.redeem(attempt, code), Tokens)
    assert await client.redeem(attempt, code) == Refused("invalid_grant")


@pytest.mark.parametrize("fault", ["500", "429", "malformed", "html", "array", "400", "hang"])
async def test_a_server_in_trouble_is_unavailable(run: Running, fault: Fault) -> None:
    run.server.faults.append(fault)
    found = await client_of(run, timeout_s=0.5).refresh(run.server.grant()[1])
    assert isinstance(found, Unavailable)
    assert found.retry_after_s == (7.0 if fault == "429" else None)


async def test_another_client_is_refused(run: Running) -> None:
    run.server.faults.append("401")
    assert await client_of(run).refresh("x") == Refused("invalid_client")


def test_an_endpoint_that_is_not_encrypted_is_refused() -> None:
    with pytest.raises(SetupError):
        OAuthClient(settings_for("http://auth.example/token"), Way())


async def test_upstream_says_whether_it_takes_a_credential(run: Running) -> None:
    access, _ = run.server.grant()
    run.server.api_keys.add("sk-1")
    assert await accepted(signature_of("a", OAuthCredential(access)), run.origin, Way()) == ""
    assert await accepted(signature_of("a", ApiKeyCredential("sk-1")), run.origin, Way()) == ""
    assert "refuses it" in await accepted(signature_of("a", ApiKeyCredential("sk-2")), run.origin, Way())
    assert "status 404" in await accepted(signature_of("a", ApiKeyCredential("sk-1")), f"{run.origin}/x", Way())
    assert "cannot be asked" in await accepted(signature_of("a", ApiKeyCredential("k")), "http://127.0.0.1:9", Way())
