"""A conversation's page shows its tree, the exchange that was picked, and its timeline, and keeps up with all three."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dashboard.pages.conversation import ConversationPage
from dashboard.pages.held import RECHECK
from dashboard.pages.page import Surroundings
from domain.errors import StoreUnavailableError
from schemas.read_api import BranchItem, ConversationTree, EvidenceItem, TreeNode
from tests.fake_data import FakeDataStore
from tests.read_rows import START, conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import request_details
from tests.shown_html import attributes, found, texts

NOW = START + timedelta(minutes=10)


def chain(length: int, **last: object) -> list[TreeNode]:
    nodes = [tree_node(number, parent=number - 1 or None) for number in range(1, length + 1)]
    return [*nodes[:-1], nodes[-1].model_copy(update=last)]


def store_with(tree: ConversationTree) -> FakeDataStore:
    store = FakeDataStore()
    store.put_tree(tree)
    for number in range(1, len(tree.nodes) + 1):
        store.put_item(request_item(number))
        store.all_details[request_id(number)] = request_details(number)
    return store


class Shown:
    """A page, and what its tree has told the browser."""

    def __init__(self, store: FakeDataStore, member: str = "") -> None:
        self.store = store
        self.page = ConversationPage(Surroundings(store, lambda: NOW, ()), member or str(request_id(1)))
        self.told: list[dict[str, Any]] = []
        figures: Any = self.page.figures()
        self.view = figures["tree"]
        self.view._send_msg = self.told.append

    async def load(self, search: str = "") -> "Shown":
        await self.page.load(search)
        self.view._handle_msg({"kind": "ready"})
        self.page.paint()
        return self

    @property
    def rows(self) -> list[list[Any]]:
        """Of the last message with rows."""
        (*_, newest) = [message for message in self.told if message["kind"] == "rows"]
        rows: list[list[Any]] = msgspec.json.decode(newest["rows"])
        return rows

    @property
    def selected(self) -> str:
        (selected,) = attributes(self.page.regions()["detail"], "article", "data-selected-request-id") or [""]
        return selected

    @property
    def bars(self) -> dict[str, list[Any]]:
        figure: Any = self.page.figures()["timeline"]
        columns: dict[str, list[Any]] = dict(figure.renderers[0].data_source.data)
        return columns


async def test_the_head_tells_what_the_conversation_adds_up_to() -> None:
    tree = conversation_tree(chain(3), title="Mend it", subtasks=4, failures=2, project="billing")
    head = (await Shown(store_with(tree)).load()).page.regions()["head"]
    assert texts(head, "h1") == ["Mend it"]
    assert texts(head, "dd") == ["3", "1", "4", "2", "8.0k", "511k", "95 %"]
    assert attributes(head, "a", "href") == [f"/requests?conversation={request_id(1)}"]
    assert "billing" in texts(head, ".facts")[0]


@pytest.mark.parametrize(
    ("cost", "lost", "told"),
    [("0.5", 0, ["$0.5000"]), ("0.5", 2, ["$0.5000", "2 answers"]), (None, 1, ["not known", "1 answer"])],
)
async def test_the_head_and_the_branches_say_what_could_not_be_recorded(
    cost: str | None, lost: int, told: list[str]
) -> None:
    tree = conversation_tree(chain(3), cost_usd=cost, unrecorded=lost)
    sums = {"cost_usd": cost, "unrecorded": lost, "cost_usd_with_descendants": "2", "unrecorded_with_descendants": 4}
    branch = BranchItem.model_validate({**tree.branches[0].model_dump(), **sums})
    regions = (await Shown(store_with(tree.model_copy(update={"branches": [branch]}))).load()).page.regions()
    assert texts(regions["head"], "dd")[7:] == told
    (said,) = [cell for cell in texts(regions["branches"], "td") if "$2.00" in cell]
    assert said.split() == [*(["$0.5000"] if cost else ["not", "recorded"]), "of", "$2.00", "4", "not", "recorded"]


async def test_the_title_names_the_conversation() -> None:
    shown = await Shown(store_with(conversation_tree(chain(1), title="Mend\nit " + "x" * 99))).load()
    assert shown.page.title.startswith("Mend it xxx")
    assert len(shown.page.title) < 80


async def test_the_tree_and_the_timeline_have_every_exchange() -> None:
    shown = await Shown(store_with(conversation_tree(chain(3)))).load()
    ids = [str(request_id(number)) for number in (1, 2, 3)]
    assert [row[0] for row in shown.rows] == ids
    assert shown.bars["id"] == ids
    assert shown.told[0]["anew"] is True


async def test_the_browser_gets_no_rows_before_it_asks() -> None:
    shown = Shown(store_with(conversation_tree(chain(3))))
    await shown.page.load("")
    shown.page.paint()
    assert shown.told == []
    shown.view._handle_msg({"kind": "nonsense"})
    assert shown.told == []


@pytest.mark.parametrize(
    ("member", "open_requests", "search", "number"),
    [
        (1, 0, "", 1),
        (1, 1, "", 3),
        (2, 1, "", 2),
        (1, 1, f"?request={request_id(2)}", 2),
        (1, 0, f"?request={request_id(77)}", 1),
        (1, 0, "?request=nonsense", 1),
    ],
)
async def test_the_first_choice(member: int, open_requests: int, search: str, number: int) -> None:
    """The one in the address, then the member the page was asked for, of a running one the newest, else the root."""
    tree = conversation_tree(chain(3), open_requests=open_requests)
    shown = await Shown(store_with(tree), str(request_id(member))).load(search)
    assert shown.selected == str(request_id(number))
    assert shown.told[-1] == {"kind": "select", "id": str(request_id(number))}


async def test_the_picked_exchange_is_told_with_its_evidence() -> None:
    evidence = [EvidenceItem(kind="task prompt", detail="byte for byte")]
    nodes = [tree_node(1), tree_node(2, parent=1, branch=2, edge="spawned", task="Look", evidence=evidence, depth=1)]
    shown = await Shown(store_with(conversation_tree(nodes))).load()
    await shown.page.act("select", str(request_id(2)))
    detail = shown.page.regions()["detail"]
    assert shown.selected == str(request_id(2))
    assert texts(detail, "h2") == ["Look"]
    assert "How many files are here?" in texts(detail, ".said")[0]
    assert "There are three." in texts(detail, ".said")[1]
    assert texts(detail, ".evidence") == ["task prompt byte for byte it begins with the prompt of that call"]
    itself = [f"/requests/{request_id(2)}", f"/compare?a={request_id(2)}"]
    hrefs = [*itself, *[f"/requests/{request_id(1)}"] * 2]
    assert attributes(detail, "a", "href") == hrefs, "itself, its parent, and where its branch leaves"


async def why_of(nodes: list[TreeNode], number: int) -> str:
    """The section of the detail panel."""
    store = store_with(conversation_tree(nodes))
    shown = await Shown(store).load(f"?request={request_id(number)}")
    return shown.page.regions()["detail"]


async def test_a_link_is_said_in_words_with_its_class_its_evidence_and_its_confidence() -> None:
    evidence = [
        EvidenceItem(kind="request-class header", detail="main"),
        EvidenceItem(kind="history", detail="4 of 6 blocks"),
    ]
    nodes = [tree_node(1, prompt="Begin"), tree_node(2, parent=1, prompt="Go on", evidence=evidence, confidence=0.5)]
    detail = await why_of(nodes, 2)
    assert texts(detail, ".because") == ["Continues the answer of “Begin”."]
    assert texts(detail, ".sure") == ["uncertain 50 %"]
    assert texts(detail, ".evidence") == ["history 4 of 6 blocks it holds that request and the answer recorded to it"]
    facts = dict(zip(texts(detail, "dt"), texts(detail, "dd"), strict=True))
    assert facts["Class"] == "a turn of the main thread request-class header main"
    assert facts["Branch"] == "main"


async def test_a_branch_links_to_where_it_leaves_and_neighbours_can_be_picked() -> None:
    nodes = [
        tree_node(1, prompt="Begin"),
        tree_node(2, parent=1, prompt="This way"),
        tree_node(3, parent=1, branch=3, edge="branches", prompt="That way"),
        tree_node(4, parent=3, branch=3),
    ]
    detail = await why_of(nodes, 3)
    assert texts(detail, ".because") == [
        "Branches off after the answer of “Begin”. “This way” had gone on from it before."
    ]
    detail = await why_of(nodes, 4)
    assert texts(detail, "dd[data-branch]") == ["branch 2 leaves main at “Begin”"]
    assert attributes(detail, "button", "data-pick") == [str(request_id(3)), str(request_id(1))]


async def test_the_attempts_of_a_turn_are_listed_with_their_costs() -> None:
    nodes = [
        tree_node(1, prompt="Begin", status=529, cost_usd=Decimal(0)),
        tree_node(2, parent=1, edge="retries", cost_usd=Decimal("0.25")),
        tree_node(3, parent=1, edge="retries", outcome="open"),
    ]
    lost = tree_node(4, parent=1, edge="retries", unrecorded=True)
    detail = await why_of([*nodes, lost], 2)
    assert texts(detail, "dd[data-attempt]") == [
        "“Begin” ended with 529, $0.00", "this one was answered, $0.2500", "Retry was open",
        "Retry was answered, not recorded",
    ]  # fmt: skip
    assert not texts(await why_of(nodes[:1], 1), "dd[data-attempt]")


async def test_an_exchange_whose_answer_was_not_recorded_whole_says_so() -> None:
    """Whichever the branch's count means, retried or not."""
    nodes = [tree_node(1, prompt="Begin"), tree_node(2, parent=1, unrecorded=True)]
    assert "not recorded" in texts(await why_of(nodes, 2), ".chip-bad")
    assert "not recorded" not in texts(await why_of(nodes, 1), ".chip-bad")


