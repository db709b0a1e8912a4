"""How does a tenant's request get its signature, and how is that kept from the client? An upstream around the real one.

A request without a tenant passes as it is: nothing stored is ever used for it. One with a tenant gets the lines of the
tenant's signature. Two things are done that the wire would not ask for, both for signed requests only:

* When upstream answers 401, the signature may have expired: it is renewed, and the request is sent once more. Nothing
  has gone to the client by then.
* An answer that says no (status 400 and above) may quote what it was sent: ``gateway/quoting.py`` sees to that.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from credentials.signature import CredentialUnusableError, Signature, Signer, Why
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines
from gateway.quoting import unquoting
from gateway.upstream import Tenant, Upstream, UpstreamAnswer, UpstreamError, UpstreamRequest

_BETA = b"anthropic-beta"
_RETRY = ((b"retry-after", b"5"),)


class SigningUpstream:
    """Signs what tenants send, and passes on what everybody sends."""

    def __init__(self, upstream: Upstream, signer: Signer, sent_again: Callable[[], object]) -> None:
        """``sent_again``: told when a request is sent with a second signature."""
        self._upstream, self._signer, self._sent_again = upstream, signer, sent_again

    async def open(self, request: UpstreamRequest) -> UpstreamAnswer:
        if request.tenant is None:
            return await self._upstream.open(request)
        signature = await self._signature(request.tenant)
        answer = await self._upstream.open(signed(request, signature))
        if answer.head.status == 401:
            renewed = await self._renewed(signature, answer)
            if renewed is not None:
                answer.close()
                self._sent_again()
                answer = await self._upstream.open(signed(request, renewed))
                return await unquoting(answer, (*signature.secrets, *renewed.secrets))
        return await unquoting(answer, signature.secrets)

    async def close(self) -> None:
        await self._upstream.close()

    async def _signature(self, tenant: Tenant) -> Signature:
        try:
            return await self._signer.signature(tenant.client_domain, tenant.account)
        except CredentialUnusableError as error:
            raise _unusable(error) from error

    async def _renewed(self, refused: Signature, answer: UpstreamAnswer) -> Signature | None:
        """None: upstream's no is what the client gets."""
        try:
            return await self._signer.renewed(refused)
        except CredentialUnusableError:
            return None
        except BaseException:
            answer.close()
            raise


def signed(request: UpstreamRequest, signature: Signature) -> UpstreamRequest:
    """The same request with a signature."""
    return replace(request, headers=(*_with_betas(request.headers, signature.betas), *signature.lines))


def _with_betas(lines: HeaderLines, betas: Iterable[bytes]) -> HeaderLines:
    """With the words that are not there yet: in the first line of that name, or in a new one."""
    there = {word.strip() for name, value in lines if name.lower() == _BETA for word in value.split(b",")}
    missing = b",".join(beta for beta in dict.fromkeys(betas) if beta not in there)
    if not missing:
        return lines
    at = next((at for at, (name, _) in enumerate(lines) if name.lower() == _BETA), None)
    if at is None:
        return (*lines, (_BETA, missing))
    name, value = lines[at]
    return (*lines[:at], (name, b"%b,%b" % (value, missing) if value.strip() else missing), *lines[at + 1 :])


def _unusable(error: CredentialUnusableError) -> UpstreamError:
    detail = _DETAILS[error.why]
    if error.why == "unavailable":
        refusal = Refusal(503, f"Nexus: {error}", _RETRY, "api_error")
    else:
        refusal = Refusal(403, f"Nexus: {error}")
    return UpstreamError("upstream", detail, refusal)


_DETAILS: dict[Why, str] = {
    "missing": "no credential for this client domain",
    "login_needed": "the credential's login has ended",
    "unavailable": "the credential cannot be had right now",
}
