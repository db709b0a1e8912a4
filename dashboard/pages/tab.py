"""How does a page live in a browser's tab? It is loaded, follows the store while it is seen, and is patched.

Theory of operation. The page begins to load before its document is served. What is there at once is part of the first
paint; what takes longer is sent as soon as it is there. If the store does not answer in time a notice stands there, and
the first ticks try again; a question that the store ended because it took too long is asked again ever less often. A
tick asks for the store's position, which is cheap; only a new one makes the page look again. One thing is done at a
time: a tick that finds the page busy does nothing, an act waits its turn. After each, what differs from what the
browser has is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal, Protocol

from markupsafe import Markup

from dashboard.markup import Message, Regions, render
from dashboard.pages.page import Page
from dashboard.pages.reader import Act, Acted, Asked, Ready, Visible
from domain.errors import StoreUnavailableError, TooSlowError
from domain.ids import Position

SHELL_S = 0.25
"""So long a document waits for its content."""
_PATIENCE: Mapping[str, float] = MappingProxyType({"conversation": 0.4})
"""As a part of that, for pages by name: a conversation is there in a moment, or it is a long one and takes seconds."""
LOAD_S = 10.0
TICK_S = 0.7
TICKS_WHILE_AWAY = 3
"""While the store is away, only every so manieth tick asks."""
TICKS_WHILE_SLOW = 40
"""The same where it ended a question that took too long: to ask again would cost as much. Doubled each time."""
MOST_DOUBLINGS = 5

Condition = Literal["loading", "ready", "away", "slow"]
_STATUS = {"loading": "connecting", "ready": "live", "away": "away", "slow": "slow"}
_COMPLAINT = "This takes the database too long, so it was ended. Choose a shorter range, or ask for less of it."


class Outlet(Protocol):
    """Where messages to the browser go."""

    def send(self, message: Message) -> None: ...


InDocument = Callable[[Callable[[], None]], None]
"""Runs something soon, while the document is locked."""


class Tab:
    """A page, and what the browser has of it."""

    def __init__(self, page: Page, position: Callable[[], Awaitable[Position]]) -> None:
        self.page = page
        self._position = position
        self._condition: Condition = "loading"
        self._loaded = False
        self._overdue = False
        """What the address asks for is not what was loaded: the store was away, or it took too long."""
        self._stale = False
        """The browser may have other regions than the page."""
        self._search = ""
        self._seen: Position | None = None
        self._sent: dict[str, object] = {}
        self._listening = False
        self._visible = True
        self._ticks_missed = 0
        self._slow_in_a_row = 0
        self._busy = asyncio.Lock()
        self._opening: asyncio.Task[None] | None = None
        self._complain = False
        """The reader asked for something that took too long, and the page still shows what it showed."""
        self._outlet: Outlet | None = None
        self._in_document: InDocument | None = None

    async def open(self, search: str) -> None:
        """Begin to load the page; it is loaded, or will be."""
        self._opening = asyncio.create_task(self._open(search))  # noqa: TID251 - the first act waits for it
        patience = SHELL_S * _PATIENCE.get(self.page.name, 1.0)
        done, _ = await asyncio.wait({self._opening}, timeout=patience)
        if done:
            await self._opened()

    async def _open(self, search: str) -> None:
        async with self._busy:
            await self._look(lambda: self._load(search))
        self._show()

    async def _opened(self) -> None:
        """Here comes out what was wrong with it."""
        opening, self._opening = self._opening, None
        if opening is not None:
            await opening

    def served(self) -> tuple[str, Regions]:
        """Title and regions for the document, which is being made; the browser has them from now on."""
        title, regions = self._title(), self._regions()
        self._sent, self._stale = {"title": title, **regions}, False
        if self._loaded:
            self.page.paint()
        return title, regions

    def attach(self, outlet: Outlet, in_document: InDocument) -> None:
        self._outlet, self._in_document = outlet, in_document

    async def hear(self, act: Act) -> None:
        """Do what the reader wants, one act after the other, in the order in which they came."""
        async with self._busy:
            await self._opened()
            match act:
                case Ready(search, visible):
                    self._listening, self._visible = True, visible
                    if search != self._search or not self._loaded:
                        await self._look(lambda: self._load(search))
                case Visible(visible):
                    self._visible = visible
                    await self._follow()
                case Asked(search):
                    await self._look(lambda: self._load(search))
                case Acted(name, value):
                    await self._look(lambda: self._act(name, value))
            self._complain = self._condition == "slow" and self._loaded and isinstance(act, Asked | Acted)
        self._show()

    async def tick(self) -> None:
        """Called all the time; looks at the store only while somebody looks at the page."""
        if not self._listening or not self._visible or self._busy.locked():
            return
        async with self._busy:
            await self._follow()
        self._show()

    async def _follow(self) -> None:
        self._ticks_missed += 1
        if self._ticks_missed % self._pause():
            return
        await self._look(self._catch_up if self._loaded and not self._overdue else self._load_again)

    def _pause(self) -> int:
        """In ticks."""
        if self._condition == "slow":
            return TICKS_WHILE_SLOW << min(self._slow_in_a_row - 1, MOST_DOUBLINGS)
        return TICKS_WHILE_AWAY if self._condition == "away" else 1

    async def _load(self, search: str) -> None:
        self._search, self._overdue = search, True
        await self._load_again()

    async def _load_again(self) -> None:
        seen = await self._position()
        await self.page.load(self._search)
        self._seen, self._loaded, self._stale, self._overdue = seen, True, True, False

    async def _catch_up(self) -> None:
        position = await self._position()
        if position != self._seen:
            await self.page.follow()
            self._seen, self._stale = position, True

    async def _act(self, name: str, value: str) -> None:
        if self._loaded:
            await self.page.act(name, value)
            self._stale = True

    async def _look(self, work: Callable[[], Awaitable[None]]) -> None:
        self._ticks_missed = 0
        try:
            async with asyncio.timeout(LOAD_S):
                await work()
        except TooSlowError:
            self._condition = "slow"
            self._slow_in_a_row += 1
        except (StoreUnavailableError, TimeoutError):
            self._condition = "away"
        else:
            self._condition, self._slow_in_a_row = "ready", 0

    def _title(self) -> str:
        return self.page.title if self._loaded else "Nexus"

    def _regions(self) -> Regions:
        if self._loaded:
            return self.page.regions()
        first, *others = self.page.region_names
        return {first: render("page_state.html", condition=self._condition), **dict.fromkeys(others, Markup())}

    def _show(self) -> None:
        if self._listening and self._in_document is not None:
            self._in_document(self._send_changes)

    def _send_changes(self) -> None:
        if self._stale or not self._loaded:
            self._send_content()
        if self._complain:
            self._send(kind="toast", text=_COMPLAINT, tone="bad")
            self._complain = False
        status = _STATUS[self._condition]
        if self._sent.get("status") != status:
            self._send(kind="status", state=status)
            self._sent["status"] = status

    def _send_content(self) -> None:
        title, regions = self._title(), self._regions()
        changed = {name: str(html) for name, html in regions.items() if self._sent.get(name) != html}
        if changed:
            self._send(kind="patch", regions=changed)
        if self._sent.get("title") != title:
            self._send(kind="title", text=title)
        self._sent |= {"title": title, **regions}
        if self._loaded:
            self.page.paint()
        self._stale = False

    def _send(self, **message: object) -> None:
        assert self._outlet is not None
        self._outlet.send(message)