async def test_a_retry_tells_how_the_attempt_before_ended() -> None:
    nodes = [tree_node(1, prompt="Begin", status=529), tree_node(2, parent=1, edge="retries")]
    assert texts(await why_of(nodes, 2), ".because") == [
        "Sends the messages of “Begin” again. The attempt before ended with 529."
    ]


async def test_a_sub_task_names_the_call_that_started_it() -> None:
    nodes = [tree_node(1, prompt="Begin"), tree_node(2, parent=1, branch=2, edge="spawned", tool_use_id="toolu_7")]
    assert texts(await why_of(nodes, 2), ".because") == [
        "Started by the answer of “Begin” with the agent call toolu_7."
    ]


async def test_a_compaction_shows_what_it_summarised() -> None:
    nodes = [
        tree_node(1, prompt="Begin"),
        tree_node(2, parent=1),
        tree_node(3, parent=2, edge="compacts", request_class="compaction"),
        tree_node(4, parent=3, edge="resumes", prompt="Go on"),
    ]
    detail = await why_of(nodes, 3)
    facts = dict(zip(texts(detail, "dt"), texts(detail, "dd"), strict=True))
    assert (facts["From"], facts["Up to"]) == ("“Begin”", "Prompt 1 · step 2")
    assert (facts["Size"], facts["Resumed by"]) == ("3 messages in 2 requests", "“Go on”")
    assert "Size" not in texts(await why_of(nodes, 4), "dt")
    assert "nobody yet" in await why_of(nodes[:3], 3)


