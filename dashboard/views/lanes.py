"""What does the timeline show? Exchanges and the pauses between them, a lane for each line of talk, all or a choice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from dashboard import formatting as fmt
from dashboard.figures import CLASSES, Bar
from dashboard.states import State
from dashboard.talk_times import Pause, TimeSums, pauses_of, sums_of
from dashboard.trees import SUBTASK
from dashboard.views.tree_rows import Row
from schemas.read_api import BranchItem, ConversationTree, TreeNode

MOST_NAMED = 24
"""Lines of talk that have a lane and a name each."""
MOST_CHOICES = 400
"""Branches that can be chosen from a list; an address can name any."""
NAMES = ("branch", "agent", "class")
"""Of the filters, in an address."""
SAID: Mapping[str, str] = MappingProxyType({"tools": "Tools", "person": "A person reads and types", "waiting": "Waits"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which exchanges are to be shown, as the address says it; empty: any."""

    branch: str = ""
    agent: str = ""
    request_class: str = ""

    @property
    def address(self) -> dict[str, str]:
        """The filters that are set, by their name in an address."""
        given = zip(NAMES, (self.branch, self.agent, self.request_class), strict=True)
        return {name: value for name, value in given if value}


@dataclass(frozen=True, slots=True)
class Choices:
    """Among what can be chosen."""

    branches: tuple[tuple[str, str], ...]
    """Id and name."""
    agents: tuple[tuple[str, str], ...]
    """What stands in the address, and its name; so are the classes."""
    classes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """A timeline's content."""

    names: tuple[str, ...]
    bars: tuple[Bar, ...]
    pauses: tuple[Bar, ...] = ()
    sums: TimeSums = field(default_factory=TimeSums)


NOTHING_SHOWN = Lanes((), ())


def wanted_in(given: Mapping[str, str]) -> Wanted:
    """``given``: an address's parameters."""
    return Wanted(*(given.get(name, "") for name in NAMES))


def choices_of(tree: ConversationTree) -> Choices:
    agents = {_agent(branch) for branch in tree.branches}
    return Choices(
        branches=tuple((str(branch.branch_id), branch.name) for branch in tree.branches[:MOST_CHOICES]),
        agents=tuple((agent, agent) for agent in sorted(agents - {""})),
        classes=tuple((each, each) for each in sorted({node.request_class for node in tree.nodes})),
    )


def sums_said(sums: TimeSums) -> list[tuple[str, str, float]]:
    """Each kind of time: its colour, its name, its milliseconds."""
    kinds = (
        ("main", "Model", sums.model), ("tools", "Tools", sums.tools), ("person", "People", sums.person),
        ("waiting", "Waiting", sums.waiting),
    )  # fmt: skip
    return [(tint, name, lasted.total_seconds() * 1000) for tint, name, lasted in kinds]


class Bars:
    """Bars of exchanges that have ended and of pauses, kept as long as nothing of them is another; keep one for as long
    as the timeline is shown."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Row, int, Bar]] = {}
        self._pauses: list[tuple[Pause, int, Bar]] = []

    def bar(self, node: TreeNode, lane: int, row: Row, now: datetime) -> Bar:
        """``row``: of the node; whatever of the node is another makes another row."""
        made = self._made.get(node.request_id.int)
        if made is not None and made[0] is row and made[1] == lane:
            return made[2]
        bar = _bar(node, lane, row, now)
        if node.completed_at is not None:
            self._made[node.request_id.int] = row, lane, bar
        return bar

    def pauses(self, found: Sequence[Pause], lane_of: Mapping[int, int]) -> tuple[Bar, ...]:
        """``lane_of``: by the exchange that ended them."""
        before, made = self._pauses, list[tuple[Pause, int, Bar]]()
        for place, pause in enumerate(found):
            lane = lane_of[pause.request_id.int]
            is_known = place < len(before) and before[place][1] == lane and before[place][0] == pause
            made.append(before[place] if is_known else (pause, lane, _pause(pause, place, lane)))
        self._pauses = made + before[len(made) :]
        return tuple(bar for _, _, bar in made)


def lanes_of(
    tree: ConversationTree,
    rows: Mapping[str, Row],
    now: datetime,
    wanted: Wanted = Wanted(),
    bars: Bars | None = None,
) -> Lanes:
    """``rows``: of the tree, by id. Each line of talk has a lane, in order; very many share the tree's lanes."""
    wanted_rows = ((node, rows.get(str(node.request_id))) for node in _wanted(tree, wanted))
    shown = [(node, row) for node, row in wanted_rows if row is not None]
    branches = {node.branch_id for node, _ in shown}
    names, lanes = _lanes([one for one in tree.branches if one.branch_id in branches], shown)
    lane_of = {node.request_id.int: lane for (node, _), lane in zip(shown, lanes, strict=True)}
    pauses = [one for one in pauses_of(tree.nodes) if one.request_id.int in lane_of]
    bars = bars or Bars()
    return Lanes(
        names=names,
        bars=tuple(bars.bar(node, lane, row, now) for (node, row), lane in zip(shown, lanes, strict=True)),
        pauses=bars.pauses(pauses, lane_of),
        sums=sums_of((node for node, _ in shown), pauses, now),
    )


def _wanted(tree: ConversationTree, wanted: Wanted) -> Iterable[TreeNode]:
    if wanted == Wanted():
        return tree.nodes
    agents = {branch.branch_id: _agent(branch) for branch in tree.branches}
    return (
        node
        for node in tree.nodes
        if wanted.branch in {"", str(node.branch_id)}
        and wanted.agent in {"", agents.get(node.branch_id, "")}
        and wanted.request_class in {"", node.request_class}
    )


def _agent(branch: BranchItem) -> str:
    """The kind of agent that talks there; empty: the one that people talk with."""
    return (branch.agent_type or SUBTASK) if branch.subtask else ""


def _lanes(
    branches: Sequence[BranchItem], shown: Sequence[tuple[TreeNode, Row]]
) -> tuple[tuple[str, ...], Sequence[int]]:
    """The lanes' names, and the lane of each exchange."""
    if len(branches) > MOST_NAMED:
        lanes = [row.lane for _, row in shown]
        return ("main", *[""] * max(lanes)), lanes
    places: Mapping[UUID, int] = {branch.branch_id: place for place, branch in enumerate(branches)}
    return tuple(branch.name for branch in branches), [places.get(node.branch_id, 0) for node, _ in shown]


def _bar(node: TreeNode, lane: int, row: Row, now: datetime) -> Bar:
    end = node.completed_at or now
    return Bar(
        request_id=str(node.request_id),
        lane=lane,
        start=node.received_at,
        end=max(end, node.received_at),
        tint=_tint(node, row.state),
        label=f"{row.tag}: {row.label}" if row.tag else row.label,
        said=_said(node, row),
    )


def _pause(pause: Pause, place: int, lane: int) -> Bar:
    lasted = (pause.end - pause.start).total_seconds() * 1000
    return Bar(
        request_id=f"{pause.request_id}.{place}",
        lane=lane,
        start=pause.start,
        end=pause.end,
        tint=pause.spent,
        label=SAID[pause.spent],
        said=fmt.duration(lasted),
    )


def _tint(node: TreeNode, state: State) -> str:
    if state in {"running", "failed"}:
        return state
    return node.request_class if node.request_class in CLASSES else "auxiliary"


def _said(node: TreeNode, row: Row) -> str:
    lasted = "running" if row.state == "running" else row.duration or fmt.NOTHING
    output = "" if node.output_tokens is None else f"{fmt.compact(node.output_tokens)} tokens out"
    return " · ".join(filter(None, (row.model, lasted, output)))
