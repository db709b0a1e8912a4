"""Which database does a command talk to? ``DATABASE_URL``, or the embedded one: running, or started for the while."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from domain.errors import SetupError
from ops.db.embedded import EmbeddedConfig, EmbeddedPostgres, status
from ops.home import Home
from ops.home_lock import Holder, HomeHeldError, held
from ops.plan import POSTGRES
from ops.run_state import RunState, read
from ops.settings import Settings

PATIENCE_S = 20.0
"""How long another command may hold the home, and ``nexus up`` take to start its database."""
_POLL_S = 0.1


@contextmanager
def reached(settings: Settings, home: Home, me: Holder) -> Iterator[str]:
    """For a command: the URL of a database that can be used inside the ``with``.

    Raises SetupError, HomeHeldError or StoreUnavailableError.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with ExitStack() as stack:
        yield _claim(home, me, stack) or stack.enter_context(_started(settings, home))


def given(settings: Settings, home: Home, part: str) -> str:
    """For a part that runs on: ``DATABASE_URL``, or the database of the running ``nexus up``. Raises SetupError."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    running = read(home)
    if running is None or not running.database_url:
        raise SetupError(f"`nexus {part}` alone needs a database: set DATABASE_URL, or start `nexus up` first.")
    return running.database_url


def embedded_config(settings: Settings, home: Home) -> EmbeddedConfig:
    return EmbeddedConfig(directory=home.postgres, bin_dir=settings.pg_bin)


def end_database_left_behind(settings: Settings, home: Home) -> None:
    """The embedded server outlives a launcher that was killed; nobody else would end it now."""
    if settings.database_url is None and status(home.postgres) is not None:
        EmbeddedPostgres.start(embedded_config(settings, home)).stop("immediate", even_if_attached=True)


@contextmanager
def _started(settings: Settings, home: Home) -> Iterator[str]:
    """The embedded database, started or taken over, stopped at the end. Only for who holds the home."""
    postgres = EmbeddedPostgres.start(embedded_config(settings, home))
    try:
        yield postgres.dsn
    finally:
        postgres.stop(even_if_attached=True)


def _claim(home: Home, me: Holder, stack: ExitStack) -> str | None:
    """None: the home is ours for the stack's life; else the URL of the database that runs in it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            stack.enter_context(held(home, me))
        except HomeHeldError:
            running = read(home)
            if running is not None and running.database_url:
                return running.database_url
            if _has_other_database(running):
                raise SetupError(f"The `nexus up` on {home.root} uses a DATABASE_URL: set the same one here.") from None
            if time.monotonic() > deadline:
                raise
        else:
            return None
        time.sleep(_POLL_S)


def _has_other_database(running: RunState | None) -> bool:
    return running is not None and bool(running.parts) and POSTGRES not in running.parts
