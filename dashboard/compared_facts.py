"""What do two sides have that can be told in a line each? Model, tokens, money, time: names with both values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from dashboard.comparing import BranchesCompared, Line, RequestsCompared
from dashboard.details import RequestDetails
from dashboard.line_totals import LineTotals
from projections.exchanges import header

Value = str | int | float | Decimal | datetime | None
Form = Literal["text", "count", "money", "ms", "time", "bytes"]
MOST_NAMES = 12
_OF_AGENTS = frozenset(
    {"Sub-agents", "Tokens with sub-agents", "Cost with sub-agents", "Not recorded, with sub-agents"}
)
"""Left out where neither side called any."""
_UNREMARKABLE: Mapping[str, Value] = {"Not recorded": 0, "Not recorded, with sub-agents": 0, "Recorded": "whole"}
"""Left out where it is so on both sides."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line."""

    name: str
    form: Form
    left: Value
    right: Value

    @property
    def same(self) -> bool:
        return self.left == self.right


def facts_of_requests(it: RequestsCompared) -> tuple[Fact, ...]:
    sides = (it.left, it.right)
    return tuple(_facts([_of_request(one) for one in sides]))


def facts_of_branches(it: BranchesCompared) -> tuple[Fact, ...]:
    lines = (it.left, it.right)
    are_alone = not any(line.totals.agents for line in lines)
    return tuple(
        fact for fact in _facts([_of_line(one) for one in lines]) if not (are_alone and fact.name in _OF_AGENTS)
    )


_Told = Sequence[tuple[str, Form, Value]]


def _facts(sides: Sequence[_Told]) -> Iterator[Fact]:
    """Both tell the same things, in one order; what neither has, and what is as always on both, is left out."""
    left, right = sides
    for (name, form, ours), (_, _, theirs) in zip(left, right, strict=True):
        plain = {None, "", _UNREMARKABLE.get(name)}
        if ours not in plain or theirs not in plain:
            yield Fact(name, form, ours, theirs)


def _of_request(it: RequestDetails) -> _Told:
    item, sent = it.item, it.sent
    headers = it.received.headers if it.received else ()
    return (
        ("Model", "text", (item.model if item else None) or _text(sent.settings.get("model"))),
        ("Received", "time", it.received.timestamp if it.received else None),
        ("Ended", "text", _ended(it)),
        ("Stop reason", "text", item.stop_reason if item else it.answer.message.stop_reason),
        ("Class", "text", item.request_class if item else None),
        ("Project", "text", item.project if item else None),
        ("Betas", "text", _betas(header(headers, "anthropic-beta"))),
        ("Client", "text", header(headers, "user-agent")),
        ("Body", "bytes", it.received.byte_count if it.received else None),
        ("Messages", "count", len(sent.messages) if sent.parsable else None),
        ("Tools", "count", len(sent.tools) if sent.parsable else None),
        ("Cache read", "count", item.cache_read_tokens if item else None),
        ("Cache write, 5 m", "count", item.cache_write_5m_tokens if item else None),
        ("Cache write, 1 h", "count", item.cache_write_1h_tokens if item else None),
        ("Other input", "count", item.input_tokens if item else None),
        ("Output", "count", item.output_tokens if item else None),
        ("Cost", "money", item.cost_usd if item else None),
        ("Recorded", "text", "not whole" if item and item.unrecorded else "whole"),
        ("First byte after", "ms", item.time_to_first_byte_ms if item else None),
        ("Lasted", "ms", item.duration_ms if item else None),
        ("Attempts", "count", item.attempts if item else None),
    )


def _of_line(it: Line) -> _Told:
    totals, own = it.totals, it.totals.own
    return (
        ("Models", "text", _listed(list(dict.fromkeys(node.model for node in it.nodes if node.model)))),
        ("Began", "time", it.nodes[0].received_at if it.nodes else None),
        ("State", "text", it.branch.state if it.nodes else None),
        ("Prompts", "count", totals.prompts),
        ("Requests", "count", own.requests),
        ("Tokens", "count", own.tokens.all),
        ("of them output", "count", own.tokens.output_tokens),
        ("of them cache read", "count", own.tokens.cache_read_tokens),
        ("Cost", "money", own.cost_usd),
        ("Not recorded", "count", own.unrecorded),
        *_with_agents(totals),
        ("Lasted", "ms", totals.lasted_ms),
        ("Waited for the model", "ms", totals.model_ms),
        ("Failed requests", "count", totals.failures),
        ("Failed calls", "count", it.work.failed),
        ("Tools used", "text", _listed([f"{name} {count}" for name, count in it.work.tools.items()])),
        ("Files written", "text", _listed(list(it.work.files))),
    )


def _with_agents(totals: LineTotals) -> _Told:
    return (
        ("Sub-agents", "count", totals.agents),
        ("Tokens with sub-agents", "count", totals.whole.tokens.all),
        ("Cost with sub-agents", "money", totals.whole.cost_usd),
        ("Not recorded, with sub-agents", "count", totals.whole.unrecorded),
    )


def _ended(it: RequestDetails) -> str:
    status = it.started.status if it.started else None
    words = it.outcome.replace("_", " ")
    return f"{words}, {status}" if status is not None else words


def _betas(text: str) -> str:
    """In one order: in which they are named makes no difference."""
    return ", ".join(sorted({name.strip() for name in text.split(",") if name.strip()}))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join([*names[:MOST_NAMES], *([f"and {more} more"] if more > 0 else [])])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