async def test_the_branches_are_listed_with_what_they_add_up_to() -> None:
    nodes = [
        tree_node(1, prompt="Begin"),
        tree_node(2, parent=1, branch=2, edge="spawned", task="Look", agent_type="Explore", prompt="Look around"),
        tree_node(3, parent=1, branch=3, edge="branches", outcome="open", completed_at=None, stop_reason=None),
    ]
    branches = (await Shown(store_with(conversation_tree(nodes))).load()).page.regions()["branches"]
    assert texts(branches, "summary") == ["Branches and sub-tasks2 branches, 1 sub-task1 running"]
    assert attributes(branches, "tr", "data-branch-id") == [str(request_id(number)) for number in (1, 2, 3)]
    assert attributes(branches, "button", "data-pick") == [str(request_id(number)) for number in (1, 2, 3)]
    assert texts(branches, "td")[:8] == ["mainmain", "done", "1", "2", "50k", "149k", "–", "4.0 s"]
    assert texts(branches, "td")[9:17] == ["LookExploresubtask", "done", "1", "2", "50k", "–", "–", "4.0 s"]
    assert attributes(branches, "a", "href") == [
        f"/compare?a={request_id(1)}&of=branches",
        f"/compare?a={request_id(2)}&of=branches",
        f"/compare?a={request_id(1)}&b={request_id(3)}&of=branches",
    ], "a branch with the one that it left"
    assert texts(branches, "td")[18:20] == ["branch 2branch", "running"]
    assert attributes(branches, "button[aria-current]", "data-pick") == [str(request_id(1))]
    assert attributes(branches, "button[title]", "title") == ["Look around"]


