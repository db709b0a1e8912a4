"""How does the price of one request read on its page? The formula by line, the price it rests on, what mends it."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from dashboard.formatting import exact_money, model, number, one_line
from domain.prices import FACTOR_KINDS, PLAIN_WORDS
from schemas.usage_api import AttemptItem, LineItem, RequestUsage, TermItem

KIND_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "input": "input, not cached",
        "cache_write_5m": "written to the cache, 5 minutes",
        "cache_write_1h": "written to the cache, 1 hour",
        "cache_read": "read from the cache",
        "output": "output",
        "estimated_output": "output, estimated",
        "web_search": "web searches",
    }
)
_LINE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "message": "the answer",
        "declined": "an attempt that was declined, another model answered",
        "compaction": "a compaction on the API's side",
        "advisor_message": "an advisor's message",
    }
)
_WORD_CHARS = 40


@dataclass(frozen=True, slots=True)
class Term:
    """One summand, as a row."""

    name: str
    count: str
    per_million: str
    factor: str
    """Empty: 1."""
    amount: str
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was billed under one tariff."""

    title: str
    what: str
    words: tuple[str, ...]
    """What of it changes its price."""
    terms: tuple[Term, ...]
    amount: str
    pattern: str
    since: str
    source: str
    reason: str
    mend: str
    """A command; empty: nothing is missing, or no command can say it."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt of the turn."""

    item: AttemptItem
    number: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The section of usage."""

    used: RequestUsage
    lines: tuple[Line, ...]
    tries: tuple[Try, ...]
    """Empty: it was tried once."""
    tools: tuple[tuple[str, int, bool], ...]
    """Calls of server tools: name, count, and whether their price is known."""


def evidence_of(used: RequestUsage) -> Evidence:
    tries = [Try(each, place, each.request_id == used.request_id) for place, each in enumerate(used.attempts, 1)]
    return Evidence(
        used=used,
        lines=tuple(map(_line, used.lines)),
        tries=tuple(tries) if len(tries) > 1 else (),
        tools=tuple((name, count, name not in used.unpriced_tools) for name, count in used.server_tools.items()),
    )


def _line(line: LineItem) -> Line:
    return Line(
        title=model(line.model) if line.model else "an unknown model",
        what=_LINE_NAMES.get(line.kind, one_line(line.kind, _WORD_CHARS)),
        words=tuple(_words(line)),
        terms=tuple(map(_term, line.terms)),
        amount="no price" if line.amount is None else exact_money(line.amount),
        pattern=line.pattern,
        since=line.effective_from.isoformat() if line.effective_from else "",
        source=line.source,
        reason=line.reason,
        mend=_mend(line) if line.reason else "",
    )


def _words(line: LineItem) -> Iterator[str]:
    named = (("service tier", line.service_tier), ("speed", line.speed), ("place", line.inference_geo))
    yield from (f"{name} {one_line(word, _WORD_CHARS)}" for name, word in named if word not in PLAIN_WORDS)
    if line.long_context:
        yield "long context"


def _term(term: TermItem) -> Term:
    return Term(
        name=KIND_NAMES.get(term.kind, term.kind),
        count=number(term.count),
        per_million=exact_money(term.per_million),
        factor="" if term.factor == Decimal(1) else f"{term.factor.normalize():f}",
        amount=exact_money(term.amount),
        estimated=term.kind == "estimated_output",
    )


def _mend(line: LineItem) -> str:
    """The command that gives a price to what has none."""
    if not line.model:
        return ""
    named = shlex.quote(line.pattern or line.model.strip().lower())
    return f"nexus prices set {named} {' '.join(_missing(line))}"


def _missing(line: LineItem) -> Iterator[str]:
    """What to say to it, with a word in the place of each number."""
    if not line.pattern:
        yield from ("--input USD", "--output USD")
        return
    words = {kind: getattr(line, kind) for kind in FACTOR_KINDS}
    unknown = [kind for kind in FACTOR_KINDS if line.reason.startswith(f"no price for {kind} ") and words[kind]]
    if unknown:
        yield from (f"--factor {shlex.quote(f'{kind}:{words[kind]}')}=N" for kind in unknown)
        return
    kind = line.reason.removeprefix("no price for ").partition(" ")[0].removeprefix("estimated_")
    long = "long-context-" if line.long_context and kind != "web_search" else ""
    yield f"--{long}{kind.replace('_', '-')} USD"
