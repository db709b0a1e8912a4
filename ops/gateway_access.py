"""What does the gateway's managed mode rest on? Keys, credentials and usage: files of the home, read and watched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from credentials.key_watch import KeyWatch
from credentials.usage_counts import USAGE_NAME
from domain.errors import SetupError
from gateway.admission import Access
from gateway.config import GatewayConfig
from gateway.modes import is_local_only, mode_now, notices
from gateway.usage_watch import UsageWatch
from ops.home import Home
from ops.lifetime import Lifetime
from ops.settings import Settings
from ops.vaults import vault

_LOG = structlog.get_logger("nexus.gateway")


@asynccontextmanager
async def watched(settings: Settings, home: Home) -> AsyncIterator[tuple[Access, KeyWatch]]:
    """What is stored, kept up to date. Raises SetupError."""
    keys, usage = KeyWatch(home.keys), UsageWatch(home.run / USAGE_NAME)
    failed: SetupError | None = None
    async with vault(settings, home) as signer, asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(keys.run()), tasks.create_task(usage.run())]
        try:
            yield Access(keys, signer, usage), keys
        except SetupError as error:
            failed = error  # to be raised outside of the groups, which would wrap it
        for watch in watching:
            watch.cancel()
    if failed is not None:
        raise failed


def is_managed(settings: Settings, home: Home) -> bool:
    """Does the gateway on this home want a client key, as things are now?"""
    local_only = is_local_only(settings.gateway_host)
    return mode_now(settings.mode, local_only=local_only, has_keys=KeyWatch(home.keys).has_keys) == "managed"


def tell_mode(config: GatewayConfig, keys: KeyWatch, lifetime: Lifetime) -> None:
    """What of the gateway's mode the operator should know."""
    told = notices(config.mode, hosts=config.hosts, has_keys=keys.has_keys, trouble=keys.trouble)
    for text in told:
        lifetime.notice(text)
        _LOG.warning(text)