async def test_one_branch_alone_is_folded_away() -> None:
    shown = await Shown(store_with(conversation_tree(chain(2)))).load()
    assert found(shown.page.regions()["branches"], "details")
    assert not found(shown.page.regions()["branches"], "details[open]")


async def test_picking_in_the_browser_is_not_told_back_to_it() -> None:
    shown = await Shown(store_with(conversation_tree(chain(3)))).load()
    before = len(shown.told)
    await shown.page.act("select", str(request_id(2)))
    shown.page.paint()
    assert len(shown.told) == before


@pytest.mark.parametrize(
    ("name", "value"), [("select", "nonsense"), ("select", str(request_id(99))), ("other", str(request_id(2)))]
)
async def test_other_acts_change_nothing(name: str, value: str) -> None:
    shown = await Shown(store_with(conversation_tree(chain(3)))).load()
    await shown.page.act(name, value)
    assert shown.selected == str(request_id(1))


async def test_a_new_exchange_is_told_alone_and_the_pick_stays() -> None:
    store = store_with(conversation_tree(chain(3)))
    shown = await Shown(store).load(f"?request={request_id(2)}")
    store.put_tree(conversation_tree(chain(4)))
    store.put_item(request_item(4))
    await shown.page.follow()
    shown.page.paint()
    assert [row[0] for row in shown.rows] == [str(request_id(4))]
    assert shown.told[-1]["anew"] is False
    assert shown.selected == str(request_id(2))
    assert len(shown.bars["id"]) == 4


async def test_an_exchange_that_ended_is_told_again_and_read_again_if_it_is_picked() -> None:
    store = store_with(conversation_tree(chain(2, outcome="open", completed_at=None), open_requests=1))
    shown = await Shown(store).load()
    assert shown.bars["tint"] == ["main", "running"]
    store.asked.clear()
    store.put_tree(conversation_tree(chain(2)))
    store.put_item(request_item(2))
    await shown.page.follow()
    shown.page.paint()
    assert [row[0] for row in shown.rows] == [str(request_id(2))]
    assert shown.bars["tint"] == ["main", "main"]
    assert "details" in store.asked


async def test_a_late_exchange_in_between_draws_the_tree_anew() -> None:
    first, last = tree_node(1), tree_node(3, parent=1)
    store = store_with(conversation_tree([first, last]))
    shown = await Shown(store).load()
    store.put_tree(conversation_tree([first, tree_node(2, parent=1), tree_node(3, parent=2)]))
    store.put_item(request_item(2))
    await shown.page.follow()
    shown.page.paint()
    assert shown.told[-1]["anew"] is True
    assert len(shown.rows) == 3
    assert len(shown.bars["id"]) == 3


async def test_what_happens_elsewhere_does_not_read_the_tree() -> None:
    store = store_with(conversation_tree(chain(3)))
    shown = await Shown(store).load()
    store.asked.clear()
    store.put_item(request_item(50, conversation_id=request_id(50)))
    await shown.page.follow()
    assert "tree" not in store.asked


