"""How is what runs on this home? The holder, its parts, the ports, what waits, what is missing; and the dashboard."""

import asyncio
import fcntl
import os
from pathlib import Path

import aiohttp

from domain.errors import SetupError
from gateway import unshipped
from gateway.journal_reader import SHIPPER_LOCK, WRITER_LOCK, journals_in
from ops.addresses import address_of
from ops.doctor.findings import Finding, Patient, ok, problem, warning
from ops.keys import dashboard_key_file
from ops.part_report import report
from ops.prechecks import check_can_listen

WELL = frozenset({"ready", "done"})
_LATE_S = 30.0
_ASK = aiohttp.ClientTimeout(total=5)


async def parts(patient: Patient) -> Finding:
    """What `nexus up` says of its parts."""
    holder, running = patient.holder, patient.running
    if holder is None:
        alone = ", ".join(patient.fresh)
        return ok(f"parts that run alone: {alone}" if alone else "nothing runs on this home; `nexus up` starts it")
    if running is None:
        return ok(f"`nexus {holder.command}` holds the home (pid {holder.pid})")
    ill = [f"{name} {part.phase}" for name, part in running.parts.items() if part.phase not in WELL]
    if ill:
        return problem(f"not ready: {', '.join(ill)}", f"Read {patient.home.logs}/PART.log; its last line says why.")
    dying = [f"{name} ({part.deaths})" for name, part in running.parts.items() if part.deaths > 1]
    if dying:
        return warning(f"died several times: {', '.join(dying)}", f"Read {patient.home.logs}/PART.log.")
    if silent := [part for part, seen in patient.parts.items() if not seen.is_fresh and part in running.parts]:
        return warning(f"says nothing any more: {', '.join(silent)}", "It hangs: end it, `nexus up` starts it again.")
    return ok(f"{len(running.parts)} parts are well")


async def gateway_port(patient: Patient) -> Finding:
    """Ours, or free."""
    running = patient.running.gateway if patient.running else ""
    settings = patient.settings
    return await _port(running, settings.gateway_host, settings.gateway_port, "NEXUS_GATEWAY", "/api/hello")


async def dashboard_port(patient: Patient) -> Finding:
    """Ours, or free."""
    running = patient.running.dashboard if patient.running else ""
    settings = patient.settings
    return await _port(running, settings.dashboard_host, settings.dashboard_port, "NEXUS_DASHBOARD", "/login")


async def _port(running: str, hosts: tuple[str, ...], port: int, variable: str, path: str) -> Finding:
    if not running and not port:
        return ok("any free port will be taken")
    address = running or address_of(hosts[0], port)
    status = await _status(f"{address}{path}")
    if status == 200:
        return ok(f"answers at {address}")
    if running:
        return problem(f"nothing answers at {address}", "End `nexus up` and start it again; see its logs.")
    try:
        await asyncio.to_thread(check_can_listen, hosts, port, variable)
    except SetupError as error:
        finding, _, mend = str(error).partition(". ")
        return problem(finding, mend)
    return ok(f"port {port} is free")


async def _status(url: str, headers: dict[str, str] | None = None) -> int:
    """0: nobody answers."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_ASK, trust_env=False) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return 0


async def dashboard_key(patient: Patient) -> Finding:
    """Whether the dashboard that runs takes the key that is set here."""
    address = patient.running.dashboard if patient.running else ""
    if not address:
        return ok("no dashboard runs in this home's `nexus up`")
    key, place = _key(patient)
    if not key:
        return problem(f"{place} cannot be read", "Mend the file's rights, or set DASHBOARD_API_KEY.")
    status = await _status(f"{address}/api/requests?limit=1", {"X-Nexus-Key": key})
    if status == 401:
        return problem(f"the dashboard refuses the key of {place}", "It was changed since: start `nexus up` again.")
    if status != 200:
        return problem(
            f"the read API at {address} answers {status or 'nothing'}", "See logs/dashboard.log in the home."
        )
    return ok(f"the read API takes the key of {place}")


async def policy_reports(patient: Patient) -> Finding:
    """Did browsers stop anything on the dashboard's pages?"""
    said = patient.fresh.get("dashboard")
    if said is None:
        return ok("no dashboard runs on this home")
    stopped = {one.labels["directive"]: int(one.value) for one in said.published.samples("nexus_csp_violations_total")}
    if not stopped:
        return ok("browsers have stopped nothing on the dashboard's pages")
    words = ", ".join(f"{directive} ({count})" for directive, count in sorted(stopped.items()))
    mend = (
        "See logs/dashboard.log in the home: an extension of somebody's browser, or something that should not be there."
    )
    return warning(f"browsers have stopped something on the dashboard's pages: {words}", mend)


