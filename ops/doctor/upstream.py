"""Does a request reach the upstream? Asked on the very way that the gateway takes, without a credential."""

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.errors import SetupError
from gateway.destination import Destination, destination
from gateway.upstream import UpstreamAnswer, UpstreamError, UpstreamRequest
from gateway.wire_upstream import Timeouts, WireUpstream
from ops.clock import utc_now
from ops.doctor.findings import Finding, Patient, ok, problem, warning

_PATIENCE_S = 5.0
_SKEW_S, _GREAT_SKEW_S = 5.0, 60.0
_MENDS = {
    "name not resolved": "Is this machine online, does its DNS work? Behind a company proxy set NEXUS_UPSTREAM_PROXY.",
    "connection refused": "Nothing listens there: correct NEXUS_UPSTREAM_URL, or start what should listen.",
    "connecting took too long": "A firewall drops it: open the way, or set NEXUS_UPSTREAM_PROXY.",
    "certificate not trusted": "A proxy that opens TLS needs its certificate in SSL_CERT_FILE.",
    "TLS failed": "What answers there speaks no TLS, or a proxy breaks it; correct NEXUS_UPSTREAM_URL.",
    "proxy not reachable": "Correct NEXUS_UPSTREAM_PROXY, or start the proxy.",
    "proxy refused": "The proxy does not let this through: its user and password, or its rules.",
}


async def allowed(patient: Patient) -> Finding:
    """Whether requests may go where they are to go."""
    try:
        place = _place(patient)
    except SetupError as error:
        finding, _, mend = str(error).partition("; ")
        return problem(finding, f"{mend[:1].upper()}{mend[1:]}" if mend else "Correct NEXUS_UPSTREAM_URL.")
    if place.scheme == "http":
        return warning(f"requests go to {place.origin}, not encrypted", "Use https for anything but tests.")
    return ok(f"requests go to {place.origin}")


async def reach(patient: Patient) -> Finding:
    """Name, connection, TLS, certificate, and an answer; through the proxy where one is set."""
    try:
        place = _place(patient)
    except SetupError:
        return ok("not asked: the upstream is not allowed")
    by = " through the proxy" if patient.settings.upstream_proxy else ""
    try:
        status, _ = await _ask(patient, place)
    except UpstreamError as error:
        return problem(f"{place.origin} is not reached{by}: {error.detail}", _MENDS.get(error.detail, _OTHER))
    if status >= 500:
        return warning(f"{place.origin} answers {status}{by}", "The upstream itself has a problem; try again later.")
    return ok(f"{place.origin} answers{by}")


_OTHER = "Try `curl -I` to the same address from this machine."


async def clock(patient: Patient) -> Finding:
    """Compared with what the upstream says the time is; tokens expire by it."""
    try:
        _, date = await _ask(patient, _place(patient))
    except (UpstreamError, SetupError):
        return ok("not compared: the upstream is not reached")
    told = _time_in(date)
    if told is None:
        return ok("not compared: the upstream does not say the time")
    skew_s = (utc_now() - told).total_seconds()
    said = f"this machine's clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the upstream's"
    mend = "Turn time synchronisation on (`timedatectl set-ntp true`)."
    if abs(skew_s) > _GREAT_SKEW_S:
        return problem(said, mend)
    return warning(said, mend) if abs(skew_s) > _SKEW_S else ok("this machine's clock agrees with the upstream's")


def _place(patient: Patient) -> Destination:
    return destination(patient.settings.upstream_url, frozenset(patient.settings.allow_upstream))


async def _ask(patient: Patient, place: Destination) -> tuple[int, str]:
    """(status, Date). Raises UpstreamError."""
    proxy, ca_file = patient.settings.upstream_proxy, patient.settings.ca_file
    context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else None
    upstream = WireUpstream(
        place, Timeouts(_PATIENCE_S, _PATIENCE_S), proxy=proxy.get_secret_value() if proxy else None, ssl=context
    )
    try:
        async with asyncio.timeout(2 * _PATIENCE_S - 1):
            answer: UpstreamAnswer = await upstream.open(UpstreamRequest("HEAD", b"/", (), b""))
        answer.close()
        return answer.head.status, _date(answer)
    except TimeoutError:
        raise UpstreamError("timeout", "connecting took too long") from None
    finally:
        await upstream.close()


def _date(answer: UpstreamAnswer) -> str:
    return next((value.decode("latin-1") for name, value in answer.headers if name.lower() == b"date"), "")


def _time_in(date: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
