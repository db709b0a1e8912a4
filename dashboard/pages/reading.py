"""What does the reading view of a conversation show now? A page of turns, the prompts beside it, and what was found."""

from asyncio import gather
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from markupsafe import Markup

from dashboard.data import DataStore
from dashboard.lines import branch_for, line_of, subtasks_of
from dashboard.markup import render
from dashboard.pages.page import member_of
from dashboard.reading import turns_of
from dashboard.searching import SearchQuery
from dashboard.views.reading import Prompt, ShownTurn, prompts_of, shown_turns
from domain.search_hits import SearchFilter
from domain.search_query import InvalidSearchError
from domain.transcript import Turn
from schemas.read_api import ConversationTree, TreeNode
from schemas.search_api import SnippetPiece

TURNS, LONG = 20, 500
"""On a page; half of them where the branch has more exchanges than ``LONG``: each request repeats all before it."""
MOST_HITS = 50
MAX_WORDS = 200
_ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for."""

    branch: UUID | None
    message: str
    """Id of an entry or of a request; empty: none."""
    turn: int | None
    """The page with this turn."""
    words: str

    @property
    def request(self) -> UUID | None:
        return member_of(self.message[:_ID_LENGTH])


def wanted_in(search: str) -> Wanted | None:
    """None: the address does not ask for the reading view."""
    given = {name: values[0] for name, values in parse_qs(search.removeprefix("?")).items()}
    if given.get("tab") != "read":
        return None
    turn = given.get("turn", "")
    return Wanted(
        branch=member_of(given.get("branch", "")),
        message=given.get("message", "")[:MAX_WORDS],
        turn=int(turn) if turn.isascii() and turn.isdecimal() and len(turn) < 9 else None,
        words=given.get("q", "").strip()[:MAX_WORDS],
    )


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """Where something was said that somebody searched for."""

    turn: int
    entry: str
    snippet: Sequence[SnippetPiece]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search inside the branch found, the newest first."""

    places: tuple[FoundPlace, ...] = ()
    total: int = 0
    refusal: str = ""
    """Why nothing can be found so; empty: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingState:
    """A page of the reading view, ready to be shown."""

    branch: UUID
    wanted: Wanted
    start: int
    end: int
    length: int
    """Exchanges on the line."""
    turns: tuple[ShownTurn, ...]
    prompts: tuple[Prompt, ...]
    found: Found

    def address(self, **changes: object) -> str:
        """Of another page of the same branch."""
        return "?" + urlencode({"tab": "read", "branch": self.branch, **changes})

    def everywhere(self, conversation: UUID) -> str:
        """Of the same search in the whole conversation."""
        return "/search?" + urlencode({"q": self.wanted.words, "conversation": conversation})

    @property
    def arrive(self) -> str:
        """The entry to scroll to: the chosen one, else the last on the last page."""
        entries = [entry for turn in self.turns for entry in turn.entries]
        chosen = next((entry.id for entry in entries if entry.chosen), "")
        at_end = self.wanted.turn is None and not self.wanted.message and not self.wanted.words
        return chosen or (entries[-1].id if entries and at_end else "")


class Reading:
    """The reading view; empty until it is asked for."""

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self._wanted: Wanted | None = None
        self._line: list[TreeNode] = []
        self._state: ReadingState | None = None
        self._told: tuple[ConversationTree, UUID, int, int] | None = None
        self._turns: tuple[Turn, ...] = ()
        """What was told last: the turns of this tree's branch from here to there."""

    @property
    def is_open(self) -> bool:
        return self._wanted is not None

    async def load(self, tree: ConversationTree | None, search: str) -> None:
        self._wanted = wanted_in(search)
        self._line, self._state = [], None
        await self.follow(tree)

    async def follow(self, tree: ConversationTree | None) -> None:
        """Look again, if the branch has changed."""
        wanted = self._wanted
        branch = branch_for(tree, wanted.branch, wanted.request) if tree and wanted else None
        if tree is None or wanted is None or branch is None:
            return
        line = line_of(tree.nodes, branch)
        if line == self._line:
            return
        self._line = line
        self._state = await self._read(tree, wanted, branch)

    async def _read(self, tree: ConversationTree, wanted: Wanted, branch: UUID) -> ReadingState:
        line = self._line
        start = _start(line, wanted)
        end = min(len(line), start + _page_size(line))
        turns, found = await gather(self._turns_of(tree, branch, start, end), self._search(wanted.words))
        return ReadingState(
            branch=branch,
            wanted=wanted,
            start=start,
            end=end,
            length=len(line),
            turns=shown_turns(turns, wanted.message),
            prompts=prompts_of(line),
            found=found,
        )

    async def _turns_of(self, tree: ConversationTree, branch: UUID, start: int, end: int) -> tuple[Turn, ...]:
        """Read once, while the tree is the same and nobody turns the page."""
        told = self._told
        if told is None or told[0] is not tree or told[1:] != (branch, start, end):
            self._turns = await turns_of(self._store, self._line, subtasks_of(tree.nodes), start, end)
            self._told = tree, branch, start, end
        return self._turns

    async def _search(self, words: str) -> Found:
        """In all of the branch: each text where it was said first."""
        if not words:
            return Found()
        numbers = {node.request_id: number for number, node in enumerate(self._line, start=1)}
        came = [node.received_at for node in self._line]
        until = max(came) + timedelta(microseconds=1)
        within = SearchFilter(aside=True, since=min(came), until=until, requests=tuple(numbers))
        try:
            answer = await self._store.search(SearchQuery(words, within, order="newest", limit=MOST_HITS))
        except InvalidSearchError as error:
            return Found(refusal=str(error))
        places = [FoundPlace(numbers[hit.request_id], hit.entry, hit.snippet) for hit in answer.items]
        return Found(tuple(places), answer.total)

    def region(self, tree: ConversationTree | None) -> Markup:
        if self._wanted is None or tree is None:
            return Markup()
        return render("reading.html", tree=tree, it=self._state)


def _start(line: Sequence[TreeNode], wanted: Wanted) -> int:
    """The page with the message, or with the turn; else the last one."""
    places = {node.request_id: place for place, node in enumerate(line)}
    place = places.get(wanted.request) if wanted.request else None
    if place is None and wanted.turn is not None:
        place = wanted.turn - 1
    last = max(0, len(line) - 1)
    size = _page_size(line)
    return min(last, max(0, last if place is None else place)) // size * size


def _page_size(line: Sequence[TreeNode]) -> int:
    return TURNS if len(line) <= LONG else TURNS // 2
