"""With which settings does the embedded server run?"""

from collections.abc import Mapping
from pathlib import Path

from ops.db.embedded_binaries import Binaries
from ops.db.embedded_directory import PORT, ClusterPaths
from ops.db.embedded_privileges import unprivileged
from ops.db.embedded_process import cluster_name

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",
    "timezone": "UTC",
    # One log file, without a parameter, a statement or a DETAIL line: any of them may quote payload.
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
}


def server_command(paths: ClusterPaths, binaries: Binaries, sockets: Path, settings: Mapping[str, str]) -> list[str]:
    """The command that becomes the postmaster; settings on its line are always those of this version of Nexus."""
    quoted = str(sockets).replace('"', '""')
    chosen = {
        **SETTINGS,
        "cluster_name": cluster_name(paths.data),
        "port": str(PORT),
        "unix_socket_directories": f'"{quoted}"',
        **settings,
    }
    options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    return unprivileged([str(binaries.postgres), "-D", str(paths.data), *options], paths.directory)
