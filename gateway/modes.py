"""Whose credential goes upstream: the client's own, or a stored one in its place? One mode for one request; pure."""

import ipaddress
from collections.abc import Sequence
from typing import Literal

Mode = Literal["pass_through", "managed"]
WantedMode = Literal["auto", "pass_through", "managed"]
"""What the operator asks for; auto: managed as soon as a client key was issued or others can reach the gateway."""


def mode_now(wanted: WantedMode, *, local_only: bool, has_keys: bool) -> Mode:
    """``local_only``: nobody but this machine can connect. ``has_keys``: a client key was ever issued."""
    if wanted != "auto":
        return wanted
    return "pass_through" if local_only and not has_keys else "managed"


def is_local_only(hosts: Sequence[str]) -> bool:
    """Are all of these addresses the loopback's?"""
    return all(_is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def notices(wanted: WantedMode, *, hosts: Sequence[str], has_keys: bool, trouble: str) -> tuple[str, ...]:
    """What the operator should know at the start. ``trouble``: why the client keys cannot be read; "" if they can."""
    local_only = is_local_only(hosts)
    mode = mode_now(wanted, local_only=local_only, has_keys=has_keys)
    if trouble and mode == "managed":
        return (f"The client keys cannot be read ({trouble}); every request is refused until they can.",)
    if mode == "managed" and not has_keys:
        return ("There is no client key yet: every request is refused until you make one with `nexus keys create`.",)
    if mode == "pass_through" and not local_only:
        where = ", ".join(hosts)
        mend = "put no other machine in reach of it, or unset NEXUS_MODE so that clients need a key"
        return (f"Whoever reaches {where} may use the gateway, because NEXUS_MODE is pass_through; {mend}.",)
    return ()
