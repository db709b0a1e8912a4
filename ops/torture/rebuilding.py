"""Do the read models equal a rebuild from the events? Asked of ``nexus projections verify``, as a user would."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.plan import command_line

DEADLINE_S = 600.0
_SHOWN = 300


async def difference_to_rebuild(
    environment: Mapping[str, str], folder: Path, command: Sequence[str] = ("projections", "verify")
) -> str:
    """What is different, or why it cannot be said; "": they are equal."""
    process = await asyncio.create_subprocess_exec(
        *command_line(*command), env=dict(environment), cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEADLINE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        return f"it was not rebuilt within {DEADLINE_S:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace").strip()[-_SHOWN:] if process.returncode else ""
