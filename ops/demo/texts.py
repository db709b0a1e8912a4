"""What does ``nexus demo`` say?"""

import json

from ops.startup_text import Addresses


def ready_text(addresses: Addresses, home: str, stories: int, minutes: int) -> str:
    """The text that stands on the terminal while the demo runs. ``minutes`` 0: at once."""
    when = f"over about {minutes} minutes" if minutes else "at once"
    lines = ["", "The Nexus demo is ready: invented people, a stand-in for the API, no key, no network.", ""]
    lines.append(f"  Dashboard  {addresses.dashboard}")
    if addresses.login:
        lines.append(f"  Log in     {addresses.login}   (this link works once)")
    lines += [
        f"  Gateway    {addresses.gateway}",
        "",
        f"{stories} stories are played {when}. Ctrl-C stops everything.",
        f"Data: {home} (kept for the next time; --fresh begins with nothing)",
        "",
    ]
    return "\n".join(lines)


def ready_json(addresses: Addresses, home: str, seed: str) -> str:
    """The same for a script."""
    said = {"gateway": addresses.gateway, "dashboard": addresses.dashboard, "login": addresses.login}
    return json.dumps({**said, "home": home, "seed": seed})


def progress(elapsed_s: float, line: str) -> str:
    return f"{int(elapsed_s) // 60:2}:{int(elapsed_s) % 60:02}  {line}"


def ended_text(exchanges: int, failed: list[str], *, goes_on: bool) -> str:
    """After the last story."""
    lines = [f"All was played: {exchanges} requests."]
    if failed:
        lines = [
            f"Played with {len(failed)} stories broken off ({exchanges} requests):",
            *(f"  {why}" for why in failed),
        ]
    if goes_on:
        lines.append("The dashboard stays up until Ctrl-C.")
    return "\n".join(lines)
