"""Can Nexus live on this machine? Python, packages, the home, the disk, limits, settings, who can reach it."""

import os
import platform
import re
import shutil
import ssl
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from dashboard.config import is_loopback
from ops.doctor.findings import Finding, Patient, ok, problem, warning
from ops.settings import unknown_variables

DISTRIBUTION = "nexus-gateway"
OLDEST_PYTHON = (3, 11)
_NAME = re.compile(r"[\w.-]+")
_FULL, _NEARLY_FULL = 0.9, 0.8
_FEW_FILES = 4096


async def python(_: Patient) -> Finding:
    """The interpreter and what must be installed in it."""
    if sys.version_info < OLDEST_PYTHON:
        return problem(f"Python {platform.python_version()} is too old", "Install Python 3.11 or newer.")
    missing = [name for name in _required() if not _is_installed(name)]
    if missing:
        return problem(f"packages are missing: {', '.join(missing)}", "Run `python3 run.py install` once more.")
    return ok(f"Python {platform.python_version()}, {DISTRIBUTION} {version(DISTRIBUTION)}, all packages")


def _required() -> list[str]:
    """Without the extras, which are for developing."""
    wanted = [one for one in requires(DISTRIBUTION) or [] if "extra ==" not in one]
    return [found[0] for one in wanted if (found := _NAME.match(one)) is not None]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


async def home(patient: Patient) -> Finding:
    """The folder of everything that is kept."""
    root = patient.home.root
    try:
        found = root.stat()
    except FileNotFoundError:
        return ok(f"{root} is not there yet; `nexus up` makes it")
    except OSError as error:
        return problem(f"{root} cannot be looked at ({error.strerror})", "Set NEXUS_HOME to a folder of this user's.")
    if not root.is_dir():
        return problem(f"{root} is no folder", "Remove it, or set NEXUS_HOME to another folder.")
    if found.st_uid != os.geteuid():
        return problem(
            f"{root} belongs to another user", "Run Nexus as that user, or set NEXUS_HOME to another folder."
        )
    if found.st_mode & 0o077:
        return problem(f"{root} can be read by others (mode {found.st_mode & 0o777:o})", f"Run `chmod 700 {root}`.")
    if not os.access(root, os.W_OK | os.X_OK):
        return problem(f"{root} cannot be written", f"Run `chmod u+rwx {root}`, or set NEXUS_HOME to another folder.")
    return ok(f"{root} is this user's alone")


async def space(patient: Patient) -> Finding:
    """Of the disk that journals and database lie on."""
    folder = next((one for one in (patient.home.root, *patient.home.root.parents) if one.is_dir()), None)
    if folder is None:
        return warning("the disk of the home is not known", "Set NEXUS_HOME to a folder that can be made.")
    usage = shutil.disk_usage(folder)
    share = usage.used / max(1, usage.used + usage.free)
    said = f"the disk of {folder} is {share:.0%} full, {usage.free / 1e9:.1f} GB are free"
    mend = "Make room, or set NEXUS_HOME to a larger disk; a full disk leaves gaps in the record."
    if share > _FULL:
        return problem(said, mend)
    return warning(said, mend) if share > _NEARLY_FULL else ok(said)


async def open_files(_: Patient) -> Finding:
    """Each open stream takes two."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FEW_FILES:
        mend = "Run `ulimit -n 65536` before `nexus up`, or set LimitNOFILE=65536 in the systemd unit."
        return warning(f"a process may open {soft} files (up to {hard} if asked), two for each stream", mend)
    return ok(f"a process may open {'any number of' if soft == resource.RLIM_INFINITY else soft} files")


async def variables(_: Patient) -> Finding:
    """Settings that nobody reads are mistyped."""
    strangers = unknown_variables()
    if not strangers:
        return ok("every NEXUS_ variable is known")
    told = ", ".join(f"{name} ({near}?)" if near else name for name, near in strangers)
    return warning(f"nobody reads {told}", "Correct or unset it; docs/configuration.md has the names.")


async def exposure(patient: Patient) -> Finding:
    """What others on the network reach is not encrypted by Nexus itself."""
    settings = patient.settings
    has_tls = any(url.startswith("https://") for url in settings.dashboard_url)
    if not has_tls and (strangers := [host for host in settings.dashboard_host if not is_loopback(host)]):
        mend = "Listen on 127.0.0.1 behind a TLS proxy and set NEXUS_DASHBOARD_URL: docs/deployment.md."
        return problem(f"the dashboard listens on {strangers[0]}: key and record pass unencrypted", mend)
    if strangers := [host for host in settings.gateway_host if not is_loopback(host)]:
        mend = "Listen on 127.0.0.1 behind nginx or Caddy with TLS (docs/deployment.md), or on a private network only."
        return warning(f"the gateway listens on {strangers[0]}: keys and prompts pass unencrypted", mend)
    return ok("gateway and dashboard can be reached from this machine only")


async def ca_file(patient: Patient) -> Finding:
    """The certificates that the upstream is checked with, if they are set."""
    path = patient.settings.ca_file
    if path is None:
        return ok("the system's certificates are used")
    try:
        count = len(ssl.create_default_context(cafile=str(path)).get_ca_certs())
    except (OSError, ssl.SSLError):
        return problem(f"SSL_CERT_FILE {path} holds no certificates", "Give a PEM file, or unset it.")
    return ok(f"{count} certificates in {path}")
