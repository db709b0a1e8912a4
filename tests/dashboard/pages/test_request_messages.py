"""The messages section folds what was carried over, opens it for who asks, and looks again until nothing can change."""

from typing import Any

import pytest

from dashboard.details import RequestDetails
from dashboard.pages.request_messages import RequestMessages
from dashboard.views.message_runs import MESSAGES
from schemas.read_api import RequestItem
from tests.fake_data import FakeDataStore
from tests.hostile_text import HOSTILE, disarmed
from tests.read_rows import request_id, request_item
from tests.recorded_details import REQUEST, request_details, text_answer
from tests.shown_html import attributes, found, structure, texts


def said(count: int, **members: Any) -> dict[str, Any]:
    """User and assistant in turn; what the answers of the samples say stands at every even place."""
    texts = [(f"Number {n}", "There are three.")[n % 2] for n in range(count)]
    roles = ("user", "assistant")
    return REQUEST | {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]} | members


def exchange(number: int, count: int, item: RequestItem | None = None, **members: Any) -> RequestDetails:
    return request_details(number, body=said(count, **members), item=item)


class Section:
    """The section of one request, over a store with it and those before it."""

    def __init__(self, details: RequestDetails, *before: RequestDetails) -> None:
        self.store = FakeDataStore()
        self.details = details
        for one in (details, *before):
            self.store.all_details[one.request_id] = one
        self.messages = RequestMessages(self.store)

    async def read(self) -> "Section":
        await self.messages.read(self.details)
        return self

    @property
    def html(self) -> str:
        return self.messages.region(self.details)

    @property
    def open(self) -> list[str]:
        return attributes(self.html, "article", "id")

    def act(self, name: str, value: str) -> "Section":
        self.messages.act(self.details, name, value)
        return self


async def test_what_was_carried_over_is_one_line_and_the_new_stands_open_with_a_mark() -> None:
    section = await Section(exchange(2, 5), exchange(1, 3)).read()
    assert section.open == ["m-5", "answer"]
    assert texts(section.html, ".carried") == ["4 messages carried over from the request before · show"]
    assert texts(section.html, ".mark-new") == ["new"]
    assert texts(section.html, ".divider") == ["New in this request", "The answer"]
    (said,) = texts(section.html, "section[data-novelty]")
    assert said.startswith("What is new Against the request before, 00000001: 1 new message, 4 carried over.")
    assert said.endswith("System prompt, tools and settings are as they were.")
    assert f"/requests/{request_id(1)}" in attributes(section.html, "a", "href")


async def test_the_fold_opens_and_closes() -> None:
    section = await Section(exchange(2, 5), exchange(1, 3)).read()
    assert section.act("earlier", "0").open == ["m-1", "m-2", "m-3", "m-4", "m-5", "answer"]
    assert texts(section.html, ".mark-new") == ["new"]
    assert texts(section.html, ".carried") == ["4 messages carried over from the request before · hide"]
    assert section.act("fold", "0").open == ["m-5", "answer"]


async def test_a_long_fold_opens_from_its_end() -> None:
    section = await Section(exchange(2, 61), exchange(1, 59)).read()
    section.act("earlier", "0")
    assert section.open[0] == f"m-{60 - MESSAGES + 1}"
    (line,) = texts(section.html, ".carried")
    assert line == "60 messages carried over from the request before · hide · show earlier ones 36 more"
    assert section.act("earlier", "0").act("earlier", "0").open[0] == "m-1"


@pytest.mark.parametrize("value", ["", "1", "x", "-1", "9" * 40, "²"])
async def test_what_names_no_run_opens_nothing(value: str) -> None:
    section = await Section(exchange(2, 5), exchange(1, 3)).read()
    assert section.act("earlier", value).act("fold", value).open == ["m-5", "answer"]
    assert section.act("nonsense", "0").open == ["m-5", "answer"]


