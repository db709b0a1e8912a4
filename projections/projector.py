"""What is a projection? A name, a version, tables, and a projector that keeps them in step with the events."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.ids import Position
from projections.exchanges import ExchangeReader
from projections.read_models.connection import Connection

Write = Callable[[Connection], Awaitable[None]]
"""Writes rows inside the transaction that also moves the checkpoint."""
Transactions = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens a transaction on the primary; raises StoreUnavailableError when the store is away."""


class Projector(Protocol):
    """Brings rows up to date for some exchanges. Delivered twice, it writes the same rows."""

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        """``request_ids``: exchanges with events among the newest up to ``upto``; nothing above it may be read.

        Reads what is recorded; the returned function then writes, so that no transaction waits for reading.
        """
        ...


@dataclass(frozen=True, slots=True)
class Projection:
    """One entry of the registry."""

    name: str
    version: int
    """Raised whenever the same events may give other rows: a new build is then made beside the live one."""
    topics: tuple[str, ...]
    schema_file: str
    """In ``projections/read_models``: the tables' DDL, with unqualified names."""
    tables: tuple[str, ...]
    """Every table of the projection; digested by ``verify``."""
    views: tuple[str, ...]
    """Those that readers see, as ``read.<table>``."""
    make: Callable[[ExchangeReader], Projector]
