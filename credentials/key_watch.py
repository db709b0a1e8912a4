"""Which client keys hold on this host right now? A watch over the snapshot file and the tombstones beside it.

It looks four times a second, by ``stat``, and reads only what changed, in a thread. What it cannot read changes
nothing: the last good state stays. With no good state ever read it fails closed: keys there are, and none is known.

The tombstones are read before the snapshot, so a key is seen revoked by at least one of the two at every moment.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from credentials import snapshot_file, tombstones
from credentials.key_snapshot import KeySnapshot
from credentials.private_files import Lookout, UnfitFileError
from credentials.snapshot_file import SNAPSHOT_NAME
from credentials.tombstones import FOLDER_NAME

POLL_S = 0.25
_LOG = structlog.get_logger("nexus.keys")


def _nothing() -> None:
    """Nobody wants to hear of changes."""


class KeyWatch:
    """The keys of one host, as a gateway worker sees them. Knows them as soon as it is made."""

    def __init__(
        self, folder: Path, *, changed: Callable[[], None] = _nothing, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """``folder``: ``keys`` in the home; ``changed`` is called, in the loop, when ``current`` is another one."""
        self._changed, self._wall_ns = changed, wall_ns
        self._snapshot = _Watched(folder / SNAPSHOT_NAME)
        self._stones = _Watched(folder / FOLDER_NAME)
        self._known: KeySnapshot | None = None
        """None: no good file was ever seen."""
        self._revoked: Mapping[str, datetime] | None = None
        """None: the tombstones could never be read."""
        self._current = KeySnapshot()
        self._read_stones()
        self._read_snapshot()
        self._current = self._combined()

    @property
    def current(self) -> KeySnapshot:
        """All keys, tombstones applied."""
        return self._current

    @property
    def has_keys(self) -> bool:
        """Whether a key was ever issued, revoked ones included; True too where that cannot be known."""
        cannot_tell = self._revoked is None or (self._known is None and self._snapshot.trouble)
        return bool(self._current.keys or self._revoked or cannot_tell)

    @property
    def trouble(self) -> str:
        """Why the files cannot be read now, in one line; "" if they can."""
        return self._snapshot.trouble or self._stones.trouble

    async def run(self, poll_s: float = POLL_S) -> None:
        """Keep looking, until cancelled."""
        while True:
            await asyncio.sleep(poll_s)
            await self.look()

    async def look(self) -> None:
        """Take in what changed since the last look."""
        stones = self._stones.differs(self._wall_ns())
        if stones:
            await asyncio.to_thread(self._read_stones)
        snapshot = self._snapshot.differs(self._wall_ns())
        if snapshot:
            await asyncio.to_thread(self._read_snapshot)
        if (stones or snapshot) and (now := self._combined()) != self._current:
            self._current = now
            self._changed()

    def _read_stones(self) -> None:
        try:
            self._revoked = {**(self._revoked or {}), **tombstones.revoked_in(self._stones.path)}
        except UnfitFileError as error:
            self._stones.refuse(str(error))
        else:
            self._stones.accept()

    def _read_snapshot(self) -> None:
        try:
            found = snapshot_file.read(self._snapshot.path)
        except UnfitFileError as error:
            self._snapshot.refuse(str(error))
            return
        if found is not None:
            self._known = found.snapshot
            self._snapshot.accept()
        elif self._known is not None:
            self._snapshot.refuse(f"{self._snapshot.path} is gone; the keys it last held are in force.")

    def _combined(self) -> KeySnapshot:
        if self._known is None or self._revoked is None:
            return KeySnapshot()
        keys = dict(self._known.keys)
        for key_id, since in self._revoked.items():
            if key_id in keys and keys[key_id].revoked_at is None:
                keys[key_id] = replace(keys[key_id], revoked_at=since)
        return KeySnapshot(keys, self._known.account_limits)


class _Watched(Lookout):
    """One path, and what was wrong with it when it was last read."""

    trouble = ""

    def accept(self) -> None:
        self.trouble = ""

    def refuse(self, why: str) -> None:
        if why != self.trouble:
            _LOG.error("client keys cannot be read", detail=why)
        self.trouble = why
