"""``nexus version``: which Nexus is this, on what?"""

import platform
from importlib.metadata import version


def run() -> None:
    print(text())


def text() -> str:
    """One line, for a report of a mistake."""
    here = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return f"nexus {version('nexus-gateway')} ({here})"
