"""How is the token endpoint asked, and how is a credential tried out upstream?"""

from credentials.credential import OAUTH_BETA
from credentials.oauth import (
    Answer,
    Attempt,
    OAuthSettings,
    Unavailable,
    checked_settings,
    code_request,
    refresh_request,
    token_answer,
)
from credentials.outgoing import UnreachableError, Way, ask
from credentials.signature import Signature

_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json",
    "accept-encoding": "identity",
    "user-agent": "nexus-gateway",
    "anthropic-beta": OAUTH_BETA.decode(),
}


class OAuthClient:
    """Asks the authorization server."""

    def __init__(self, settings: OAuthSettings, way: Way) -> None:
        """Raises SetupError: the endpoints are neither encrypted nor on this machine."""
        self.settings, self._way = checked_settings(settings), way

    async def redeem(self, attempt: Attempt, code: str) -> Answer:
        """Tokens for a code."""
        return await self._ask(code_request(self.settings, attempt, code))

    async def refresh(self, refresh_token: str) -> Answer:
        """Tokens for a refresh token, which is spent by it."""
        return await self._ask(refresh_request(self.settings, refresh_token))

    async def _ask(self, body: bytes) -> Answer:
        try:
            reply = await ask(self._way, "POST", self.settings.token_url, _HEADERS, body)
        except UnreachableError as error:
            return Unavailable(str(error))
        return token_answer(reply.status, reply.body, reply.retry_after)


async def accepted(signature: Signature, upstream_url: str, way: Way) -> str:
    """Does upstream take it? "" if so, else why not. Asks for the list of models, which costs nothing."""
    headers = {name.decode(): value.decode() for name, value in signature.lines}
    headers |= {"anthropic-version": "2023-06-01", "user-agent": "nexus-gateway", "accept-encoding": "identity"}
    if signature.betas:
        headers["anthropic-beta"] = b",".join(signature.betas).decode()
    try:
        reply = await ask(way, "GET", f"{upstream_url}/v1/models?limit=1", headers)
    except UnreachableError as error:
        return f"upstream cannot be asked: {error}"
    if reply.status == 200:
        return ""
    if reply.status in {401, 403}:
        return f"upstream refuses it (status {reply.status})"
    return f"upstream answered with status {reply.status}, which says nothing of it"
