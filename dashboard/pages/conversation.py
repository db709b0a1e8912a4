"""How did a conversation go? Its tree, the exchange that the reader picked, and its timeline."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from markupsafe import Markup

from dashboard import figures
from dashboard.as_of import Standing
from dashboard.details import RequestDetails
from dashboard.formatting import one_line
from dashboard.markup import Regions, render
from dashboard.pages.held import Held
from dashboard.pages.page import Page, Surroundings, member_of
from dashboard.pages.reading import Reading
from dashboard.views.branch_rows import branch_list
from dashboard.views.lanes import NOTHING_SHOWN, Bars, Choices, Wanted, choices_of, lanes_of, sums_said, wanted_in
from dashboard.views.moments import moment_in, time_control
from dashboard.views.places import place_of
from dashboard.views.preview import preview
from dashboard.views.tree import TreeView
from schemas.read_api import ConversationTree, TreeNode

TITLE_CHARS = 60


class ConversationPage:
    """One conversation, by the id of any of its exchanges."""

    name = "conversation"
    section = "conversations"
    region_names = ("head", "tabs", "reading", "branches", "moments", "detail", "lanes")

    def __init__(self, surroundings: Surroundings, member: str) -> None:
        self._from = surroundings
        self._member = member_of(member)
        self._held = Held(surroundings.store, self._member) if self._member else None
        self._as_of: datetime | None = None
        self._stands_at: datetime | None = None
        """The moment of the tree that is shown."""
        self._moments: Sequence[datetime] = ()
        self._tree: ConversationTree | None = None
        self._nodes: Mapping[UUID, TreeNode] = {}
        self._selected: UUID | None = None
        self._details: RequestDetails | None = None
        self._details_of: tuple[TreeNode | None, datetime | None] = None, None
        self._reading = Reading(surroundings.store)
        self._view = TreeView()
        self._chart = figures.timeline()
        self._drawing = figures.Drawing(self._chart)
        self._wanted, self._bars = Wanted(), Bars()
        self._lanes = self._drawn = NOTHING_SHOWN
        self._lanes_of: tuple[ConversationTree | None, Wanted] = None, self._wanted
        self._choices: Choices | None = None
        self._branches_told: tuple[ConversationTree | None, UUID | None, Markup] = None, None, Markup()

    @property
    def title(self) -> str:
        return f"{one_line(self._tree.conversation.title, TITLE_CHARS) if self._tree else 'No conversation'} · Nexus"

    async def load(self, search: str) -> None:
        given = {name: values[0] for name, values in parse_qs(search.removeprefix("?")).items()}
        self._as_of = moment_in(given.get("as_of", ""))
        self._wanted = Wanted() if given.get("tab") == "read" else wanted_in(given)
        await self._look()
        asked = member_of(given.get("request", ""))
        self._selected = next((one for one in (asked, self._first_choice()) if one in self._nodes), None)
        self._view.mark(str(self._selected or ""))
        await self._read_details()
        await self._reading.load(self._tree, search)

    async def follow(self) -> None:
        if self._as_of is not None or self._held is None or not await self._held.has_news():
            return
        before = self._node
        await self._show(await self._held.anew(None))
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
            choices=self._choices,
            wanted=self._wanted,
            kept=kept.items(),
            clear=f"?{urlencode(kept)}",
            any=bool(self._lanes.bars),
            sums=sums_said(self._lanes.sums),
        )

    def _branches(self, now: datetime) -> Markup:
        """Said once of a tree, unless something runs on."""
        of, chosen, told = self._branches_told
        branch = self._node.branch_id if self._node else None
        if self._tree is None or self._tree is not of or branch != chosen or self._tree.conversation.open_requests:
            found = branch_list(self._tree.branches) if self._tree else None
            told = render("branches.html", list=found, chosen=branch, now=now)
            self._branches_told = self._tree, branch, told
        return told

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
        self._drawing.show(lanes.bars, lanes.pauses)
        self._drawn = lanes

    async def _look(self) -> None:
        """Show what there is at the moment. What could not be shown, because the store was away, is asked for again."""
        if self._held is None:
            return
        moved = self._as_of != self._stands_at
        is_news = self._tree is None or ((moved or self._as_of is None) and await self._held.is_old())
        if is_news or moved:
            await self._show(await (self._held.anew if is_news else self._held.at)(self._as_of))
        elif self._tree is not None:
            self._show_lanes(self._tree)

    async def _show(self, found: Standing | None) -> None:
        """Of a long talk each part takes a while; others have their turns between."""
        tree, self._moments = (found.tree, found.moments) if found else (None, ())
        self._tree, self._stands_at = tree, self._as_of
        self._nodes = {node.request_id: node for node in tree.nodes} if tree else {}
        self._choices = choices_of(tree) if tree and tree.nodes else None
        if found is not None:
            self._view.read(found.tree, found.nodes if self._as_of else None)
            await asyncio.sleep(0)
            self._show_lanes(found.tree)

    def _show_lanes(self, tree: ConversationTree) -> None:
        """Nothing of them is another while the same tree is shown, unless something runs on."""
        of, wanted = self._lanes_of
        if tree is of and wanted == self._wanted and not tree.conversation.open_requests:
            return
        now = self._as_of or self._from.clock()
        self._lanes = lanes_of(tree, self._view.rows, now, self._wanted, self._bars)
        self._lanes_of = tree, self._wanted

    async def _read_details(self) -> None:
        """Of an exchange that has ended, and was read as it is, they are there."""
        node, known = self._node, self._details
        if known is None or node is None or node.outcome == "open" or self._details_of != (node, self._as_of):
            self._details = await self._from.store.details(self._selected, self._as_of) if self._selected else None
            self._details_of = node, self._as_of

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