async def test_late_links_are_seen_after_a_while() -> None:
    store = store_with(conversation_tree(chain(3)))
    shown = await Shown(store).load()
    store.asked.clear()
    for _ in range(RECHECK):
        await shown.page.follow()
    assert store.asked.count("tree") == 1


@pytest.mark.parametrize("member", ["nonsense", str(request_id(99))])
async def test_an_unknown_conversation_is_said_to_be_unknown(member: str) -> None:
    shown = await Shown(store_with(conversation_tree(chain(1))), member).load()
    assert 'data-state="missing"' in shown.page.regions()["head"]
    assert not found(shown.page.regions()["branches"], "details")
    assert shown.page.title == "No conversation · Nexus"
    await shown.page.follow()
    shown.page.paint()
    assert shown.selected == ""


async def test_a_conversation_that_appears_is_shown() -> None:
    store = FakeDataStore()
    shown = await Shown(store).load()
    store.put_tree(conversation_tree(chain(2)))
    store.put_item(request_item(1))
    store.all_details[request_id(1)] = request_details(1)
    await shown.page.follow()
    shown.page.paint()
    assert len(shown.rows) == 2
    assert shown.selected == str(request_id(1))
    assert not found(shown.page.regions()["head"], "div[data-state]")


async def test_an_earlier_moment_shows_what_stood_then() -> None:
    nodes = chain(3)
    store = store_with(conversation_tree(nodes))
    moment = nodes[1].received_at
    shown = await Shown(store).load(f"?as_of={moment.isoformat().replace('+', '%2B')}")
    assert shown.selected == str(request_id(2))
    assert len(shown.rows) == 2
    assert texts(shown.page.regions()["head"], "dd")[0] == "2"
    control = shown.page.regions()["moments"]
    assert "As of 2" in " ".join(texts(control, ".moments-label")) or attributes(control, "time", "datetime")
    assert attributes(control, "input", "value") == [str(int(moment.timestamp() * 1000))]
    assert f"?request={request_id(2)}" in attributes(control, "a", "href")
    assert {f"tree as of {moment:%H:%M:%S}", f"details as of {moment:%H:%M:%S}"} <= set(store.asked)
    asked = len(store.asked)
    store.newest += 1
    for _ in range(RECHECK):
        await shown.page.follow()
    assert len(store.asked) == asked


async def test_before_it_began_the_tree_is_empty_and_the_way_back_is_there() -> None:
    shown = await Shown(store_with(conversation_tree(chain(2)))).load("?as_of=1000")
    assert shown.selected == ""
    assert texts(shown.page.regions()["head"], "dd")[0] == "0"
    assert "Now" in texts(shown.page.regions()["moments"], ".button")
    assert "had not begun" in shown.page.regions()["detail"]
    shown.page.paint()


async def test_now_has_a_way_to_the_moment_before() -> None:
    shown = await Shown(store_with(conversation_tree(chain(2)))).load("?as_of=tomorrow")
    control = shown.page.regions()["moments"]
    assert "As of now" in texts(control, ".moments-label")
    assert any(link.startswith("?as_of=") for link in attributes(control, "a", "href"))
    alone = conversation_tree([tree_node(1).model_copy(update={"completed_at": None, "outcome": "open"})])
    assert (await Shown(store_with(alone)).load()).page.regions()["moments"].strip() == ""


def two_lines() -> list[TreeNode]:
    return [
        *chain(2),
        tree_node(3, parent=1, branch=3, edge="spawned", request_class="subagent", agent_type="Explore"),
    ]


async def test_the_timeline_shows_what_the_address_asks_for_and_what_its_time_was_spent_on() -> None:
    shown = await Shown(store_with(conversation_tree(two_lines()))).load(f"?request={request_id(2)}&class=subagent")
    lanes = shown.page.regions()["lanes"]
    assert shown.bars["id"] == [str(request_id(3))]
    assert attributes(lanes, "select", "name") == ["branch", "agent", "class"]
    assert [one.attributes["value"] for one in found(lanes, "option[selected]")] == ["subagent"]
    assert attributes(lanes, "input", "value") == [str(request_id(2))]
    assert texts(lanes, "dd") == ["4.0 s", "0 ms", "0 ms", "0 ms"]
    moments = shown.page.regions()["moments"]
    assert attributes(moments, "input", "name") == ["class", "as_of"]
    assert all("class=subagent" in link for link in attributes(moments, "a", "href"))
    await shown.load("?agent=Explore")
    assert shown.bars["id"] == [str(request_id(3))]
    await shown.load("")
    assert len(shown.bars["id"]) == 3
    assert texts(shown.page.regions()["lanes"], "dd")[0] == "12 s"


