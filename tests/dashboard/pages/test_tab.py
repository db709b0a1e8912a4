"""A page in a tab is loaded once, follows while it is seen, sends what differs, and says when the store is away."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from markupsafe import Markup

from dashboard.markup import Message, Regions
from dashboard.pages import tab as tab_module
from dashboard.pages.reader import Acted, Asked, Ready, Visible
from dashboard.pages.tab import MOST_DOUBLINGS, TICKS_WHILE_AWAY, TICKS_WHILE_SLOW, Tab
from domain.errors import StoreUnavailableError, TooSlowError
from domain.ids import Position


@dataclass
class StubPage:
    """A page whose content is one word."""

    word: str = "one"
    calls: list[str] = field(default_factory=list)
    away: bool = False
    slow: bool = False
    hold: asyncio.Event | None = None
    called: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = "stub"
    section: str = "stubs"
    region_names: tuple[str, ...] = ("main", "side")
    painted: int = 0

    @property
    def title(self) -> str:
        return f"Title {self.word}"

    async def load(self, search: str) -> None:
        await self._do(f"load {search}")

    async def follow(self) -> None:
        await self._do("follow")

    async def act(self, name: str, value: str) -> None:
        await self._do(f"act {name} {value}")

    async def _do(self, what: str) -> None:
        self.calls.append(what)
        self.called.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            raise StoreUnavailableError
        if self.slow:
            raise TooSlowError

    def regions(self) -> Regions:
        return {"main": Markup(self.word), "side": Markup("same")}

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        self.painted += 1


@dataclass
class Bench:
    """A tab with a store that only has a position, and a browser that keeps what it is sent."""

    page: StubPage = field(default_factory=StubPage)
    at: int = 1
    away: bool = False
    sent: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab = Tab(self.page, self.position)
        self.tab.attach(self, self.in_document)

    async def position(self) -> Position:
        if self.away:
            raise StoreUnavailableError
        return Position(self.at)

    def in_document(self, run: Callable[[], None]) -> None:
        run()

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def taken(self) -> list[Message]:
        taken, self.sent = self.sent, []
        return taken


async def opened(*, visible: bool = True) -> Bench:
    """Loaded, served and ready."""
    bench = Bench()
    await bench.tab.open("?a=b")
    bench.tab.served()
    await bench.tab.hear(Ready("?a=b", visible))
    bench.taken()
    bench.page.calls.clear()
    bench.page.called.clear()
    return bench


async def test_a_page_is_loaded_before_it_is_served_and_sent_nothing_again() -> None:
    bench = Bench()
    await bench.tab.open("?a=b")
    assert bench.tab.served() == ("Title one", {"main": Markup("one"), "side": Markup("same")})
    assert bench.page.painted == 1
    await bench.tab.hear(Ready("?a=b", True))
    assert bench.page.calls == ["load ?a=b"]
    assert bench.taken() == [{"kind": "status", "state": "live"}]


async def test_a_browser_with_another_address_gets_that_page() -> None:
    bench = Bench()
    await bench.tab.open("")
    bench.tab.served()
    bench.page.word = "two"
    await bench.tab.hear(Ready("?other=1", True))
    assert bench.page.calls == ["load ", "load ?other=1"]
    assert {"kind": "patch", "regions": {"main": "two"}} in bench.taken()


async def test_a_session_made_anew_sends_everything() -> None:
    bench = Bench()
    await bench.tab.hear(Ready("", True))
    assert bench.taken() == [
        {"kind": "patch", "regions": {"main": "one", "side": "same"}},
        {"kind": "title", "text": "Title one"},
        {"kind": "status", "state": "live"},
    ]


async def test_a_tick_looks_again_only_when_something_happened() -> None:
    bench = await opened()
    bench.page.word = "two"
    await bench.tab.tick()
    assert (bench.page.calls, bench.taken()) == ([], [])
    bench.at = 2
    await bench.tab.tick()
    assert bench.page.calls == ["follow"]
    assert bench.taken() == [
        {"kind": "patch", "regions": {"main": "two"}},
        {"kind": "title", "text": "Title two"},
    ]
    await bench.tab.tick()
    assert bench.page.calls == ["follow"]


async def test_what_happens_while_the_page_is_loaded_is_not_missed() -> None:
    bench = Bench()
    bench.page.hold = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.tab.open(""))
        await bench.page.called.wait()
        bench.at = 2
        bench.page.hold.set()
    bench.tab.served()
    await bench.tab.hear(Ready("", True))
    await bench.tab.tick()
    assert bench.page.calls == ["load ", "follow"]


async def test_nobody_is_asked_for_a_tab_that_is_hidden_or_not_there() -> None:
    bench = Bench()
    await bench.tab.open("")
    bench.at = 2
    await bench.tab.tick()
    assert bench.page.calls == ["load "]
    bench = await opened()
    await bench.tab.hear(Visible(False))
    bench.at = 3
    await bench.tab.tick()
    assert bench.page.calls == []
    await bench.tab.hear(Visible(True))
    assert bench.page.calls == ["follow"]
    hidden = await opened(visible=False)
    hidden.at = 2
    await hidden.tab.tick()
    assert hidden.page.calls == []


async def test_a_tick_does_not_wait_for_a_busy_page_but_an_act_does() -> None:
    bench = await opened()
    bench.page.hold = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.tab.hear(Acted("first", "1")))
        await bench.page.called.wait()
        bench.at = 2
        await bench.tab.tick()
        second = tasks.create_task(bench.tab.hear(Acted("second", "2")))
        await asyncio.sleep(0)
        assert bench.page.calls == ["act first 1"]
        assert not second.done()
        bench.page.hold.set()
    assert bench.page.calls == ["act first 1", "act second 2"]


async def test_a_new_query_loads_the_page_anew() -> None:
    bench = await opened()
    await bench.tab.hear(Asked("?c=d"))
    assert bench.page.calls == ["load ?c=d"]


async def test_an_act_is_done_and_shown() -> None:
    bench = await opened()
    bench.page.word = "acted"
    painted = bench.page.painted
    await bench.tab.hear(Acted("open", "x"))
    assert bench.page.calls == ["act open x"]
    assert {"kind": "patch", "regions": {"main": "acted"}} in bench.taken()
    assert bench.page.painted == painted + 1


async def test_a_store_that_is_away_leaves_a_notice_until_it_is_back() -> None:
    bench = Bench(away=True)
    await bench.tab.open("")
    title, regions = bench.tab.served()
    assert title == "Nexus"
    assert 'data-state="away"' in regions["main"]
    assert regions["side"] == ""
    assert bench.page.painted == 0
    await bench.tab.hear(Ready("", True))
    assert bench.taken() == [{"kind": "status", "state": "away"}]
    bench.away = False
    for _ in range(TICKS_WHILE_AWAY):
        await bench.tab.tick()
    assert bench.page.calls == ["load "]
    assert bench.taken() == [
        {"kind": "patch", "regions": {"main": "one", "side": "same"}},
        {"kind": "title", "text": "Title one"},
        {"kind": "status", "state": "live"},
    ]


async def test_a_page_keeps_what_it_shows_while_the_store_is_away() -> None:
    bench = await opened()
    bench.away, bench.at = True, 2
    await bench.tab.tick()
    assert bench.taken() == [{"kind": "status", "state": "away"}]
    bench.away = False
    for _ in range(TICKS_WHILE_AWAY - 1):
        await bench.tab.tick()
    assert bench.page.calls == []
    await bench.tab.tick()
    assert bench.page.calls == ["follow"]
    assert bench.taken() == [{"kind": "status", "state": "live"}]


async def test_what_a_failed_look_missed_is_looked_at_again() -> None:
    bench = await opened()
    bench.page.away, bench.at = True, 2
    await bench.tab.tick()
    bench.page.away = False
    for _ in range(TICKS_WHILE_AWAY):
        await bench.tab.tick()
    assert bench.page.calls == ["follow", "follow"]


async def test_a_query_that_the_store_missed_is_asked_for_again() -> None:
    """Else the page would be called live, and show what its address does not ask for."""
    bench = await opened()
    bench.away = True
    await bench.tab.hear(Asked("?range=90d"))
    bench.away = False
    bench.page.word = "all of it"
    for _ in range(TICKS_WHILE_AWAY):
        await bench.tab.tick()
    assert bench.page.calls == ["load ?range=90d"]
    assert {"kind": "patch", "regions": {"main": "all of it"}} in bench.taken()


async def ticked_until_asked(bench: Bench) -> int:
    bench.page.calls.clear()
    ticks = 0
    while not bench.page.calls:
        await bench.tab.tick()
        ticks += 1
    return ticks


@pytest.mark.bar(70)
async def test_a_question_that_takes_too_long_is_named_and_asked_again_ever_less_often() -> None:
    bench = Bench(StubPage(slow=True))
    await bench.tab.open("")
    title, regions = bench.tab.served()
    assert title == "Nexus"
    assert 'data-state="slow"' in regions["main"]
    await bench.tab.hear(Ready("", True))
    assert bench.taken() == [{"kind": "status", "state": "slow"}]
    first = await ticked_until_asked(bench)
    pauses = [await ticked_until_asked(bench) for _ in range(MOST_DOUBLINGS + 2)]
    assert first == 2 * TICKS_WHILE_SLOW, "when its browser came it was asked a second time"
    assert pauses == [min(2**n, 2**MOST_DOUBLINGS) * TICKS_WHILE_SLOW for n in range(2, MOST_DOUBLINGS + 4)]
    bench.page.slow = False
    await bench.tab.hear(Asked("?range=1d"))
    assert {"kind": "status", "state": "live"} in bench.taken()
    bench.page.slow = True
    await bench.tab.hear(Asked(""))
    assert await ticked_until_asked(bench) == TICKS_WHILE_SLOW, "it begins anew"


@pytest.mark.bar(70)
@pytest.mark.parametrize("act", [Asked("?range=90d"), Acted("by", "project")])
async def test_who_asks_for_too_much_is_told_so_and_keeps_his_page(act: Asked | Acted) -> None:
    bench = await opened()
    bench.page.slow = True
    await bench.tab.hear(act)
    toast, status = bench.taken()
    assert (toast["kind"], toast["tone"], status) == ("toast", "bad", {"kind": "status", "state": "slow"})
    assert "shorter range" in str(toast["text"])
    bench.page.calls.clear()
    for _ in range(TICKS_WHILE_SLOW - 1):
        await bench.tab.tick()
    assert (bench.page.calls, bench.taken()) == ([], [])
    bench.page.slow = False
    await bench.tab.tick()
    assert bench.page.calls == (["load ?range=90d"] if isinstance(act, Asked) else [])
    assert bench.taken()[-1] == {"kind": "status", "state": "live"}


async def test_following_that_takes_too_long_is_said_without_a_complaint() -> None:
    bench = await opened()
    bench.page.slow, bench.at = True, 2
    await bench.tab.tick()
    assert bench.taken() == [{"kind": "status", "state": "slow"}]


async def test_a_store_that_does_not_answer_counts_as_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab_module, "LOAD_S", 0.01)
    bench = Bench()
    bench.page.hold = asyncio.Event()
    await bench.tab.open("")
    assert 'data-state="away"' in bench.tab.served()[1]["main"]


@pytest.mark.parametrize("visible", [True, False])
async def test_a_page_that_takes_longer_is_served_without_its_content_and_sent_it(
    monkeypatch: pytest.MonkeyPatch, visible: bool
) -> None:
    monkeypatch.setattr(tab_module, "SHELL_S", 0.0)
    bench = Bench()
    bench.page.hold = asyncio.Event()
    await bench.tab.open("?a=b")
    title, regions = bench.tab.served()
    assert (title, regions["side"]) == ("Nexus", "")
    assert 'data-state="loading"' in regions["main"]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.tab.hear(Ready("?a=b", visible)))
        await bench.page.called.wait()
        assert bench.taken() == []
        bench.page.hold.set()
    assert bench.page.calls == ["load ?a=b"], "it is not asked for twice"
    assert bench.taken() == [
        {"kind": "patch", "regions": {"main": "one", "side": "same"}},
        {"kind": "title", "text": "Title one"},
        {"kind": "status", "state": "live"},
    ]


async def test_a_conversation_is_not_waited_for_as_long_as_other_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = list[float]()

    async def wait(tasks: set[asyncio.Task[None]], *, timeout: float) -> tuple[set[object], set[asyncio.Task[None]]]:
        waited.append(timeout)
        return set(), tasks

    monkeypatch.setattr(asyncio, "wait", wait)
    for name in ("requests", "conversation"):
        await Bench(page=StubPage(name=name)).tab.open("")
    assert waited[1] < waited[0] == tab_module.SHELL_S


async def test_what_is_typed_while_the_page_loads_comes_behind_its_being_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the page would go back to where it began."""
    monkeypatch.setattr(tab_module, "SHELL_S", 0.0)
    bench = Bench()
    bench.page.hold = asyncio.Event()
    await bench.tab.open("")
    async with asyncio.TaskGroup() as tasks:
        for act in (Ready("", True), Asked("?q=that"), Asked("?q=that+is+all")):
            tasks.create_task(bench.tab.hear(act))
        await bench.page.called.wait()
        bench.page.hold.set()
    assert bench.page.calls == ["load ", "load ?q=that", "load ?q=that+is+all"]


