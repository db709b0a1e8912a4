"""A streaming replica of an embedded PostgreSQL, as an operator makes one: base backup, standby signal, start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres
from ops.db.embedded_binaries import find_binaries
from ops.db.embedded_cluster import USER
from ops.db.embedded_privileges import unprivileged
from ops.db.embedded_programs import run

SLOT = "nexus_replica"
BACKUP_DEADLINE_S = 60.0


@contextmanager
def replica_of(primary: EmbeddedPostgres, folder: Path) -> Iterator[EmbeddedPostgres]:
    """A standby that follows ``primary`` through a replication slot of its own; in ``folder``."""
    folder.mkdir(mode=0o700)
    programs = find_binaries(None, folder, None).directory
    where = ["-h", str(primary.socket_dir), "-p", str(primary.port), "-U", USER]
    take = ["-D", str(folder / "data"), "-R", "-X", "stream", "-C", "-S", SLOT, "-c", "fast", "--no-sync"]
    ended = run(unprivileged([str(programs / "pg_basebackup"), *where, *take], folder), timeout_s=BACKUP_DEADLINE_S)
    assert ended.code == 0, ended.output
    server = EmbeddedPostgres.start(EmbeddedConfig(folder, settings={"hot_standby_feedback": "on"}))
    try:
        yield server
    finally:
        server.stop("immediate")
