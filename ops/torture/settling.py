"""Has everything that was recorded arrived? What the parts say of themselves, read until nothing waits any more."""

import asyncio
import time
from collections.abc import Mapping

from gateway.published import Seen, read, wall_clock
from ops.home import Home
from ops.plan import PROJECTOR, SHIPPER, is_gateway

_LOOK_S = 0.05
_RSS = "process_resident_memory_bytes"


def is_shipped(parts: Mapping[str, Seen], since_s: float) -> bool:
    """No byte waits for the shipper, as it said itself within the last ``since_s`` seconds."""
    shipper = parts.get(SHIPPER)
    said = shipper is not None and shipper.age_s < since_s
    return said and shipper is not None and shipper.published.value("nexus_ship_lag_bytes") == 0


def is_projected(parts: Mapping[str, Seen], since_s: float) -> bool:
    """No event waits for a projection. A projector that says nothing of any yet is waited for."""
    projector = parts.get(PROJECTOR)
    if projector is None or projector.age_s >= since_s:
        return False
    lags = [one.value for one in projector.published.samples("nexus_projection_lag_events")]
    return bool(lags) and not any(lags)


async def settled(home: Home, deadline_s: float) -> float | None:
    """Seconds until all had arrived; None: it had not within the deadline. Only what is said from now on counts."""
    begun = shipped = time.monotonic()
    reached = False
    while (now := time.monotonic()) - begun < deadline_s:
        parts = read(home.metrics, wall_clock())
        if not reached and is_shipped(parts, now - begun):
            reached, shipped = True, now
        if reached and is_projected(parts, now - shipped):
            return shipped - begun
        await asyncio.sleep(_LOOK_S)
    return None


def gateway_rss(home: Home, worker: str = "") -> int | None:
    """Resident bytes of all gateway workers, or of one, as they last said; None: nobody said it."""
    said = [
        value
        for part, seen in read(home.metrics, wall_clock()).items()
        if (part == worker if worker else is_gateway(part)) and (value := seen.published.value(_RSS)) is not None
    ]
    return int(sum(said)) if said else None