async def test_an_error_of_our_own_while_it_loads_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab_module, "SHELL_S", 0.0)
    bench, held = Bench(), asyncio.Event()

    async def broken(search: str) -> None:
        await held.wait()
        raise ZeroDivisionError(search)

    bench.page.load = broken  # type: ignore[method-assign]  # a page with a mistake in it
    await bench.tab.open("")
    held.set()
    with pytest.raises(ZeroDivisionError):
        await bench.tab.hear(Ready("", True))


async def test_content_that_comes_before_its_browser_is_ready_is_sent_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab_module, "SHELL_S", 0.0)
    bench = Bench()
    bench.page.hold = asyncio.Event()
    await bench.tab.open("")
    bench.tab.served()
    bench.page.hold.set()
    await bench.tab.tick()
    assert bench.taken() == []
    await bench.tab.hear(Ready("", True))
    assert bench.page.calls == ["load "]
    assert {"kind": "patch", "regions": {"main": "one", "side": "same"}} in bench.taken()


async def test_a_page_that_was_never_loaded_says_that_it_loads() -> None:
    bench = Bench()
    assert 'data-state="loading"' in bench.tab.served()[1]["main"]
    await bench.tab.hear(Visible(True))
    assert bench.page.calls == ["load "]


async def test_acts_are_passed_over_until_the_page_is_there() -> None:
    bench = Bench(away=True)
    await bench.tab.open("")
    await bench.tab.hear(Acted("open", "x"))
    assert bench.page.calls == []


async def test_an_error_of_our_own_is_not_hidden() -> None:
    bench = await opened()

    async def broken() -> None:
        raise ZeroDivisionError

    bench.page.follow = broken  # type: ignore[method-assign]  # a page with a mistake in it
    bench.at = 2
    with pytest.raises(ZeroDivisionError):
        await bench.tab.tick()
