"""How long a commit waits for its rows, and when nothing waits any more, from what a scripted store says."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.bench import store_watch
from tests.bench.load import LoadError
from tests.bench.store_watch import StoreWatch


class Scripted:
    """Answers look after look: newest position, ended exchanges, position of the slowest projection."""

    def __init__(self, looks: Sequence[tuple[int, int, int]]) -> None:
        self._looks = list(looks)
        self.asked = list[int]()

    async def fetchrow(self, _: str, seen: int) -> tuple[int, int, int]:
        self.asked.append(seen)
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


def watching(*looks: tuple[int, int, int]) -> tuple[StoreWatch, Scripted]:
    scripted = Scripted(looks)
    connection: Any = scripted
    return StoreWatch(connection), scripted


async def test_each_commit_waits_for_the_slowest_projection() -> None:
    watch, scripted = watching((4, 0, 0), (9, 1, 3), (9, 0, 4), (9, 0, 9))
    clock = iter((0.0, 1.0, 2.0, 3.0))
    watch.clock = lambda: next(clock)
    for _ in range(4):
        await watch.look()
    assert watch.lags_ms == [2000, 2000]
    assert scripted.asked == [0, 4, 9, 9]
    assert watch.ended == 1


async def test_everything_has_ended_and_stands_in_the_rows() -> None:
    watch, scripted = watching((5, 2, 0), (9, 1, 5), (9, 0, 8), (9, 0, 9))
    await watch.until_ended(3)
    assert len(scripted.asked) == 4


async def test_what_never_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_watch, "DEADLINE_S", 0.05)
    watch, _ = watching((5, 1, 3), (5, 0, 3))
    with pytest.raises(LoadError, match="1 of 2 exchanges have ended, 2 events wait"):
        await watch.until_ended(2)
