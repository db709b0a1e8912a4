"""Is what a team needs in order? Client keys that hold, and for each of them a credential to sign with."""

import asyncio
import time

from credentials.choosing import chosen
from credentials.credential_files import CredentialFileError
from credentials.credential_store import CredentialStore
from credentials.key_watch import KeyWatch
from credentials.report import Looked, findings
from credentials.signature import CredentialUnusableError
from gateway.modes import is_local_only, mode_now
from ops.clock import utc_now
from ops.doctor.findings import Finding, Patient, ok, problem
from ops.tenants import keys_in_force, tenants
from ops.vaults import credential_store

_CHECK = "`nexus credentials check` names each and how to mend it."


async def keys(patient: Patient) -> Finding:
    """The mode, and who may come in."""
    watch = await asyncio.to_thread(KeyWatch, patient.home.keys)
    local_only = is_local_only(patient.settings.gateway_host)
    if mode_now(patient.settings.mode, local_only=local_only, has_keys=watch.has_keys) == "pass_through":
        return ok("pass-through: clients' own credentials go upstream")
    if watch.trouble:
        return problem(
            f"the client keys cannot be read: {watch.trouble}",
            "Mend the file's rights, or run any `nexus keys` command that changes something: it writes the file anew.",
        )
    in_force = keys_in_force(watch, utc_now())
    if not in_force:
        return problem("managed mode, and no client key is in force", "Issue one: `nexus keys create`.")
    return ok(f"managed mode, {len(in_force)} client key{'s' * (len(in_force) > 1)} in force")


async def credentials(patient: Patient) -> Finding:
    """What tenants' requests are signed with."""
    return await asyncio.to_thread(_credentials, patient)


def _credentials(patient: Patient) -> Finding:
    callers = tenants(keys_in_force(KeyWatch(patient.home.keys), utc_now()))
    given = patient.settings.credentials_key_file
    folder = patient.home.credentials
    there = folder.is_dir() and any(path.name.endswith(".json") for path in folder.iterdir())
    if not there and not callers:
        return ok("none is stored, and none is needed")
    if there and not (given or patient.home.keys / "credentials.key").exists():
        return problem("the key that opens the stored credentials is gone", "Restore it, or add the credentials anew.")
    looked = _looked(credential_store(patient.settings, patient.home)) if there else []
    accounts = {one.domain: one.kept.credential.account if one.kept else None for one in looked}
    for client_domain, account in sorted(callers):
        try:
            chosen(client_domain, account, accounts)
        except CredentialUnusableError as error:
            return problem(f"a client key's requests are refused: {error}", f"See `nexus credentials list`. {_CHECK}")
    bad = [one for one in findings(looked, time.time_ns() // 1_000_000) if not one.is_well]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        return problem(f"{bad[0].domain}: {bad[0].message}{more}", _CHECK)
    return ok(f"{len(looked)} stored, all well; `nexus credentials check --online` asks upstream too")


def _looked(store: CredentialStore) -> list[Looked]:
    """Without putting anything right."""
    seen = store.look()
    return [_one(store, name, is_pending=name in seen.pending) for name in sorted(seen.files)]


def _one(store: CredentialStore, name: str, *, is_pending: bool) -> Looked:
    try:
        return Looked(name, store.load(name), is_pending=is_pending)
    except CredentialFileError as error:
        return Looked(name, None, str(error))
