"""Does an export hold the whole branch, in each form, and nothing that names somebody or runs?"""

import json
from uuid import UUID

import pytest

from dashboard import exporting
from dashboard.errors import InvalidQueryError
from dashboard.exporting import FORMS, ExportQuery, Form, export
from tests.dashboard.test_reading import talked
from tests.fake_data import FakeDataStore
from tests.hostile_text import HOSTILE, disarmed
from tests.read_rows import conversation_tree, request_id, tree_node
from tests.recorded_details import request_details, text_answer
from tests.shown_html import attributes, found, structure, texts

ATTACK = '<img src=x onerror="window.hit=1"><script>window.hit=1</script><svg/onload=window.hit=1>'


async def written(store: FakeDataStore, form: Form, *, redact: bool = True, branch: UUID | None = None) -> str:
    data = await export(store, request_id(1), ExportQuery(form, branch, redact))
    assert data is not None
    return data.decode()


def saying(prompt: str, answer: str = "Fine") -> FakeDataStore:
    store, _ = talked(1)
    body = {"messages": [{"role": "user", "content": prompt}]}
    store.all_details[request_id(1)] = request_details(1, body=body, answer=text_answer(answer))
    return store


@pytest.mark.parametrize("form", FORMS)
async def test_every_message_is_in_it_once_and_in_order(form: Form) -> None:
    store, _ = talked(30)
    text = await written(store, form)
    if form == "json":
        entries = [entry for turn in json.loads(text)["turns"] for entry in turn["entries"]]
        said = [entry["text"] for entry in entries]
    else:
        said = [
            word for line in text.splitlines() for word in [line.strip()] if word.startswith(("Question", "Answer"))
        ]
        said = said if form == "md" else texts(text, ".text")
    assert said == [words for number in range(1, 31) for words in (f"Question {number}", f"Answer {number}")]


@pytest.mark.parametrize("form", FORMS)
async def test_the_same_record_gives_the_same_bytes(form: Form) -> None:
    assert await written(talked(5)[0], form) == await written(talked(5)[0], form)


@pytest.mark.parametrize("form", FORMS)
async def test_people_are_left_out_unless_they_are_asked_for(form: Form) -> None:
    store = saying("See /home/maya/shop, or write to maya@example.org.")
    assert "maya" not in await written(store, form)
    assert "/home/maya/shop" in await written(store, form, redact=False)


async def test_html_holds_nothing_that_runs_or_is_fetched() -> None:
    html = await written(saying(ATTACK, ATTACK), "html")
    for name in ("script", "img", "svg", "link", "iframe"):
        assert found(html, name) == []
    assert html.count("&lt;script&gt;") == 2
    policy = attributes(html, "meta", "content")[0]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def everywhere(text: str) -> FakeDataStore:
    """The text as a prompt, as an answer, as a title, in a tool's name and input and result, and as a kind of block."""
    store, _ = talked(1)
    call = {"type": "tool_use", "id": text, "name": text, "input": {text: text}}
    todos = {
        "type": "tool_use",
        "id": "t",
        "name": "TodoWrite",
        "input": {"todos": [{"content": text, "status": text}]},
    }
    edit = {"file_path": text, "old_string": text, "new_string": f"{text}."}
    edits = {"type": "tool_use", "id": "e", "name": "Edit", "input": edit}
    results = [{"type": "tool_result", "tool_use_id": text, "content": text}, {"type": f"x{text}", "text": text}]
    messages = [
        {"role": "user", "content": [{"type": "text", "text": f"{text} <system-reminder>{text}</system-reminder>"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": text}, call, todos, edits]},
        {"role": "user", "content": results},
    ]
    body = {"system": text, "messages": messages}
    store.all_details[request_id(1)] = request_details(1, body=body, answer=text_answer(f"A {text}"))
    store.trees.clear()
    store.put_tree(conversation_tree([tree_node(1, model=text)], title=text))
    return store


def uncoloured(html: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Its structure; code is coloured by what it says, so of that only the kinds of elements."""
    found = structure(html)
    return sorted(set(found) - {("span", ("class",))}) if "```" in text else found


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_from_the_wire_changes_what_a_document_is_made_of(text: str) -> None:
    """Oracle: the same document with the same text disarmed."""
    hostile = await written(everywhere(text), "html", redact=False)
    harmless = await written(everywhere(disarmed(text)), "html", redact=False)
    assert uncoloured(hostile, text) == uncoloured(harmless, text)


async def test_a_branch_is_exported_alone() -> None:
    store, _ = talked(3)
    nodes = [tree_node(1), tree_node(2, parent=1), tree_node(3, parent=1, branch=3, edge="branches")]
    store.trees.clear()
    store.put_tree(conversation_tree(nodes))
    numbers = [turn["number"] for turn in json.loads(await written(store, "json", branch=request_id(3)))["turns"]]
    assert numbers == [1, 2]
    with pytest.raises(InvalidQueryError, match="no branch of this conversation"):
        await written(store, "json", branch=request_id(2))


async def test_what_is_not_there_or_too_long_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await export(FakeDataStore(), request_id(1), ExportQuery()) is None
    monkeypatch.setattr(exporting, "MOST_TURNS", 2)
    with pytest.raises(InvalidQueryError, match="3 exchanges; an export holds 2"):
        await written(talked(3)[0], "md")
