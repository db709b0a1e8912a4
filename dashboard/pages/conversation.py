"""How did a conversation go? Its tree, the exchange that the reader picked, and its timeline."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from markupsafe import Markup

from dashboard import figures
from dashboard.data import RequestFilter
from dashboard.details import RequestDetails
from dashboard.formatting import one_line
from dashboard.markup import Regions, render
from dashboard.pages.page import Page, Surroundings, member_of
from dashboard.pages.reading import Reading
from dashboard.views.branch_rows import branch_list
from dashboard.views.lanes import NOTHING_SHOWN, Wanted, choices_of, lanes_of, sums_said, wanted_in
from dashboard.views.moments import moment_in, time_control
from dashboard.views.places import place_of
from dashboard.views.preview import preview
from dashboard.views.tree import TreeView
from domain.ids import Position
from schemas.read_api import ConversationTree, TreeNode

TITLE_CHARS = 60
RECHECK = 12
"""A late link may move exchanges that have no new event of their own: so often the tree is read in any case."""


class ConversationPage:
    """One conversation, by the id of any of its exchanges."""

    name = "conversation"
    section = "conversations"
    region_names = ("head", "tabs", "reading", "branches", "moments", "detail", "lanes")

    def __init__(self, surroundings: Surroundings, member: str) -> None:
        self._from = surroundings
        self._member = member_of(member)
        self._as_of: datetime | None = None
        self._moments: Sequence[datetime] = ()
        self._tree: ConversationTree | None = None
        self._nodes: Mapping[UUID, TreeNode] = {}
        self._seen = Position(0)
        self._looks = 0
        self._selected: UUID | None = None
        self._details: RequestDetails | None = None
        self._reading = Reading(surroundings.store)
        self._view = TreeView()
        self._chart = figures.timeline()
        self._wanted = Wanted()
        self._lanes = self._drawn = NOTHING_SHOWN

    @property
    def title(self) -> str:
        return f"{one_line(self._tree.conversation.title, TITLE_CHARS) if self._tree else 'No conversation'} · Nexus"

    async def load(self, search: str) -> None:
        given = {name: values[0] for name, values in parse_qs(search.removeprefix("?")).items()}
        self._as_of = moment_in(given.get("as_of", ""))
        self._wanted = Wanted() if given.get("tab") == "read" else wanted_in(given)
        await self._read_tree()
        asked = member_of(given.get("request", ""))
        self._selected = next((one for one in (asked, self._first_choice()) if one in self._nodes), None)
        self._view.mark(str(self._selected or ""))
        await self._read_details()
        await self._reading.load(self._tree, search)

    async def follow(self) -> None:
        self._looks += 1
        if self._as_of is not None or self._member is None or (self._looks % RECHECK and not await self._goes_on()):
            return
        before = self._node
        await self._read_tree()
        if self._selected not in self._nodes:
            self._selected = self._first_choice()
            self._view.mark(str(self._selected or ""))
        if self._selected and before != self._nodes.get(self._selected):
            await self._read_details()
        await self._reading.follow(self._tree)

    async def act(self, name: str, value: str) -> None:
        wanted = member_of(value)
        if name == "select" and wanted in self._nodes:
            self._selected = wanted
            self._view.was_marked(value)
            await self._read_details()

    def regions(self) -> Regions:
        now = self._from.clock()
        return {
            "head": render("conversation_head.html", tree=self._tree, now=now),
            "tabs": self._tabs(),
            "reading": self._reading.region(self._tree),
            "branches": self._branches(now),
            "moments": self._time_control(now),
            "detail": self._detail(now),
            "lanes": self._lane_choices(),
        }

    def _tabs(self) -> Markup:
        node = self._node
        read = f"?tab=read&branch={node.branch_id}&message={node.request_id}" if node else "?tab=read"
        return render("conversation_tabs.html", tree=self._tree, reading=self._reading.is_open, read=read)

    def _lane_choices(self) -> Markup:
        kept = {"request": str(self._selected or ""), "as_of": self._as_of.isoformat() if self._as_of else ""}
        kept = {name: value for name, value in kept.items() if value}
        return render(
            "lanes.html",
            choices=choices_of(self._tree) if self._tree and self._tree.nodes else None,
            wanted=self._wanted,
            kept=kept.items(),
            clear=f"?{urlencode(kept)}",
            any=bool(self._lanes.bars),
            sums=sums_said(self._lanes.sums),
        )

    def _branches(self, now: datetime) -> Markup:
        node = self._node
        return render(
            "branches.html",
            list=branch_list(self._tree.branches) if self._tree else None,
            chosen=node.branch_id if node else None,
            now=now,
        )

    def _time_control(self, now: datetime) -> Markup:
        kept = self._wanted.address
        return render(
            "moments.html",
            control=time_control(self._moments, self._as_of, self._selected, kept) if self._tree else None,
            now=now,
        )

    def _detail(self, now: datetime) -> Markup:
        node, details = self._node, self._details
        return render(
            "exchange.html",
            row=self._view.rows.get(str(self._selected)),
            unborn=self._as_of is not None and not self._nodes,
            node=node,
            place=place_of(self._tree, self._view.rows, node) if self._tree and node else None,
            item=details.item if details else None,
            preview=preview(details) if details else None,
            now=now,
        )

    @property
    def _node(self) -> TreeNode | None:
        return self._nodes.get(self._selected) if self._selected else None

    def figures(self) -> Mapping[str, object]:
        return {"tree": self._view, "timeline": self._chart.figure}

    def paint(self) -> None:
        self._view.paint()
        lanes, drawn = self._lanes, self._drawn
        if lanes is drawn:
            return
        if lanes.names != drawn.names:
            figures.show_lanes(self._chart, lanes.names)
        figures.show_pauses(self._chart, drawn.pauses, lanes.pauses)
        figures.show_bars(self._chart, drawn.bars, lanes.bars)
        self._drawn = lanes

    async def _goes_on(self) -> bool:
        """Has one of its exchanges a new event?"""
        wanted = RequestFilter(conversation=self._member)
        changed = await self._from.store.requests(wanted, after=self._seen, limit=1)
        return bool(changed.items)

    async def _read_tree(self) -> None:
        if self._member is None:
            return
        seen = await self._from.store.position()
        found = await self._from.store.standing(self._member, self._as_of)
        tree, self._moments = (found.tree, found.moments) if found else (None, ())
        self._tree, self._seen = tree, seen
        self._nodes = {node.request_id: node for node in tree.nodes} if tree else {}
        if tree is not None:
            self._view.read(tree)
            now = self._as_of or self._from.clock()
            self._lanes = lanes_of(tree, self._view.rows, now, self._wanted)

    async def _read_details(self) -> None:
        self._details = await self._from.store.details(self._selected, self._as_of) if self._selected else None

    def _first_choice(self) -> UUID | None:
        """The exchange in the address; the newest of one that runs, or as of an earlier moment; else the first."""
        if self._tree is None or not self._tree.nodes:
            return None
        if self._as_of is not None:
            return self._tree.nodes[-1].request_id
        if self._member != self._tree.conversation.conversation_id:
            return self._member
        return self._tree.nodes[-1 if self._tree.conversation.open_requests else 0].request_id


def conversation_page(surroundings: Surroundings, member: str) -> Page:
    return ConversationPage(surroundings, member)
