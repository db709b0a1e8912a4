"""What is different between two things? Requests, branches, a summary and what it replaced; or what to choose."""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import parse_qs
from uuid import UUID

from markupsafe import Markup

from dashboard.choices import Choices, choices, link_to
from dashboard.comparing import (
    PAGE_TURNS,
    TURNS,
    WAYS,
    BranchesCompared,
    CompactionCompared,
    Comparison,
    NotCompared,
    Of,
    RequestsCompared,
    Wanted,
    comparison,
)
from dashboard.data import RequestFilter
from dashboard.formatting import short_id
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings
from dashboard.views.comparing import DIFFERENCES
from dashboard.views.comparisons import ShownComparison, shown_comparison
from domain.ids import Position

MAX_GIVEN = 2_000
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_DIGITS = 9


def id_in(text: str) -> UUID | None:
    """In an id, or a link to a request, a conversation or a message, pasted as it is: the last one it names."""
    found = _ID.findall(text[:MAX_GIVEN])
    return UUID(found[-1]) if found else None


class ComparePage:
    """Two sides."""

    name = section = "compare"
    region_names = ("head", "facts", "body")

    def __init__(self, surroundings: Surroundings) -> None:
        self._from = surroundings
        self._given: Mapping[str, str] = {}
        self._ids: tuple[UUID | None, UUID | None] = (None, None)
        self._turns, self._most, self._opened = TURNS, DIFFERENCES, set[int]()
        self._found: Comparison | NotCompared | None = None
        """None: there is still something to choose."""
        self._shown: ShownComparison | None = None
        self._choices: tuple[Choices, ...] = ()
        self._seen = Position(0)

    @property
    def title(self) -> str:
        named = [short_id(one) for one in self._ids if one]
        match self._found:
            case None | NotCompared():
                return "Compare · Nexus"
            case CompactionCompared():
                return f"What {named[0]} summarised · Nexus"
            case _:
                return f"{' and '.join(named)} compared · Nexus"

    async def load(self, search: str) -> None:
        given = parse_qs(search.removeprefix("?"))
        self._given = {name: given[name][0][:MAX_GIVEN].strip() for name in ("a", "b", "of") if name in given}
        self._ids = id_in(self._given.get("a", "")), id_in(self._given.get("b", ""))
        self._turns, self._most = TURNS, DIFFERENCES
        self._opened = set()
        await self._read()

    async def follow(self) -> None:
        """An answer that was open may have gone on."""
        if self._found is None or isinstance(self._found, NotCompared) or await self._goes_on():
            await self._read()

    async def act(self, name: str, value: str) -> None:
        match name:
            case "more":
                self._most += DIFFERENCES
            case "run" if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
                self._opened ^= {int(value)}
            case "turns":
                self._turns = min(PAGE_TURNS, self._turns + TURNS)
                await self._read()
                return
            case _:
                return
        await self._show()

    def regions(self) -> Regions:
        now = self._from.clock()
        a, b = self._ids
        return {
            "head": render(
                "compare_head.html",
                given=self._given,
                of=self._of,
                swapped=link_to(b, a, self._of) if a and b else "",
                ways={way: link_to(a, b, way) for way in WAYS} if a and b else {},
                shown=self._shown,
                now=now,
            ),
            "facts": render("compare_facts.html", it=self._shown, now=now) if self._shown else Markup(),
            "body": self._body(),
        }

    def figures(self) -> Mapping[str, object]:
        return {}

    def paint(self) -> None:
        """There is nothing but HTML."""

    @property
    def _of(self) -> Of | None:
        match self._found:
            case RequestsCompared():
                return "requests"
            case BranchesCompared():
                return "branches"
        return next((way for way in WAYS if way == self._given.get("of")), None)

    def _body(self) -> Markup:
        if self._shown is not None:
            return render("compare_body.html", it=self._shown, now=self._from.clock())
        refused = self._found if isinstance(self._found, NotCompared) else None
        return render(
            "compare_choices.html",
            groups=self._choices,
            refused=refused,
            first=self._ids[0] is None or (refused is not None and refused.side == "a"),
            words=self._words,
            now=self._from.clock(),
        )

    @property
    def _words(self) -> str:
        """With which the other side is looked for."""
        side = "a" if self._ids[0] is None else "b"
        text = self._given.get(side, "")
        return "" if id_in(text) else text

    async def _read(self) -> None:
        store, a = self._from.store, self._ids[0]
        seen = await store.position()
        found = await comparison(store, self._wanted(a)) if a and not self._words else None
        if isinstance(found, NotCompared) and found.reason == "missing":
            found = None
        open_to_choice = found is None or isinstance(found, NotCompared)
        listed = await choices(store, a, self._words) if open_to_choice else ()
        self._found, self._choices, self._seen = found, listed, seen
        await self._show()

    def _wanted(self, a: UUID) -> Wanted:
        of = next((way for way in WAYS if way == self._given.get("of")), None)
        return Wanted(a=a, b=self._ids[1], of=of, turns=self._turns)

    async def _show(self) -> None:
        found = self._found
        if found is None or isinstance(found, NotCompared):
            self._shown = None
            return
        opened = frozenset(self._opened)
        self._shown = await asyncio.to_thread(shown_comparison, found, self._most, opened)  # long texts take a while

    async def _goes_on(self) -> bool:
        """Has one of the conversations, or of the requests, a new event?"""
        for member in filter(None, self._ids):
            changed = await self._from.store.requests(RequestFilter(conversation=member), after=self._seen, limit=1)
            if changed.items:
                return True
        if isinstance(self._found, RequestsCompared):
            return any(one.ended is None for one in (self._found.left, self._found.right))
        return False


def compare_page(surroundings: Surroundings, _: str) -> Page:
    return ComparePage(surroundings)
