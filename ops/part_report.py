"""What do the published numbers of a host say to a person? Recording, lags, gaps; values in, words out, pure."""

from collections.abc import Mapping

import msgspec

from gateway.published import Published, Seen

_LATE_S = 30.0


class ProjectionLag(msgspec.Struct, frozen=True):
    """How far the rows of one projection are behind the store."""

    events: int
    seconds: float


class Report(msgspec.Struct, frozen=True):
    """Everything; None where nobody says it."""

    recording: str | None = None
    """on, off, or degraded: the disk refuses records."""
    store: str | None = None
    """up or away, as the shipper last saw it."""
    ship_bytes: int | None = None
    ship_seconds: float | None = None
    projections: dict[str, ProjectionLag] = {}
    projector: str | None = None
    """leads, or standby: another one leads."""
    gaps: int | None = None
    open_streams: int | None = None
    silent: tuple[str, ...] = ()
    """Parts that have stopped publishing."""


def report(parts: Mapping[str, Seen]) -> Report:
    """``parts``: as ``gateway.published.read`` found them."""
    fresh = {part: seen.published for part, seen in parts.items() if seen.is_fresh}
    gateways = [said for part, said in fresh.items() if part.startswith("gateway")]
    shipper = fresh.get("shipper")
    store_up = shipper.value("nexus_store_up") if shipper else None
    projector = fresh.get("projector", Published())
    leads = projector.value("nexus_projector_leads")
    return Report(
        recording=_recording(gateways),
        store=None if store_up is None else "up" if store_up else "away",
        ship_bytes=_whole(_greatest(fresh, "nexus_ship_lag_bytes")),
        ship_seconds=_rounded(_greatest(fresh, "nexus_ship_lag_seconds")),
        projections=_projections(projector),
        projector=None if leads is None else "leads" if leads else "standby",
        gaps=_sum(gateways, "nexus_recording_gaps_total"),
        open_streams=_sum(gateways, "nexus_open_streams"),
        silent=tuple(part for part, seen in parts.items() if not seen.is_fresh),
    )


def is_well(found: Report) -> bool:
    late = found.ship_seconds is not None and found.ship_seconds > _LATE_S
    return found.recording in {None, "on", "off"} and found.store != "away" and not late and not found.silent


def lines(found: Report) -> list[str]:
    """For a person; only what is known."""
    out = []
    if found.recording is not None:
        words = {
            "on": "on",
            "off": "off (STORAGE_ENABLED=false)",
            "degraded": "degraded, the journal's disk refuses records",
        }
        out.append(f"recording: {words[found.recording]}")
    if found.store == "away":
        out.append("database: away; records wait on this disk")
    if found.ship_seconds is not None:
        out.append(f"shipping: {_lag(found.ship_seconds, f'{found.ship_bytes or 0} bytes wait')}")
    out += [f"projection {name}: {_lag(lag.seconds, f'{lag.events} events wait')}" for name, lag in _lags(found)]
    if found.projector == "standby":
        out.append("projector: stands by; another one of this database leads")
    if found.gaps:
        out.append(f"recording gaps since the gateway's start: {found.gaps}; `nexus doctor` says more")
    return [*out, *(f"{part} has stopped saying anything" for part in found.silent)]


def _lag(seconds: float, waiting: str) -> str:
    behind = seconds > 0 or not waiting.startswith("0 ")
    return f"{seconds:.0f} s behind, {waiting}" if behind else "up to date"


def _lags(found: Report) -> list[tuple[str, ProjectionLag]]:
    return sorted(found.projections.items())


def _recording(gateways: list[Published]) -> str | None:
    if any(said.value("nexus_journal_trouble") for said in gateways):
        return "degraded"
    modes = {said.value("nexus_recording") for said in gateways} - {None}
    return None if not modes else "on" if 1 in modes else "off"


def _projections(projector: Published) -> dict[str, ProjectionLag]:
    ages = {one.labels["projection"]: one.value for one in projector.samples("nexus_projection_lag_seconds")}
    return {
        one.labels["projection"]: ProjectionLag(int(one.value), round(ages.get(one.labels["projection"], 0.0), 1))
        for one in projector.samples("nexus_projection_lag_events")
    }


def _greatest(parts: Mapping[str, Published], name: str) -> float | None:
    """The gateway measures it as well where no shipper says it."""
    return max((one.value for said in parts.values() for one in said.samples(name)), default=None)


def _sum(parts: list[Published], name: str) -> int | None:
    return int(sum(said.total(name) for said in parts)) if parts else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
