"""Which checks are there? Whoever adds one adds a line; the order is that of the report."""

from ops.doctor import client, machine, running, store, team, upstream
from ops.doctor.findings import Check

CHECKS: tuple[Check, ...] = (
    Check("machine", "python", machine.python),
    Check("machine", "home", machine.home),
    Check("machine", "disk", machine.space),
    Check("machine", "open files", machine.open_files),
    Check("machine", "settings", machine.variables),
    Check("machine", "exposure", machine.exposure),
    Check("running", "parts", running.parts),
    Check("running", "gateway", running.gateway_port),
    Check("running", "dashboard", running.dashboard_port),
    Check("running", "dashboard key", running.dashboard_key),
    Check("running", "dashboard policy", running.policy_reports),
    Check("running", "recording", running.recording),
    Check("running", "shipping", running.shipping),
    Check("running", "projections", running.projecting),
    Check("running", "journals", running.journals),
    Check("store", "database", store.database),
    Check("store", "builds", store.builds),
    Check("store", "dashboard role", store.dashboard_role),
    Check("team", "keys", team.keys),
    Check("team", "credentials", team.credentials),
    Check("upstream", "allowed", upstream.allowed),
    Check("upstream", "certificates", machine.ca_file),
    Check("upstream", "reach", upstream.reach, deadline_s=12),
    Check("upstream", "clock", upstream.clock, deadline_s=12),
    Check("client", "way", client.way),
)
