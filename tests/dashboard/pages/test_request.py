"""A request's page shows all that is recorded of it, one section at a time, and says plainly what is missing."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.details import RequestDetails
from dashboard.pages.page import Surroundings
from dashboard.pages.request import SECTIONS, RequestPage
from dashboard.told import Sayings
from dashboard.views.message_runs import MESSAGES
from domain.billing import BilledLine, Tariff
from domain.errors import StoreUnavailableError
from domain.prices import PriceBook
from domain.redaction import header_fact
from domain.usage import TokenCounts
from domain.usage_sums import Attempt
from domain.viewers import Viewer
from schemas.cache_api import RewrittenTokens
from schemas.read_api import EvidenceItem
from schemas.stored.events import HeaderFact
from tests.fake_data import FakeDataStore
from tests.insight_samples import verdict
from tests.price_samples import price
from tests.read_rows import START, conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import REQUEST, event_items, request_details, text_answer
from tests.shown_html import attributes, found, texts

NOW = START + timedelta(minutes=10)
ID = str(request_id(1))
NOTHING = BilledLine(tariff=Tariff(model="claude-opus-4-8"), tokens=TokenCounts(), kind="unbilled")


def store_with(details: RequestDetails) -> FakeDataStore:
    store = FakeDataStore()
    assert details.item is not None
    store.put_item(details.item)
    store.all_details[details.request_id] = details
    store.all_events[details.request_id] = event_items(details)
    return store


async def shown(details: RequestDetails, search: str = "", member: str = ID) -> RequestPage:
    return await loaded(store_with(details), search, member)


async def loaded(store: FakeDataStore, search: str = "", member: str = ID) -> RequestPage:
    page = RequestPage(Surroundings(store, lambda: NOW, ()), member)
    await page.load(search)
    page.paint()
    return page


async def panel(details: RequestDetails, section: str) -> str:
    return (await shown(details, f"?tab={section}")).regions()["panel"]


def messages(*contents: object) -> dict[str, Any]:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    return REQUEST | {"messages": [{"role": roles[n % 2], "content": it} for n, it in enumerate(contents)]}


async def test_the_head_tells_the_facts() -> None:
    item = request_item(1, attempts=2, evidence=[EvidenceItem(kind="agent id", detail="in the result")], confidence=0.5)
    head = (await shown(request_details(item=item))).regions()["head"]
    facts = dict(zip(texts(head, "dt"), texts(head, "dd"), strict=True))
    assert facts["Received"] == "2026-11-22 09:30:12 UTC"
    assert (facts["First byte"], facts["Lasted"], facts["Attempts"]) == ("640 ms", "4.0 s", "2")
    assert (facts["Request id"], facts["Session"]) == (ID, "6f1c2d3e-0000-4000-8000-000000000001")
    assert texts(head, ".evidence") == ["agent id in the result the parent's tool result names this agent"]
    assert texts(head, ".sure") == ["uncertain 50 %"]
    assert [element.text for element in found(head, ".usage-line")] == [
        "cache read 48,000 cache write 5 m 1,200, 1 h 0 other input 12 output 480"
    ]


async def test_the_head_links_to_the_place_in_the_conversation() -> None:
    head = (await shown(request_details())).regions()["head"]
    assert attributes(head, "a[data-up]", "href") == [f"/conversations/{ID}?request={ID}"]
    alone = (await shown(request_details(item=request_item(1, conversation_id=None)))).regions()["head"]
    assert attributes(alone, "a[data-up]", "href") == ["/requests"]


async def test_the_head_tells_class_edge_and_branch() -> None:
    evidence = [EvidenceItem(kind="agent header", detail="a1"), EvidenceItem(kind="task prompt", detail="equal")]
    changes = {"edge": "spawned", "request_class": "subagent", "agent_id": "a1", "tool_use_id": "toolu_1"}
    item = request_item(2, branch_id=request_id(2), evidence=evidence, **changes)
    nodes = [tree_node(1), tree_node(2, parent=1, branch=2, edge="spawned", task="Look")]
    store = store_with(request_details(2, item=item))
    store.put_tree(conversation_tree(nodes))
    head = (await loaded(store, member=str(request_id(2)))).regions()["head"]
    facts = dict(zip(texts(head, "dt"), texts(head, "dd"), strict=True))
    assert (facts["Branch"], facts["Agent"], facts["Conversation"]) == ("Look", "a1", "00000001")
    parent = request_id(1).hex[-8:]
    assert texts(head, ".because") == [f"Started by the answer of {parent} with the agent call toolu_1."]
    assert texts(head, ".class-line") == ["sub-agent a turn of a sub-agent: agent header a1"]


async def test_a_branch_without_a_name_is_told_by_its_id_and_no_link_is_said_to_be_none() -> None:
    facts = (await shown(request_details())).regions()["head"]
    assert texts(facts, "div[data-branch]") == ["Branch00000001"]
    unlinked = dict.fromkeys(("edge", "request_class", "conversation_id", "branch_id", "confidence"))
    head = (await shown(request_details(item=request_item(1, **unlinked)))).regions()["head"]
    assert "It is not linked yet." in head
    assert not found(head, "div[data-branch]")


async def test_both_halves_are_offered_to_the_byte() -> None:
    sections = (await shown(request_details())).regions()["sections"]
    assert attributes(sections, "a[download]", "href") == [f"/api/requests/{ID}/body", f"/api/requests/{ID}/response"]


@pytest.mark.parametrize("section", SECTIONS)
async def test_a_section_is_chosen_by_the_address(section: str) -> None:
    page = await shown(request_details(), f"?tab={section}")
    assert attributes(page.regions()["sections"], "a[aria-current]", "data-section") == [section]
    assert page.regions()["panel"]


async def test_another_word_chooses_the_messages() -> None:
    page = await shown(request_details(), "?tab=nonsense")
    assert attributes(page.regions()["sections"], "a[aria-current]", "data-section") == ["messages"]


async def test_messages_are_shown_with_the_answer() -> None:
    html = await panel(request_details(body=messages("Hello", [{"type": "text", "text": "Hi"}], "More")), "messages")
    assert attributes(html, "article", "id") == ["m-1", "m-2", "m-3", "answer"]
    assert texts(html, ".text") == ["Be brief.", "Hello", "Hi", "More", "There are three."]
    assert texts(html, ".divider") == ["The answer"]
    assert texts(html, "dt") == ["Bash", "model", "max_tokens"]
    assert texts(html, "dd") == ["Runs a command.", '"claude-opus-4-5-20251101"', "100"]


async def test_only_the_last_messages_are_shown_until_more_are_asked_for() -> None:
    page = await shown(request_details(body=messages(*["x"] * (2 * MESSAGES + 3))))
    assert attributes(page.regions()["panel"], "article", "id")[0] == f"m-{MESSAGES + 4}"
    assert "27 messages before these" in page.regions()["panel"]
    await page.act("earlier", "0")
    assert attributes(page.regions()["panel"], "article", "id")[0] == "m-4"
    await page.act("earlier", "0")
    assert attributes(page.regions()["panel"], "article", "id")[0] == "m-1"
    assert not found(page.regions()["panel"], ".earlier")


@pytest.mark.parametrize(
    ("wanted", "first"), [("2", 2), ("40", 28), ("0", 28), ("99", 28), ("x", 28), ("²", 28), ("9" * 40, 28)]
)
async def test_a_link_to_a_message_shows_it(wanted: str, first: int) -> None:
    page = await shown(request_details(body=messages(*["x"] * 51)), f"?message={wanted}")
    assert attributes(page.regions()["panel"], "article", "id")[0] == f"m-{first}"


async def test_a_body_that_is_no_json_says_so_and_offers_the_bytes() -> None:
    page = await shown(request_details(body=b'{"cut', item=request_item(1, parsable=False)))
    assert "The body is no JSON object" in page.regions()["head"]
    assert texts(page.regions()["panel"], "h2") == ["The body is no JSON object"]
    assert f"/api/requests/{ID}/body" in attributes(page.regions()["panel"], "a", "href")
    assert texts(await panel(request_details(body=b'{"cut'), "raw"), "pre")[0] == '{"cut'


async def test_no_body_says_so() -> None:
    assert texts(await panel(request_details(body=b""), "messages"), "h2") == ["There was no body"]


async def test_an_answer_is_shown_with_what_it_used() -> None:
    html = await panel(request_details(), "response")
    facts = dict(zip(texts(html, "dt"), texts(html, "dd"), strict=True))
    assert (facts["Id"], facts["Stop reason"], facts["Whole"], facts["Output"]) == ("msg_1", "end_turn", "yes", "9")
    assert "There are three." in texts(html, ".blocks")[0]


async def test_an_answer_that_was_cut_says_so() -> None:
    html = await panel(request_details(answer=text_answer()[:3], ended_by="upstream"), "response")
    assert texts(html, ".cut-line") == ["cut here", "The answer was cut: it ended by upstream (reset)."]
    assert dict(zip(texts(html, "dt"), texts(html, "dd"), strict=True))["Whole"] == "no, it was cut"


async def test_an_error_is_told_as_the_api_told_it() -> None:
    error = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    item = request_item(1, status=529, error_type="overloaded_error", error_message="Overloaded")
    page = await shown(request_details(answer=error, status=529, item=item))
    assert texts(page.regions()["head"], ".banner-bad") == ["overloaded_error Overloaded"]
    assert texts(page.regions()["panel"], ".banner-bad") == ["overloaded_error Overloaded"]


async def test_an_answer_that_is_no_message_points_to_its_bytes() -> None:
    assert "its bytes are under Raw" in await panel(request_details(answer=b"\x00\x01"), "response")
    assert "There is no message in the answer" in await panel(request_details(answer=b""), "messages")


async def test_the_rhythm_is_drawn_with_its_section() -> None:
    page = await shown(request_details(), "?tab=stream")
    figure: Any = page.figures()["rhythm"]
    assert figure.visible
    source = figure.renderers[0].data_source
    assert len(source.data["left"]) == len(text_answer())
    facts = dict(zip(texts(page.regions()["panel"], "dt"), texts(page.regions()["panel"], "dd"), strict=True))
    assert (facts["Chunks"], facts["First byte after"], facts["Longest silence"]) == (
        "6",
        "640 ms",
        "100 ms after message_start",
    )
    page = await shown(request_details(), "?tab=headers")
    figure = page.figures()["rhythm"]
    assert not figure.visible


async def test_a_section_is_shown_also_if_the_store_was_away_when_it_was_chosen() -> None:
    store = store_with(request_details())
    page = await loaded(store)
    store.away = True
    with pytest.raises(StoreUnavailableError):
        await page.load("?tab=stream")
    await page.act("toggle", "x")
    assert "Longest silence" in page.regions()["panel"]


async def test_nothing_streamed_is_said() -> None:
    html = await panel(request_details(answer=b"", ended_by="upstream"), "stream")
    assert "No byte of an answer is recorded" in html
    assert "Nothing has come yet" in await panel(request_details(answer=b"", ended_by="open"), "stream")


async def test_headers_that_were_not_kept_show_length_and_fingerprint() -> None:
    html = await panel(request_details(), "headers")
    rows = dict(zip(texts(html, "th"), texts(html, "td"), strict=True))
    assert rows["anthropic-version"] == "2023-06-01"
    assert rows["x-api-key"] == "108 bytes, not kept; fingerprint b1946ac9"
    assert rows["content-type"] == "text/event-stream"


async def test_a_credential_shows_its_fingerprint_alone() -> None:
    """Not even its length is recorded."""
    fact = header_fact("authorization", "Bearer sk-ant-secret", b"key")
    html = await panel(request_details(headers=[HeaderFact(**fact._asdict())]), "headers")
    rows = dict(zip(texts(html, "th"), texts(html, "td"), strict=True))
    assert rows["authorization"] == f"not kept; fingerprint {fact.fingerprint}"


async def test_the_request_can_be_copied_as_a_command() -> None:
    page = await shown(request_details(body=messages("x" * 20_000)), "?tab=headers")
    (command,) = attributes(page.regions()["sections"], "button[data-copy]", "data-copy")
    assert command.startswith("curl --request POST ")
    (said,) = attributes(page.regions()["sections"], "button[data-copy]", "data-copied")
    assert said == f"Copied. It reads the body from {ID}.request: take it with Request bytes."
    assert texts(page.regions()["panel"], "pre") == [command]
    assert f"/api/requests/{ID}/body" in attributes(page.regions()["panel"], "a[download]", "href")
    assert "The credential is taken from ANTHROPIC_API_KEY." in texts(page.regions()["panel"], "section[data-again]")[0]
    small = await shown(request_details())
    assert attributes(small.regions()["sections"], "button[data-copy]", "data-copied") == ["Copied."]
    assert (
        "Copy as curl"
        not in (await shown(request_details(body=b"x", ended_by="open"), member="no")).regions()["sections"]
    )


async def test_a_header_of_which_not_even_the_length_was_kept_says_so() -> None:
    received = request_details().received
    assert received is not None
    bare = HeaderFact(name="Authorization")
    html = await panel(replace(request_details(), received=received.model_copy(update={"headers": (bare,)})), "headers")
    assert dict(zip(texts(html, "th"), texts(html, "td"), strict=True))["Authorization"] == "not kept"


async def test_the_stream_of_events_is_listed() -> None:
    html = await panel(request_details(answer=b"x" * 2048), "events")
    assert texts(html, "summary")[1:] == ["200 from upstream after 640 ms", "2.0 KiB after 740 ms"]
    store = store_with(request_details())
    await loaded(store)
    assert "events" not in store.asked


async def test_the_raw_tree_opens_and_closes() -> None:
    page = await shown(request_details(), "?tab=raw")
    before = page.regions()["panel"]
    assert attributes(before, ".json-line", "data-key")[:3] == ["request:", "request:0", "request:1"]
    await page.act("toggle", "request:1")
    assert "request:1.0" in attributes(page.regions()["panel"], ".json-line", "data-key")
    await page.act("toggle", "request:1")
    assert page.regions()["panel"] == before


async def test_an_open_request_says_so_and_goes_on() -> None:
    store = store_with(request_details(answer=text_answer()[:3], ended_by="open", item=request_item(1, outcome="open")))
    page = await loaded(store)
    assert "still open" in page.regions()["head"]
    assert "The answer is still coming." in page.regions()["panel"]
    store.all_details[request_id(1)] = request_details()
    store.put_item(request_item(1))
    await page.follow()
    assert "still open" not in page.regions()["head"]
    assert "The answer is still coming." not in page.regions()["panel"]


async def test_an_ended_request_is_read_again_only_when_it_changed() -> None:
    store = store_with(request_details())
    page = await loaded(store)
    store.all_details[request_id(1)] = request_details(item=store.items[0])
    await page.follow()
    store.asked.clear()
    await page.follow()
    assert store.asked == ["request", "cache_verdict"]
    store.put_item(request_item(1, edge="branches"))
    await page.follow()
    assert "details" in store.asked


async def test_what_did_not_change_is_not_rendered_again() -> None:
    page = await shown(request_details())
    assert page.regions()["panel"] is page.regions()["panel"]


@pytest.mark.parametrize("member", ["nonsense", str(request_id(9))])
async def test_an_unknown_request_is_said_to_be_unknown(member: str) -> None:
    page = await shown(request_details(), member=member)
    assert 'data-state="missing"' in page.regions()["head"]
    assert page.title == "No request · Nexus"
    await page.follow()


async def test_the_title_names_the_request() -> None:
    assert (await shown(request_details())).title == "Request 00000001 · Nexus"


async def test_an_exchange_that_is_not_projected_yet_is_shown() -> None:
    details = request_details()
    store = FakeDataStore(all_details={request_id(1): RequestDetails(**{**_members(details), "item": None})})
    page = await loaded(store)
    assert "POST /v1/messages" in texts(page.regions()["head"], "h1")[0]
    assert texts(page.regions()["panel"], ".text")[-1] == "There are three."


def _members(details: RequestDetails) -> dict[str, Any]:
    return {name: getattr(details, name) for name in RequestDetails.__dataclass_fields__}


async def test_other_acts_change_nothing() -> None:
    page = await shown(request_details())
    before = page.regions()
    await page.act("nonsense", "x")
    assert page.regions() == before


async def test_what_became_of_the_prompt_cache_is_told_with_its_price() -> None:
    store = FakeDataStore(all_details={request_id(1): request_details()}, verdicts={request_id(1): verdict()})
    page = RequestPage(Surroundings(store, lambda: NOW, ()), ID)
    await page.load("")
    html = page.regions()["head"]
    (words,) = [one for one in texts(html, "section") if one.startswith("Prompt cache")]
    for part in ("Tools changed", "certain", "tool 3, Bash", "48,000 tokens paid anew: $0.2760", "Connect MCP servers"):
        assert part in words
    assert f"/requests/{request_id(8)}" in attributes(html, "a", "href")


async def test_a_verdict_that_comes_late_is_shown() -> None:
    store = FakeDataStore(all_details={request_id(1): request_details()})
    page = RequestPage(Surroundings(store, lambda: NOW, ()), ID)
    await page.load("")
    assert "Prompt cache" not in page.regions()["head"]
    store.verdicts[request_id(1)] = verdict(cause="none", lost_tokens=0, divergence=None, previous_request_id=None)
    await page.follow()
    assert "Nothing lost" in page.regions()["head"]


def spent(usage: dict[str, Any] | None = None, model: str = "claude-opus-4-8", **how: Any) -> FakeDataStore:
    """A request with an answer, at a price for one model."""
    answer = text_answer()
    answer[0]["message"] |= {"model": model, "usage": usage or {"input_tokens": 2_000_000}}
    store = store_with(request_details(answer=answer[: how.pop("events", None)], **how))
    store.said = Sayings(book=PriceBook((price(effective_from=date(2020, 1, 1)),)), plans={"tenant": "subscription"})
    return store


async def formula(store: FakeDataStore) -> str:
    return (await loaded(store, "?tab=usage")).regions()["panel"]


async def test_the_usage_section_shows_the_formula_with_its_evidence() -> None:
    html = await formula(spent({"input_tokens": 2_000_000, "novel_tokens": 3, "service_tier": "standard"}))
    rows = [[cell.text for cell in row.children] for row in found(html, ".term")]
    assert rows == [
        ["input, not cached", "2,000,000", "$10", "–", "$20"],
        ["output", "9", "$37.50", "–", "$0.0003375"],
    ]
    assert texts(html, ".sum") == ["Together$20.0003375"]
    assert texts(html, "[data-price]") == [
        "Price of claude-opus-4-8, in force since 2020-01-01. Source: a page",
    ]
    assert texts(html, "[data-cost]") == ["$20.0003375"]
    assert texts(html, "dt")[:2] == ["API-equivalent", "Service tier"]
    assert len(found(html, "[data-equivalent]")) == 1
    assert texts(html, ".unknown") == ["novel_tokens"]
    assert texts(html, ".chip-good") == ["complete"]
    assert not found(html, "[data-attempts]")


async def test_what_has_no_price_says_what_mends_it() -> None:
    html = await formula(spent(model="<b>strange"))
    assert texts(html, "[data-cost]") == ["not known"]
    assert texts(html, ".mend") == ["nexus prices set '<b>strange' --input USD --output USD"]
    assert "<b>strange" not in html


async def test_what_was_cut_is_an_estimate_and_says_how() -> None:
    html = await formula(spent(events=3, ended_by="upstream"))
    assert "estimate" in texts(html, ".chip-run")
    (said,) = texts(html, "[data-estimate]")
    assert said.endswith("16 characters were delivered, at 4 a token: 4, less 0 that had been counted.")


async def test_an_error_is_said_to_be_free() -> None:
    details = request_details(answer=b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', status=529)
    store = store_with(details)
    store.attempts = [Attempt(details.request_id, START, "completed", 529, (NOTHING,))]
    html = await formula(store)
    assert (texts(html, "[data-unbilled]"), texts(html, "[data-cost]")) == (["An error is not billed."], ["$0"])


async def test_every_attempt_of_a_turn_is_listed_with_its_cost() -> None:
    store = spent()
    line = BilledLine(tariff=Tariff(model="claude-opus-4-8"), tokens=TokenCounts(output_tokens=1_000_000))
    store.attempts = [
        Attempt(request_id(3), START, "completed", 529, (NOTHING,)),
        Attempt(request_id(1), START, "completed", 200, (line,)),
        Attempt(request_id(4), START, "open", None, ()),
    ]
    html = await formula(store)
    assert attributes(html, "tr[data-attempt]", "data-attempt") == [str(request_id(n)) for n in (3, 1, 4)]
    costs = [row.children[-1].text for row in found(html, "tr[data-attempt]")]
    assert costs == ["$0", "$20.0003375", "still open"]
    assert attributes(html, ".attempt", "href") == [f"/requests/{request_id(n)}?tab=usage" for n in (3, 4)]


async def test_steps_and_tools_are_listed() -> None:
    steps = [{"type": "message", "output_tokens": 4}, {"type": "compaction", "model": "m", "output_tokens": 2}]
    usage = {"iterations": steps, "server_tool_use": {"code_execution_requests": 2}}
    html = await formula(spent(usage))
    assert [row.children[0].text for row in found(html, ".step")] == ["message", "compaction"]
    assert "no price of its own" in texts(html, ".chip-run")


async def test_where_nothing_was_lost_that_is_said_once() -> None:
    store = store_with(request_details())
    store.verdicts[request_id(1)] = verdict(
        cause="none",
        detail="All that was cached was read.",
        lost_tokens=0,
        divergence=None,
        rewritten=RewrittenTokens(),
        previous_request_id=request_id(7),
    )
    head = (await loaded(store)).regions()["head"]
    (said,) = texts(head, "section[data-verdict]")
    assert "All that was cached was read." not in said
    assert said.endswith(". Compared with 00000007.")


READER = Viewer(name="ada", role="reader", accounts=None)


async def test_what_was_sent_is_shown_to_an_admin_and_noted_before() -> None:
    store = store_with(request_details())
    page = await loaded(store, "?tab=raw")
    assert store.revealed == [("revealed", request_id(1))]
    assert "data-side" in page.regions()["panel"]
    await page.act("toggle", "request:")
    await page.follow()
    assert len(store.revealed) == 1
    await page.load("?tab=messages")
    assert len(store.revealed) == 1
    await page.load("?tab=raw")
    assert len(store.revealed) == 2


async def test_what_cannot_be_noted_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with(request_details())
    page = await loaded(store, "?tab=messages")

    async def away(*_: object) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(store, "reveal", away)  # the audit log alone is away
    with pytest.raises(StoreUnavailableError):
        await page.load("?tab=raw")
    await page.act("toggle", "request:")
    assert "data-side" not in page.regions()["panel"]
    assert 'data-state="away"' in page.regions()["panel"]


async def test_a_reader_gets_texts_and_nothing_as_it_was_sent() -> None:
    store = store_with(request_details())
    store.viewer = READER
    page = await loaded(store, "?tab=raw")
    regions = page.regions()
    assert attributes(regions["sections"], "[data-section]", "data-section") == [
        one for one in SECTIONS if one != "raw"
    ]
    assert "data-side" not in regions["panel"]
    assert attributes(regions["sections"], "[download], [data-copy]", "href") == []
    assert "/body" not in (await loaded(store, "?tab=headers")).regions()["panel"]
    broken = store_with(request_details(body=b"no JSON"))
    broken.viewer = READER
    assert "tab=raw" not in (await loaded(broken)).regions()["panel"]
    assert store.revealed == broken.revealed == []
