"""Does Claude Code come here? Its own settings may lead it past the gateway."""

from pathlib import Path

from ops.addresses import address_of
from ops.client_environment import BASE_URL, detours, settings_files
from ops.doctor.findings import Finding, Patient, ok, warning


async def way(patient: Patient) -> Finding:
    """Its settings files and this shell's environment."""
    gateway = patient.running.gateway if patient.running and patient.running.gateway else ""
    gateway = gateway or address_of(patient.settings.gateway_host[0], patient.settings.gateway_port)
    environment = patient.environment
    files = settings_files(Path(environment.get("HOME", "/")), patient.folder)
    if found := detours(environment, files, gateway):
        return warning(found[0], f"{len(found)} such places; docs/claude-code.md says which one wins.")
    given = environment.get(BASE_URL, "").rstrip("/")
    if given and given != gateway:
        return warning(f"this shell sets {BASE_URL} to {given}", f"Unset it, or set it to {gateway}.")
    return ok("nothing leads Claude Code past the gateway; `nexus claude` runs it through")
