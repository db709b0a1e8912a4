"""How is a new database made?

``data`` is complete or absent: a new one grows in ``data.init`` and gets its name when nothing is left to do. What a
killed attempt left there is removed by the next one; the lock says when the programs of the killed one have ended, too.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.errors import SetupError, StoreUnavailableError
from ops.db.embedded_binaries import Binaries
from ops.db.embedded_directory import ClusterPaths
from ops.db.embedded_privileges import unprivileged
from ops.db.embedded_programs import Ended, reason, run

USER = "nexus"
DATABASE = "nexus"

CREATE_DATABASE = "CREATE DATABASE nexus"

KEEP_VALUES_OUT_OF_THE_LOG = "ALTER ROLE ALL SET log_min_messages = log"
"""Sessions do not log their errors, which may quote payload. The client is still told in full."""

LOCALE = "C.UTF-8"
LOCALE_EVERYWHERE = "C"
"""For systems without the first; both order text by code point."""


@dataclass(frozen=True, slots=True)
class NewCluster:
    """A database that is to be made."""

    paths: ClusterPaths
    binaries: Binaries
    lock: int
    """The open lock file; the programs hold it, too."""
    timeout_s: float
    """For each of the programs."""
    sync: bool = True
    """False: it need not survive a power cut. For tests."""


def make_cluster(new: NewCluster) -> None:
    """All of it, or nothing and an error that says why."""
    shutil.rmtree(new.paths.initializing, ignore_errors=True)
    try:
        _demand_success(_initdb(new), new)
        _demand_success(_create_database(new), new)
        new.paths.initializing.rename(new.paths.data)
    finally:
        shutil.rmtree(new.paths.initializing, ignore_errors=True)
    _sync_folder(new.paths.directory)


def _initdb(new: NewCluster) -> Ended:
    ended = _initdb_in(LOCALE, new)
    if ended.code != 0 and "locale" in ended.output:
        ended = _initdb_in(LOCALE_EVERYWHERE, new)
    return ended


def _initdb_in(locale: str, new: NewCluster) -> Ended:
    argv = [
        *(str(new.binaries.initdb), "-D", str(new.paths.initializing), "--username", USER, "--auth=trust"),
        *("--encoding=UTF8", f"--locale={locale}", "--data-checksums", "--no-instructions"),
    ]
    return _run(new, argv if new.sync else [*argv, "--no-sync"])


def _create_database(new: NewCluster) -> Ended:
    """By a stand-alone backend: without a server nobody can see the half-made database."""
    options = ("-c", "exit_on_error=on", "-c", "log_checkpoints=off")
    argv = [str(new.binaries.postgres), "--single", "-D", str(new.paths.initializing), *options, "postgres"]
    return _run(new, argv, said=f"{CREATE_DATABASE}\n{KEEP_VALUES_OUT_OF_THE_LOG}\n")


def _run(new: NewCluster, argv: Sequence[str], said: str = "") -> Ended:
    command = unprivileged(argv, new.paths.directory)
    return run(command, timeout_s=new.timeout_s, said=said, keep_open=(new.lock,))


def _demand_success(ended: Ended, new: NewCluster) -> None:
    if ended.code < 0:
        raise StoreUnavailableError(f"PostgreSQL was killed while it made {new.paths.directory}: start again.")
    if ended.code > 0:
        raise SetupError(
            f"PostgreSQL cannot make a database in {new.paths.directory}: {reason(ended.output)}. Mend that and start "
            "again; nothing half made is left behind."
        )


def _sync_folder(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
