"""Transcripts of an exchange: ``>>`` is what happens, ``<<`` what must be commanded next.

    assert Playbook() >> RequestRead(…) << Record(…) << SyncJournal(…) >> JournalSynced(…) << …

Every command must be named, in order; a playbook that was not asserted is a test that does nothing, and fails.
"""

from collections import deque

from gateway.exchange import Command, Exchange, Input


class Playbook:
    """One exchange, played."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.exchange = exchange or Exchange("01990000-0000-7000-8000-000000000001")
        self._commands: deque[Command] = deque()
        self._asserted = False

    def __rshift__(self, happened: Input) -> "Playbook":
        assert not self._commands, f"before {happened}: nobody expected {list(self._commands)}"
        self._commands.extend(self.exchange.receive(happened))
        return self

    def __lshift__(self, expected: Command) -> "Playbook":
        assert self._commands, f"nothing is commanded where {expected} was expected"
        assert self._commands.popleft() == expected
        return self

    def __bool__(self) -> bool:
        self._asserted = True
        assert not self._commands, f"nobody expected {list(self._commands)}"
        return True

    def __del__(self) -> None:
        assert self._asserted, "this playbook was never asserted"