def _key(patient: Patient) -> tuple[str, str]:
    """(key, where it is from); "": there is none."""
    if patient.settings.dashboard_api_key is not None:
        return patient.settings.dashboard_api_key.get_secret_value(), "DASHBOARD_API_KEY"
    path = dashboard_key_file(patient.home)
    try:
        return path.read_text("ascii").strip(), str(path)
    except (OSError, UnicodeDecodeError):
        return "", str(path)


async def recording(patient: Patient) -> Finding:
    """Does it record, and was anything lost?"""
    if not patient.settings.storage_enabled:
        return warning("nothing is recorded: STORAGE_ENABLED is false", "Unset STORAGE_ENABLED to record.")
    found = report(patient.parts)
    if found.recording is None:
        return ok("no gateway runs that could record")
    if found.recording == "degraded":
        mend = f"Make room on the disk of {patient.home.journals}, or mend its file system."
        return problem("the journal's disk refuses records; requests are forwarded all the same", mend)
    if found.gaps:
        mend = "The disk was full or slow then; `nexus doctor machine` and the pages of the requests say more."
        return warning(f"{found.gaps} recording gaps since the gateway's start", mend)
    return ok("requests are recorded, without gaps since the gateway's start")


async def shipping(patient: Patient) -> Finding:
    """Do records reach the database?"""
    found = report(patient.parts)
    if found.store == "away":
        mend = "Start the database, or correct DATABASE_URL; nothing is lost meanwhile, records wait on the disk."
        return problem(f"the database is away; {found.ship_bytes or 0} bytes wait", mend)
    if found.ship_seconds is not None and found.ship_seconds > _LATE_S:
        mend = "See logs/shipper.log in the home; a shipper must run beside every gateway."
        return problem(f"shipping is {found.ship_seconds:.0f} s behind, {found.ship_bytes or 0} bytes wait", mend)
    return ok("nothing waits" if found.ship_seconds is not None else "no shipper runs, and no gateway that needs one")


async def projecting(patient: Patient) -> Finding:
    """Do events reach the pages?"""
    late = [
        f"{name} ({lag.events} events, {lag.seconds:.0f} s)"
        for name, lag in report(patient.parts).projections.items()
        if lag.events and lag.seconds > _LATE_S
    ]
    if late:
        mend = "See `nexus projections list` and logs/projector.log in the home."
        return warning(f"pages are behind: {', '.join(late)}", mend)
    return ok("pages show everything" if "projector" in patient.fresh else "no projector runs on this home")


async def journals(patient: Patient) -> Finding:
    """What dead workers left behind, and what no shipper can read."""
    root = patient.home.journals
    found = await asyncio.to_thread(_left_behind, root)
    unreadable = sorted(path.name for path in root.glob("unreadable-*")) if root.is_dir() else []
    if unreadable:
        mend = f"Another version of Nexus wrote it: let that one ship it, or remove {root}/{unreadable[0]}."
        return warning(f"{len(unreadable)} journals of another format were set aside", mend)
    if found:
        size = (await asyncio.to_thread(unshipped.measure, root, {})).disk_bytes
        mend = "Start `nexus up` (or `nexus shipper`): it ships and deletes them."
        return warning(f"{len(found)} journals of dead workers wait ({size / 1e6:.1f} MB in all)", mend)
    return ok("no journal was left behind")


def _left_behind(root: Path) -> list[Path]:
    return [path for path in journals_in(root) if _is_free(path / WRITER_LOCK) and _is_free(path / SHIPPER_LOCK)]


def _is_free(lock: Path) -> bool:
    """Without making the file: the doctor changes nothing. A lock that is not there is nobody's."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
