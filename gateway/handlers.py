"""What happens to a client's request? It is answered here, turned away, or made an exchange and conducted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp.web import BaseRequest

from domain.ids import RequestId
from gateway.admission import Door
from gateway.answers import OwnAnswer
from gateway.authentication import Admission
from gateway.conductor import Conductor, Means
from gateway.error_replies import Refusal, refused
from gateway.exchange import Exchange, RequestRead
from gateway.headers import HeaderMap, by_name, client_domain
from gateway.health import LocalAnswers
from gateway.in_flight import InFlight
from gateway.intake import CONTINUE, BodyLimits, RejectedError, awaits_continue, check_head, check_length, read_body
from gateway.recorder import Recorder, RecordingMeans
from gateway.records import HeaderLine, RequestRecord
from gateway.upstream import Tenant, UpstreamRequest
from gateway.wire_response import ClientLostError, WireResponse


@dataclass(frozen=True, slots=True)
class Handler:
    """The one handler of all requests."""

    means: Means
    recording: RecordingMeans
    local: LocalAnswers
    door: Door
    limits: BodyLimits
    in_flight: InFlight
    new_id: Callable[[], RequestId]
    wall_ns: Callable[[], int]
    """Wall clock, nanoseconds since 1970."""

    async def __call__(self, request: BaseRequest) -> WireResponse:
        request_id = self.new_id()
        response = WireResponse(request, str(request_id), self.in_flight.is_draining)
        task = self.in_flight.enter()
        try:
            await self._answer(request, request_id, response)
        except ClientLostError:
            response.cut()
        finally:
            self.in_flight.leave(task)
        return response

    async def _answer(self, request: BaseRequest, request_id: RequestId, response: WireResponse) -> None:
        """Raises ClientLostError."""
        own: OwnAnswer | None = None
        try:
            check_head(request.method, _target(request), request.version, request.raw_headers)
            own = self.local.find(request.method, request.raw_path, request.headers.get("Accept", ""))
            if own is None:
                await self._let_in(request, request_id, response)
        except RejectedError as rejected:
            self.means.metrics.rejected(rejected.reason)
            response.close_after()
            own = refused(Refusal(rejected.status, rejected.message, rejected.lines), response.request_id)
        if own is not None:
            self.means.metrics.answered(own.head.status)
            await response.answer(own, self.means.stall_s)

    async def _let_in(self, request: BaseRequest, request_id: RequestId, response: WireResponse) -> None:
        """Raises RejectedError and ClientLostError."""
        wall_ns, lines = self.wall_ns(), request.raw_headers
        now = datetime.fromtimestamp(wall_ns / 1e9, UTC)
        target = _target(request)
        head = _Head(wall_ns, request.method, target, by_name(lines))
        admission = self.door.admit(lines, head.method, target, now)
        with self.door.counted(admission, target, now):
            check_length(head.told, self.limits)
            if awaits_continue(head.told, request.version) and request.transport is not None:
                request.transport.write(CONTINUE)
            recorder = Recorder(self.recording, request_id.bytes)
            conductor = Conductor(self.means, Exchange(response.request_id), recorder, response)
            facts = recorder.facts(lines)
            conductor.take(*_taken(head, facts, await self._read_body(request), admission))
            await conductor.conduct()

    async def _read_body(self, request: BaseRequest) -> bytes | bytearray:
        """Raises RejectedError."""
        try:
            return await read_body(request.content, self.limits)
        except asyncio.CancelledError:  # the client went away, which aiohttp tells us so, or we are stopping
            self.means.metrics.rejected("client_gone")
            raise


@dataclass(frozen=True, slots=True)
class _Head:
    wall_ns: int
    method: str
    target: bytes
    told: HeaderMap


def _taken(
    head: _Head, facts: tuple[HeaderLine, ...], body: bytes | bytearray, admission: Admission
) -> tuple[RequestRead, UpstreamRequest]:
    """The request as it is recorded and as it goes upstream. ``facts``: of its header lines."""
    key = admission.key
    record = RequestRecord(
        wall_ns=head.wall_ns,
        mode=admission.mode,
        method=head.method,
        target=head.target.decode("latin-1"),
        headers=facts,
        client_domain=client_domain(head.told) if key is None else key.client_domain,
        byte_count=len(body),
        key_id=None if key is None else key.key_id,
        account=None if key is None else key.account,
    )
    tenant = None if key is None else Tenant(key.client_domain, key.account)
    return RequestRead(record, body), UpstreamRequest(head.method, head.target, admission.headers, body, tenant)


def _target(request: BaseRequest) -> bytes:
    """As it stood on the request line."""
    return request.raw_path.encode("utf-8", "surrogateescape")
