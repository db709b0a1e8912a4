"""What do read models run their SQL on? The one place that names the database driver's types for projections."""

import asyncpg

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""A connection; in a projector, inside the transaction that also moves the checkpoint."""
Pool = asyncpg.Pool
