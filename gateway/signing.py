"""How does a tenant's request get its signature, and how is that kept from the client? An upstream around the real one.

A request without a tenant passes as it is: nothing stored is ever used for it. One with a tenant gets the lines of the
tenant's signature. Two things are done that the wire would not ask for, both for signed requests only:

* When upstream answers 401, the signature may have expired: it is renewed, and the request is sent once more. Nothing
  has gone to the client by then.
* An answer that says no (status 400 and above) may quote what it was sent. Wherever it says a secret of the signature,
  as many ``*`` stand in its place, in the record too. The beginning of a secret at the end of a read is held back until
  it is clear how it goes on.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from credentials.signature import CredentialUnusableError, Signature, Signer, Why
from gateway.answers import AnswerHead
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines, HeaderMap, by_name
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
                return _guarded(answer, (*signature.secrets, *renewed.secrets))
        return _guarded(answer, signature.secrets)

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


def _guarded(answer: UpstreamAnswer, secrets: tuple[bytes, ...]) -> UpstreamAnswer:
    secrets = tuple(filter(None, secrets))
    return _GuardedAnswer(answer, secrets) if answer.head.status >= 400 and secrets else answer


class _GuardedAnswer:
    """An answer that does not say certain words."""

    def __init__(self, answer: UpstreamAnswer, secrets: tuple[bytes, ...]) -> None:
        self._answer, self._secrets = answer, sorted(secrets, key=len, reverse=True)
        self._held = b""
        """May be the beginning of a secret."""
        self._failure: UpstreamError | None = None
        head = answer.head
        self.head: AnswerHead = replace(head, reason=self._masked(head.reason), headers=self._lines(head.headers))
        self.headers: HeaderLines = self._lines(answer.headers)
        self.told: HeaderMap = by_name(self.headers)

    @property
    def ready(self) -> bool:
        return self._answer.ready

    async def read(self) -> bytes:
        while self._failure is None:
            try:
                data = await self._answer.read()
            except UpstreamError as error:
                self._failure = error
                break
            if not data:
                break
            data = self._masked(self._held + data)
            kept = len(data) - self._begun(data)
            data, self._held = data[:kept], data[kept:]
            if data:
                return data
        held, self._held = self._held, b""
        if not held and self._failure is not None:
            raise self._failure
        return held

    def close(self) -> None:
        self._answer.close()

    def _lines(self, lines: HeaderLines) -> HeaderLines:
        return tuple((name, self._masked(value)) for name, value in lines)

    def _masked(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, b"*" * len(secret))
        return data

    def _begun(self, data: bytes) -> int:
        """Bytes at the end that a secret may begin with."""
        longest = min(len(data), len(self._secrets[0]) - 1)
        for size in range(longest, 0, -1):
            end = data[-size:]
            if any(secret.startswith(end) and len(secret) > size for secret in self._secrets):
                return size
        return 0