async def test_a_choice_that_nothing_fits_is_said_and_can_be_taken_back() -> None:
    shown = await Shown(store_with(conversation_tree(chain(2)))).load(f"?request={request_id(2)}&agent=Nobody")
    lanes = shown.page.regions()["lanes"]
    assert shown.bars["id"] == []
    assert found(lanes, "p[data-state]")
    assert attributes(lanes, "a", "href") == [f"?request={request_id(2)}"]
    assert attributes(lanes, "select", "name") == ["agent"], "what is chosen can be seen, and nothing else is to choose"


async def test_a_plain_talk_has_nothing_to_choose() -> None:
    lanes = (await Shown(store_with(conversation_tree(chain(2)))).load()).page.regions()["lanes"]
    assert attributes(lanes, "select", "name") == []
    assert texts(lanes, "dt") == ["Model", "Tools", "People", "Waiting"]


async def test_the_filters_of_the_reading_view_are_none_of_the_timeline() -> None:
    shown = await Shown(store_with(conversation_tree(two_lines()))).load(f"?tab=read&branch={request_id(3)}")
    assert len(shown.bars["id"]) == 3


async def test_each_moment_reads_the_tree_once() -> None:
    nodes = chain(3)
    store = store_with(conversation_tree(nodes))
    shown = await Shown(store).load()
    for node in nodes:
        store.asked.clear()
        await shown.load(f"?as_of={int(node.received_at.timestamp() * 1000)}")
        assert sum(question.startswith("tree") for question in store.asked) == 1
        assert "of 6" in texts(shown.page.regions()["moments"], "span")[-1]


async def test_picking_an_exchange_draws_no_bar_anew() -> None:
    shown = await Shown(store_with(conversation_tree(chain(3)))).load()
    figure: Any = shown.page.figures()["timeline"]
    drawn = figure.renderers[0].data_source.data
    await shown.page.act("select", str(request_id(2)))
    shown.page.paint()
    assert figure.renderers[0].data_source.data is drawn


async def test_what_a_pick_does_not_change_is_said_once() -> None:
    store = store_with(conversation_tree(two_lines()))
    shown = await Shown(store).load(f"?request={request_id(1)}")
    said, control = shown.page.regions()["branches"], shown.page.regions()["lanes"]
    await shown.page.act("select", str(request_id(2)))
    assert shown.page.regions()["branches"] is said, "it is on the same branch"
    assert shown.page.regions()["lanes"] != control
    await shown.page.act("select", str(request_id(3)))
    assert attributes(shown.page.regions()["branches"], "button[aria-current]", "data-pick") == [str(request_id(3))]
    store.put_tree(conversation_tree([*two_lines(), tree_node(4, parent=2)]))
    store.put_item(request_item(4))
    await shown.page.follow()
    assert "3" in texts(shown.page.regions()["branches"], "td")


async def test_what_runs_is_told_anew_each_time() -> None:
    moments = iter(NOW + timedelta(seconds=late) for late in range(99))
    store = store_with(conversation_tree(chain(2, outcome="open", completed_at=None), open_requests=1))
    page = ConversationPage(Surroundings(store, lambda: next(moments), ()), str(request_id(1)))
    await page.load("")
    page.paint()
    first, said = list(page.figures()["timeline"].renderers[0].data_source.data["right"]), page.regions()["branches"]  # type: ignore[attr-defined]
    await page.load("?tab=read")
    page.paint()
    later = list(page.figures()["timeline"].renderers[0].data_source.data["right"])  # type: ignore[attr-defined]
    assert later[0] == first[0]
    assert later[1] > first[1]
    assert page.regions()["branches"] != said


