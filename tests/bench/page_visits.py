"""What does a reader do, and how long may it take? The pages and the acts that the bench of pages measures, as data."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

Kind = Literal["shell", "data", "interaction", "frame", "query"]
BUDGET_MS: dict[Kind, float] = {"shell": 500, "data": 2_000, "interaction": 150, "frame": 33.5, "query": 1_000}
"""``query``: what a page asks the store for, without the page; ``frame``: two of 60 a second, and the clock's grain."""
CHOOSE = """
const box = document.querySelector('form[data-query] [name="{name}"]');
box.value = "{value}";
box.dispatchEvent(new Event("input", {{ bubbles: true }}));
"""
SUBMIT = """
const box = document.querySelector('form[data-query] [name="{name}"]');
box.value = "{value}";
box.form.requestSubmit();
"""
CLICK = "document.querySelector('{selector}').click();"
BRUSH = """
const asked = new URLSearchParams(location.search);
asked.set("from", "{since}");
asked.set("to", "{until}");
const link = document.createElement("a");
link.href = `?${{asked}}`;
link.dataset.soft = "";
document.body.append(link);
link.click();
link.remove();
"""
PICK = """
const isOther = (row) => row.getAttribute("aria-selected") !== "true";
const rows = [...document.querySelectorAll("[role=treeitem]")].filter(isOther);
rows[Math.floor(rows.length / 2)].click();
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is opened by its address."""

    name: str
    path: str
    sign: str
    """A selector: when it fits, the page's data is there."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done on an open page."""

    name: str
    visit: Visit
    script: str
    region: str
    """It is done as soon as this part of the page is another one and painted."""
    back: str = ""
    """A script that makes it possible once more; empty: the page is opened anew."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the bench finds what it looks at."""

    talk: UUID
    """The long talk."""
    request: UUID
    """Its last one."""
    since: int
    until: int
    """A span to brush, in seconds since 1970."""


def visits(at: Places) -> dict[str, Visit]:
    found = (
        Visit("overview", "/overview", ".tiles"),
        Visit("conversations", "/conversations", "[data-conversation-id]"),
        Visit("requests", "/requests", "tr[data-request-id]"),
        Visit("usage, 30 days", "/usage?range=30d&tz=UTC", "#usage-table tbody tr"),
        Visit("limits", "/limits", ".account, [data-state]"),
        Visit("insights", "/insights", "[data-region=streams] h2"),
        Visit("search", f"/search?{urlencode({'q': 'prompt'})}", "mark"),
        Visit("a talk's tree", f"/conversations/{at.talk}", "[role=treeitem]"),
        Visit("a talk, read", f"/conversations/{at.talk}?tab=read", ".turn"),
        Visit("its last request", f"/requests/{at.request}", "article.message"),
    )
    return {one.name: one for one in found}


def acts(at: Places) -> list[Act]:
    page = visits(at)
    tree, read = page["a talk's tree"], page["a talk, read"]
    return [
        Act("requests: filter by class", page["requests"], CHOOSE.format(name="class", value="main"), "list"),
        Act(
            "requests: filter by model", page["requests"], SUBMIT.format(name="model", value="claude-opus-4-1"), "list"
        ),
        Act("requests: next page", page["requests"], CLICK.format(selector="a[rel=next]"), "list"),
        Act("conversations: filter by title", page["conversations"], SUBMIT.format(name="title", value="long"), "list"),
        Act("conversations: next page", page["conversations"], CLICK.format(selector="a[rel=next]"), "list"),
        Act("usage: brush", page["usage, 30 days"], BRUSH.format(since=at.since, until=at.until), "tables"),
        Act("usage: by project", page["usage, 30 days"], CLICK.format(selector='a[href*="by=project"]'), "tables"),
        Act("search: other words", page["search"], SUBMIT.format(name="q", value="session"), "list"),
        Act("talk: open a row", tree, PICK, "detail"),
        Act("talk: step back in time", tree, CLICK.format(selector=".moments a.icon-button[href]"), "moments"),
        Act("talk: to the reading view", tree, CLICK.format(selector='.tabs a[href*="tab=read"]'), "reading"),
        Act("talk, read: earlier turns", read, CLICK.format(selector=".read-pager a"), "reading"),
        Act("talk, read: search inside", read, SUBMIT.format(name="q", value="prompt"), "reading"),
        Act("request: usage", page["its last request"], CLICK.format(selector='a[href*="tab=usage"]'), "panel"),
        Act("request: raw", page["its last request"], CLICK.format(selector='a[href*="tab=raw"]'), "panel"),
    ]
