"""Is the gateway ready, and what is not as it should be? Facts in, reasons out, pure.

A gateway that cannot record goes on forwarding, so it stays ready: whoever takes it out of service for a database that
is away stops everybody's work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.published import Seen
from gateway.unshipped import Unshipped

MAX_LAG_S = 30.0
MAX_DISK_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class HostNow:
    """What a worker knows of the host it runs on."""

    parts: Mapping[str, Seen] = field(default_factory=dict)
    """The other parts, as they last published themselves."""
    disk_share: float | None = None
    """How full the journals' disk is, 0 to 1; None: not known."""
    unshipped: Unshipped | None = None
    """Measured here because no shipper says it."""
    at: float = 0.0
    """Wall clock of this look; 0: nobody has looked."""


def reasons(trouble: str | None, host: HostNow, *, expects_shipper: bool) -> list[str]:
    """Why the gateway is degraded; empty: all is well. ``trouble``: the journal's own."""
    found = [trouble] if trouble else []
    if expects_shipper and host.at:
        found += _of_shipping(host)
    found += [
        f"{part} says nothing; it died or is being restarted"
        for part, seen in host.parts.items()
        if part != "shipper" and not seen.is_fresh
    ]
    if host.disk_share is not None and host.disk_share > MAX_DISK_SHARE:
        found.append(f"the disk of the journals is {host.disk_share:.0%} full")
    return found


def _of_shipping(host: HostNow) -> list[str]:
    shipper = host.parts.get("shipper")
    if shipper is None or not shipper.is_fresh:
        found, lag_s = ["no shipper is running: records wait on this disk"], 0.0
        if host.unshipped is not None:
            lag_s = host.unshipped.lag_s(host.at)
    else:
        away = shipper.published.value("nexus_store_up") == 0
        found = ["the database is away: records wait on this disk"] if away else []
        lag_s = shipper.published.value("nexus_ship_lag_seconds") or 0.0
    return [*found, f"shipping is {lag_s:.0f} s behind"] if lag_s > MAX_LAG_S else found