async def test_a_moment_that_the_store_was_away_for_is_asked_for_again() -> None:
    nodes = chain(3)
    store = store_with(conversation_tree(nodes))
    shown = await Shown(store).load()
    search = f"?as_of={int(nodes[1].received_at.timestamp() * 1000)}"
    store.away = True
    with pytest.raises(StoreUnavailableError):
        await shown.page.load(search)
    store.away = False
    await shown.load(search)
    assert texts(shown.page.regions()["head"], "dd")[0] == "2"
    assert shown.selected == str(request_id(2))


async def test_a_moment_hides_the_bars_behind_it() -> None:
    nodes = chain(3)
    shown = await Shown(store_with(conversation_tree(nodes))).load()
    figure: Any = shown.page.figures()["timeline"]
    data = figure.renderers[0].data_source.data
    await shown.page.load(f"?as_of={int(nodes[1].received_at.timestamp() * 1000)}")
    shown.page.paint()
    assert figure.renderers[0].data_source.data is data
    assert figure.renderers[0].view.filter.indices == [0, 1]
    assert list(data["tint"])[:2] == ["main", "running"]
    assert shown.told[-2] == {"kind": "rows", "rows": shown.told[-2]["rows"], "anew": False, "count": 2}
    assert [row[0] for row in shown.rows] == [str(request_id(2))], "it is open again"
    await shown.load("")
    assert type(figure.renderers[0].view.filter).__name__ == "AllIndices"
    assert list(data["tint"]) == ["main"] * 3


async def test_another_view_of_the_same_moment_does_not_read_the_tree_again() -> None:
    """Filters of the timeline, the reading view and its pages; what has happened since is seen all the same."""
    store = store_with(conversation_tree(two_lines()))
    shown = await Shown(store).load()
    for search in ("?class=subagent", "?tab=read", "?tab=read&turn=1", ""):
        store.asked.clear()
        await shown.load(search)
        assert not [question for question in store.asked if question.startswith("tree")]
        assert len(shown.bars["id"]) == (1 if "class" in search else 3)
    store.put_tree(conversation_tree([*two_lines(), tree_node(4, parent=2)]))
    store.put_item(request_item(4))
    await shown.load("?class=main")
    assert len(shown.bars["id"]) == 3
    moment = int(two_lines()[0].received_at.timestamp() * 1000)
    await shown.load(f"?as_of={moment}")
    store.asked.clear()
    await shown.load(f"?as_of={moment}&class=main")
    assert not [question for question in store.asked if question.startswith("tree")]
    await shown.load("?class=main")
    assert "tree" not in store.asked, "nothing has happened since it was read"
    assert len(shown.bars["id"]) == 3


@pytest.mark.parametrize(("last", "again"), [({}, False), ({"outcome": "open", "completed_at": None}, True)])
async def test_what_is_picked_is_read_again_only_while_it_runs(last: dict[str, object], *, again: bool) -> None:
    store = store_with(conversation_tree(chain(3, **last)))
    shown = await Shown(store, str(request_id(3))).load()
    for search in ("?class=main", "?tab=read"):
        store.asked.clear()
        await shown.load(search)
        assert ("details" in store.asked) is again
    store.asked.clear()
    await shown.load(f"?request={request_id(1)}")
    assert store.asked.count("details") == 1
    assert shown.selected == str(request_id(1))
    store.asked.clear()
    moment = int(chain(3)[1].received_at.timestamp() * 1000)
    await shown.load(f"?request={request_id(1)}&as_of={moment}")
    assert [question for question in store.asked if question.startswith("details as of")]


async def test_what_was_not_there_to_read_is_asked_for_again() -> None:
    store = store_with(conversation_tree(chain(1)))
    details = store.all_details.pop(request_id(1))
    shown = await Shown(store).load()
    store.all_details[request_id(1)] = details
    await shown.load("?tab=read")
    assert shown.page._details == details
