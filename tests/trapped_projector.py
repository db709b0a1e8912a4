"""Projectors that are killed or stopped where they are told to. Run as a script; a line of JSON in, a pid out.

In: the fields of ``Order``. Each order forks a projector, which has everything loaded; who ordered it ends it. It is
``ops.serve.projector`` with real connections and leases; the trap stands where a batch has moved its checkpoint, has
written its rows, or is committed.
"""

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import uvloop

from domain.leadership import LeaseTerms
from ops import leading, projecting, serve
from ops.configs import Context
from ops.home import prepare
from ops.lifetime import live
from ops.reports import Reporter
from ops.settings import Settings
from projections import registry
from projections.follower import Sources
from projections.read_models import builds
from projections.read_models.connection import Connection
from tests.tally import TALLY

Point = Literal["moved", "written", "committed"]


@dataclass(frozen=True)
class Order:
    """Which projector to start, and where its trap is."""

    database_url: str
    home: str
    signal: int = 0
    """0: no trap."""
    point: Point = "moved"
    batch: int = 1
    """The trap is in the batch of this number."""
    lasts_s: float = 3.0
    ask_s: float = 0.5
    tally: bool = False
    """Follow the tally instead of the projections of the registry."""

    def line(self) -> str:
        return json.dumps(asdict(self))


class Trap:
    """Counts the batches of all projections, and sends the signal at its place."""

    def __init__(self, order: Order) -> None:
        self._order, self._batches, self._is_set = order, 0, order.signal != 0

    def at(self, point: Point) -> None:
        if point == "moved":
            self._batches += 1
        if self._is_set and point == self._order.point and self._batches >= self._order.batch:
            self._is_set = False
            os.kill(os.getpid(), self._order.signal)


def set_trap(order: Order) -> None:
    trap, moved, sources = Trap(order), builds.move_checkpoint, projecting.sources
    moving = set[int]()

    async def move_checkpoint(tx: Connection, *arguments: object) -> None:
        await moved(tx, *arguments)  # type: ignore[arg-type]
        moving.add(id(tx))
        trap.at("moved")

    def trapped(*arguments: object, **named: object) -> Sources:
        found = sources(*arguments, **named)  # type: ignore[arg-type]

        @asynccontextmanager
        async def transactions() -> AsyncIterator[Connection]:
            is_batch = False
            async with found.transactions() as tx:
                yield tx
                is_batch = id(tx) in moving
                moving.discard(id(tx))
                if is_batch:
                    trap.at("written")
            if is_batch:
                trap.at("committed")

        return Sources(found.log, found.reader, transactions)

    vars(builds)["move_checkpoint"] = move_checkpoint
    vars(projecting)["sources"] = trapped


def project(order: Order) -> None:
    """In the child: until it is killed or asked to stop."""
    set_trap(order)
    terms = LeaseTerms(order.lasts_s, order.ask_s)
    vars(leading)["asking"] = functools.partial(leading.asking, terms=terms)
    if order.tally:
        vars(registry)["PROJECTIONS"] = (TALLY,)
    settings = Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})
    context = Context(settings, prepare(Path(order.home)), order.database_url)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        life = live(lambda lifetime: serve.projector(context, lifetime), Reporter(None), supervised=False, grace_s=5)
        runner.run(life)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are nobody's to bury
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            with Path(os.devnull).open() as nothing, (Path(json.loads(line)["home"]) / "log").open("ab") as log:
                os.dup2(nothing.fileno(), 0)
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            try:
                project(Order(**json.loads(line)))
                code = 0
            finally:
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
