"""``nexus migrate``: how is the database brought up to date by hand?"""

import asyncio
from pathlib import Path

from ops.database import reached
from ops.home import prepare
from ops.home_lock import me
from ops.serve_database import migrated
from ops.settings import load


def run() -> None:
    """Apply what is pending and say so. Raises NexusError."""
    settings = load(Path.cwd())
    with reached(settings, prepare(settings.home), me("migrate")) as url:
        applied = asyncio.run(migrated(url))
    for name in applied:
        print(f"applied {name}")
    print("The database is up to date.")
