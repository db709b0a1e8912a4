"""What do read models run their SQL on? The one place that names the database driver's types for projections."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import asyncpg

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""A connection; in a projector, inside the transaction that also moves the checkpoint."""
Connections = Callable[[], AbstractAsyncContextManager[Connection]]
"""Lends a connection for a short while; raises StoreUnavailableError when the database is away."""
Pool = asyncpg.Pool
