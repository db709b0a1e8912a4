"""A second linker beside the real one, in one process: the rule follows the projection that asks.

Each projector runs with a rule of its own; the rule is looked up where the real one would be called.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.ids import Position
from domain.linking import link as real_link
from domain.links import Link
from projections.exchanges import ExchangeReader
from projections.projector import Projection, Write
from projections.projectors import conversations
from projections.projectors.conversations import ConversationsProjector
from projections.read_models.connection import Connection

Rule = Callable[..., Link]
_RULE: ContextVar[Rule] = ContextVar("rule", default=real_link)


class RuledProjector:
    """The real projector with another rule."""

    def __init__(self, reader: ExchangeReader, rule: Rule) -> None:
        self._inner, self._rule = ConversationsProjector(reader), rule

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        with self._ruling():
            inner = await self._inner.project(request_ids, upto)

        async def write(tx: Connection) -> None:
            with self._ruling():
                await inner(tx)

        return write

    @contextmanager
    def _ruling(self) -> Iterator[None]:
        token = _RULE.set(self._rule)
        try:
            yield
        finally:
            _RULE.reset(token)


def without_tasks(subject: Any, found: Any, *rest: Any) -> Link:
    """A linker that does not know what starts a sub-agent: each becomes a conversation of its own."""
    return real_link(subject, replace(found, tasks=(), newest=None), *rest)


def version(real: Projection, number: int, rule: Rule) -> Projection:
    """The projection as another version of the code would have it. Needs the fixture ``rules``."""
    return replace(real, version=number, make=lambda reader: RuledProjector(reader, rule))


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the projector asks the rule of whoever runs it."""

    def ask(*facts: Any) -> Link:
        return _RULE.get()(*facts)

    monkeypatch.setattr(conversations, "link", ask)
