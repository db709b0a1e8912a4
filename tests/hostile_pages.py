"""Every page over a store in which every string is the same, chosen text: what a page must bear."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from dashboard.markup import Regions
from dashboard.pages.page import Page, Surroundings
from dashboard.pages.request import SECTIONS
from dashboard.pages.routes import ROUTES
from dashboard.usage import UsageQuery
from domain.billing import BilledLine, Tariff
from domain.saved_filters import SavedFilter, View
from domain.usage import TokenCounts
from domain.usage_sums import Attempt
from schemas.cache_api import CacheDivergence
from schemas.limits_api import (
    AccountWindows,
    ForecastItem,
    KeyLimitItem,
    OverageItem,
    OverallItem,
    Reading,
)
from schemas.read_api import EvidenceItem
from schemas.stored.events import HeaderFact
from schemas.usage_api import UsageAnswer
from tests.fake_data import FakeDataStore
from tests.insight_samples import (
    cache_cause,
    cache_group,
    cache_insights,
    stream_example,
    stream_insights,
    verdict,
)
from tests.limit_samples import account_windows, window_item
from tests.read_rows import START, conversation_tree, request_id, request_item, stream_group, tree_node
from tests.recorded_details import event_items, request_details, text_answer
from tests.usage_samples import usage_answer, usage_item

NOW = START + timedelta(hours=1)
CONVERSATION, REQUEST = request_id(1), request_id(2)
UNPARSABLE = request_id(3)
COMPACTION = request_id(4)
LISTS = tuple(path for path in ROUTES if "member" not in path)
COMPARED = (
    (REQUEST, CONVERSATION, "requests"),
    (REQUEST, UNPARSABLE, "requests"),
    (REQUEST, CONVERSATION, "branches"),
    (UNPARSABLE, None, ""),
    (COMPACTION, None, ""),
)
CONVERSATION_PATH, REQUEST_PATH = (path for path in ROUTES if "member" in path)
NODE_WORDS = (
    "agent_id",
    "agent_type",
    "error_type",
    "model",
    "prompt",
    "session_id",
    "stop_reason",
    "task",
    "tool_use_id",
)
FILTER_NAMES = (
    "a",
    "b",
    "of",
    "title",
    "project",
    "account",
    "session",
    "model",
    "class",
    "outcome",
    "trail",
    "window",
    "span",
    "range",
    "group_by",
    "rows",
)
REFUSED_NAMES = ("cursor", "status", "conversation")


def store_of(text: str) -> FakeDataStore:
    """A conversation with a sub-task and an unparsable request; all of it says ``text``."""
    store = FakeDataStore()
    evidence = [EvidenceItem(kind=text, detail=text)]
    words = dict.fromkeys(
        NODE_WORDS,
        text,
    )
    nodes = [
        tree_node(1).model_copy(update=words | {"evidence": evidence}),
        tree_node(2, parent=1, branch=2, edge="spawned", depth=1).model_copy(update=words | {"evidence": evidence}),
        tree_node(3, parent=1).model_copy(update=words | {"status": 500, "edge": "continues"}),
        tree_node(4, parent=3, edge="compacts", request_class="compaction").model_copy(update=words),
        tree_node(5, parent=4, edge="resumes").model_copy(update=words),
    ]
    names = {"title": text, "project": text, "account": text, "client_domain": text}
    store.put_tree(conversation_tree(nodes, **names, session_ids=[text, text], models=[text, text + "2", text + "3"]))
    for number in (1, 2):
        _put(store, number, text, body=_body(text), answer=_answer(text))
    _put(
        store,
        3,
        text,
        body=f"no json {text}".encode(),
        answer=f"no json {text}".encode(),
        parsable=False,
        request_class=None,
    )
    _put(store, COMPACTION.int & 0xFFFF, text, body=_body(text), answer=_answer(text), request_class="compaction")
    line = BilledLine(tariff=Tariff(model=text), tokens=TokenCounts(input_tokens=5), kind=text)
    store.attempts = [Attempt(one, NOW, text, 500, (line,)) for one in (CONVERSATION, REQUEST)]
    store.accounts = [hostile_account(text)]
    store.used = lambda query: hostile_usage(query, text)
    store.waste = cache_insights(cache_group(text, causes=[cache_cause(text)]))
    store.verdicts = {REQUEST: verdict(cause=text, detail=text, divergence=divergence(text))}
    store.flows = stream_insights(
        stream_example(model=text, account=text, outcome=text),
        models=[stream_group(name=text)],
        accounts=[stream_group(name=text)],
    )
    store.kept[""] = [
        SavedFilter(f"{place} {text}", View(path, urlencode({"model": text}, errors="replace")), NOW)
        for place, path in enumerate(("/requests", "/search"))
    ]
    return store


def hostile_usage(query: UsageQuery, text: str) -> UsageAnswer:
    """A value that has a price, and one that has none."""
    bucket = None if query.bucket == "none" else query.since
    group = {by: CONVERSATION if by == "conversation" else text for by in query.group_by}
    items = [
        usage_item(bucket, label=text, group=group),
        usage_item(bucket, label=text, group=dict.fromkeys(group), cost_usd=None, unpriced_tokens=5, unpriced=[text]),
    ]
    return usage_answer(*items, bucket=query.bucket, assumed=[text])


def hostile_used(text: str) -> dict[str, Any]:
    """What an answer may say of its usage."""
    return {
        text: 1,
        "service_tier": text,
        "speed": text,
        "inference_geo": text,
        "input_tokens": 5,
        "server_tool_use": {text: 2},
        "iterations": [{"type": text, "model": text, "output_tokens": 1}, {"type": "compaction", "model": text}],
    }


def divergence(text: str) -> CacheDivergence:
    return CacheDivergence(section="message", place=1, name=text, role=text, kind=text)


def hostile_account(text: str) -> AccountWindows:
    """A window, a limit, and all that headers may say."""
    seen = {"request_id": REQUEST, "seen_at": NOW}
    words = {text: text, "fallback": text}
    window = window_item(name=text, model_scope=text, status=text).model_copy(update={"length_s": None})
    reckoned = window.model_copy(update={"now": Reading(utilization=None, source="reckoned", how=text)})
    unsaid = ForecastItem(
        pace="usual", likely=None, earliest=None, latest=None, level=None, cases=0, full=0, per_hour=None, reason=text
    )
    return account_windows(
        account=text,
        overall=OverallItem(status=text, resets_at=None, facts=words, **seen),
        overage=OverageItem(status=text, in_use=True, disabled_reason=text, utilization=None, resets_at=None, **seen),
        windows=[window, reckoned.model_copy(update={"name": text + "2", "forecasts": [unsaid]})],
        key_limits=[KeyLimitItem(name=text, limit=5, remaining=2, resets_at=None, **seen)],
        unknown=words,
        malformed=[text],
    )


async def pages_of(text: str) -> dict[str, Regions]:
    """The regions of every page and section, by a name."""
    store = store_of(text)
    shown = {path: (await loaded(store, path)).regions() for path in LISTS}
    conversation = await loaded(store, CONVERSATION_PATH, member=str(CONVERSATION))
    for member in (CONVERSATION, REQUEST, UNPARSABLE):
        await conversation.act("select", str(member))
        shown[f"conversation, {member}"] = conversation.regions()
    for member in (REQUEST, UNPARSABLE):
        request = await loaded(store, REQUEST_PATH, member=str(member))
        for place in ("request:0", "request:1", "request:1.0", "request:1.0.1"):
            await request.act("toggle", place)
        for section in SECTIONS:
            await request.load(f"?tab={section}")
            shown[f"{member} {section}"] = request.regions()
    for a, b, of in COMPARED:
        compared = await loaded(store, "/compare", f"?a={a}&of={of}{f'&b={b}' if b else ''}")
        await compared.act("run", "0")
        shown[f"compare {a} {b} {of}"] = compared.regions()
    return shown


async def titles_of(text: str) -> list[str]:
    store = store_of(text)
    return [
        (await loaded(store, CONVERSATION_PATH, member=str(CONVERSATION))).title,
        (await loaded(store, REQUEST_PATH, member=str(REQUEST))).title,
    ]


async def filtered_by(text: str) -> dict[str, Regions]:
    """The lists, with filters that say ``text``."""
    store = store_of("x")
    filters = dict.fromkeys(FILTER_NAMES, text)
    searches = [filters, *(filters | {name: text} for name in REFUSED_NAMES)]
    return {
        f"{path} {len(search)}": (await loaded(store, path, f"?{urlencode(search)}")).regions()
        for path in LISTS
        for search in searches
    }


async def loaded(store: FakeDataStore, path: str, search: str = "", member: str = "") -> Page:
    page = ROUTES[path](Surroundings(store, lambda: NOW, ("nexus claude",)), member)
    await page.load(search)
    return page


def _put(store: FakeDataStore, number: int, text: str, *, body: Any, answer: Any, **changes: Any) -> None:
    words = dict.fromkeys(
        (
            "client_domain",
            "account",
            "key",
            "project",
            "session_id",
            "agent_id",
            "model",
            "upstream_request_id",
            "stop_reason",
        )
    )
    item = request_item(number).model_copy(
        update=dict.fromkeys(words, text)
        | {"evidence": [EvidenceItem(kind=text, detail=text)], "error_type": text, "error_message": text, "status": 500}
        | {"path": text, "method": text, "confidence": 0.5}
        | changes
    )
    details = request_details(
        number,
        body=body,
        answer=answer,
        item=item,
        headers=[HeaderFact(name=text, value=text), HeaderFact(name=text, length=1, fingerprint=text)],
    )
    store.put_item(item)
    store.all_details[request_id(number)] = details
    store.all_events[request_id(number)] = [
        event.model_copy(update={"data": {text: text, "method": text, "target": text}})
        for event in event_items(details)
    ]


def _body(text: str) -> dict[str, Any]:
    call = {"type": "tool_use", "id": text, "name": text, "input": {text: text, "long": text * 9}}
    result = {"type": "tool_result", "tool_use_id": text, "content": [{"type": "text", "text": text}, {"type": text}]}
    image = {"type": "image", "source": {"type": "base64", "media_type": text, "data": text}}
    linked = {"type": "image", "source": {"type": text, "url": text}}
    reminder = {"type": "text", "text": f"<system-reminder>{text}</system-reminder>{text}"}
    fence = {"type": "text", "text": f"```{text}\n{text}\n```\n`{text}` **{text}**\n# {text}"}
    return {
        "model": text,
        "messages": [
            {
                "role": text,
                "content": [{"type": "text", "text": text}, reminder, fence, image, linked, {"type": text, text: text}],
            },
            {"role": "assistant", "content": [{"type": "thinking", "thinking": text, "signature": text}, call]},
            {
                "role": "user",
                "content": [result, {"type": "tool_result", "tool_use_id": "x", "content": text, "is_error": True}],
            },
            {"role": "assistant", "content": [call | {"id": f"{text}2"}]},
            {"role": "user", "content": [result | {"tool_use_id": f"{text}2"}]},
        ],
        "system": [{"type": "text", "text": text, "cache_control": {"type": text}}],
        "tools": [{"name": text, "description": text}],
        text: {text: text},
    }


def _answer(text: str) -> list[dict[str, Any]]:
    start, *rest = text_answer(text, stop=text)
    message = start["message"] | {
        "id": text,
        "model": text,
        text: text,
        "usage": hostile_used(text),
    }
    call = {"type": "tool_use", "id": text, "name": text, "input": {}}
    return [
        start | {"message": message},
        *rest[:-2],
        {"type": "content_block_start", "index": 1, "content_block": call},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{" + text}},
        *rest[-2:],
    ]
