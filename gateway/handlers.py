"""What happens to a client's request? It is answered here, turned away, or made an exchange and conducted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp.web import BaseRequest

from domain.ids import RequestId
from gateway.answers import OwnAnswer
from gateway.authentication import Authenticate
from gateway.conductor import Conductor, Means
from gateway.error_replies import error_answer
from gateway.exchange import Exchange, RequestRead
from gateway.headers import by_name, client_domain
from gateway.health import LocalAnswers
from gateway.in_flight import InFlight
from gateway.intake import CONTINUE, BodyLimits, RejectedError, awaits_continue, check_head, check_length, read_body
from gateway.recorder import Recorder, RecordingMeans
from gateway.records import RequestRecord
from gateway.upstream import UpstreamRequest
from gateway.wire_response import ClientLostError, WireResponse


@dataclass(frozen=True, slots=True)
class Handler:
    """The one handler of all requests."""

    means: Means
    recording: RecordingMeans
    local: LocalAnswers
    authenticate: Authenticate
    limits: BodyLimits
    in_flight: InFlight
    new_id: Callable[[], RequestId]
    wall_ns: Callable[[], int]
    """Wall clock, nanoseconds since 1970."""

    async def __call__(self, request: BaseRequest) -> WireResponse:
        request_id = self.new_id()
        response = WireResponse(request, str(request_id), self.in_flight.is_draining)
        with self.in_flight.hold():
            try:
                await self._answer(request, request_id, response)
            except ClientLostError:
                response.cut()
        return response

    async def _answer(self, request: BaseRequest, request_id: RequestId, response: WireResponse) -> None:
        """Raises ClientLostError."""
        own: OwnAnswer | None = None
        try:
            check_head(request.method, _target(request), request.version, request.raw_headers)
            own = self.local.find(request.method, request.raw_path)
            if own is None:
                conductor = await self._take_in(request, request_id, response)
                await conductor.conduct()
        except RejectedError as rejected:
            self.means.metrics.rejected(rejected.reason)
            response.close_after()
            own = error_answer(rejected.status, rejected.message, str(request_id))
        if own is not None:
            self.means.metrics.answered(own.head.status)
            await response.answer(own, self.means.stall_s)

    async def _take_in(self, request: BaseRequest, request_id: RequestId, response: WireResponse) -> Conductor:
        """Raises RejectedError."""
        wall_ns, lines = self.wall_ns(), request.raw_headers
        told = by_name(lines)
        target = _target(request)
        admission = self.authenticate(lines)
        check_length(told, self.limits)
        if awaits_continue(told, request.version) and request.transport is not None:
            request.transport.write(CONTINUE)
        try:
            body = await read_body(request.content, self.limits)
        except asyncio.CancelledError:  # the client went away, which aiohttp tells us so, or we are stopping
            self.means.metrics.rejected("client_gone")
            raise
        recorder = Recorder(self.recording, request_id.bytes)
        record = RequestRecord(
            wall_ns=wall_ns,
            mode=admission.mode,
            method=request.method,
            target=target.decode("latin-1"),
            headers=recorder.facts(lines),
            client_domain=client_domain(told),
            byte_count=len(body),
            key_id=admission.key_id,
            account=admission.account,
        )
        conductor = Conductor(self.means, Exchange(str(request_id)), recorder, response)
        conductor.take(RequestRead(record, body), UpstreamRequest(request.method, target, admission.headers, body))
        return conductor


def _target(request: BaseRequest) -> bytes:
    """As it stood on the request line."""
    return request.raw_path.encode("utf-8", "surrogateescape")