async def test_a_message_that_the_address_names_is_opened() -> None:
    section = await Section(exchange(2, 5), exchange(1, 3)).read()
    section.messages.show_message("3")
    assert section.open == ["m-3", "m-4", "m-5", "answer"]


async def test_without_a_request_before_all_is_new_and_that_is_said() -> None:
    section = await Section(exchange(1, 3)).read()
    assert section.open == ["m-1", "m-2", "m-3", "answer"]
    assert not found(section.html, ".mark-new")
    assert "There is no request before this one, so all of it is new." in section.html
    assert "details" not in section.store.asked


async def test_after_a_rewind_and_after_a_compaction_it_is_said_what_is_gone() -> None:
    now = exchange(2, 3, item=request_item(2, edge="resumes"))
    section = await Section(now, exchange(1, 7)).read()
    (words,) = texts(section.html, "section[data-novelty]")
    assert "no new message, 3 carried over; 4 of its messages and its answer left out." in words
    assert "It goes on from the summary that was made there." in words


async def test_differences_of_the_prompt_are_listed() -> None:
    tool = {"name": "Bash", "description": "Runs.", "input_schema": {}}
    now = exchange(2, 5, model="another", system=[{"type": "text", "text": "Be long."}], tools=[tool], max_tokens=200)
    section = await Section(now, exchange(1, 3)).read()
    lines = {one.attributes["data-change"]: one.text for one in found(section.html, "li[data-change]")}
    assert lines["model"] == "Model changed claude-opus-4-5-20251101 → another"
    assert lines["setting"] == "max_tokens changed 100 → 200"
    assert lines["system"] == "System prompt, block 1 changed- Be brief. + Be long."
    assert lines["tool"].startswith("Tool Bash changed")


async def test_a_parent_that_was_not_recorded_is_said() -> None:
    section = await Section(exchange(2, 3)).read()
    assert section.open == ["m-1", "m-2", "m-3", "answer"]
    assert "The request before it was not recorded" in section.html


async def test_a_link_that_comes_late_is_looked_at() -> None:
    before = exchange(1, 3)
    section = await Section(exchange(2, 5, item=request_item(2, edge=None, parent_request_id=None)), before).read()
    assert "It is not linked yet" in section.html
    assert len(section.open) == 6
    section.details = exchange(2, 5)
    await section.read()
    assert section.open == ["m-5", "answer"]


async def test_what_is_settled_is_not_read_again() -> None:
    section = await Section(exchange(2, 5), exchange(1, 3)).read()
    assert section.store.asked.count("details") == 1
    section.act("earlier", "0")
    await section.read()
    assert section.store.asked.count("details") == 1
    assert len(section.open) == 6
    section.details = exchange(2, 5, item=request_item(2, parent_request_id=request_id(9)))
    await section.read()
    assert section.store.asked.count("details") == 2


async def test_while_the_answer_before_is_coming_it_is_read_again() -> None:
    open_before = request_details(1, body=said(3), answer=text_answer()[:2], ended_by="open")
    section = await Section(exchange(2, 5), open_before).read()
    assert section.open == ["m-4", "m-5", "answer"]
    section.store.all_details[request_id(1)] = exchange(1, 3)
    await section.read()
    assert section.open == ["m-5", "answer"]


async def test_before_anything_was_read_all_messages_are_shown() -> None:
    assert Section(exchange(2, 5), exchange(1, 3)).open == ["m-1", "m-2", "m-3", "m-4", "m-5", "answer"]


@pytest.mark.parametrize("text", [text for text in HOSTILE if "```" not in text])
async def test_no_difference_runs(text: str) -> None:
    """Oracle: the same section with the same text disarmed."""
    assert structure(await _with(text)) == structure(await _with(disarmed(text)))


async def _with(text: str) -> str:
    tools = [{"name": text, "description": text, "input_schema": {}}]
    now = exchange(2, 3, model=text, tools=tools, system=[{"type": "text", "text": text}], metadata={text: text})
    return (await Section(now, exchange(1, 1)).read()).html
