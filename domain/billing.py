"""What of an exchange is billed? Its tokens, split by everything that their price depends on.

Money is not reckoned here: lines are facts of the answer, prices are looked up when somebody asks
(``domain/prices.py``). The rules, with what they rest on:

* The totals of ``usage`` are those of the attempt that made the answer: its ``message`` steps, or one
  ``fallback_message`` step where another model than the one asked stepped in.
* Not in the totals, so lines of their own: a ``compaction`` step (same model), an ``advisor_message`` step (a model of
  its own), and a ``message`` step of another model than the answer's: an attempt that was declined. One that was
  declined before any output is not billed. ("Refusals and fallback", Claude API documentation.)
* A prompt above ``long_context_above`` has a price of its own, and what counts is the prompt of each sampling step:
  an answer with short and long steps gives two lines.
* A refusal before any output is billed in some categories only (``BILLED_REFUSALS``).
* An answer that was cut, or says nothing of its usage, is never free: what was seen counts, and the text that was
  delivered is estimated on top. ``output_tokens`` of ``message_start`` is a first count and part of what was seen.
* An error answer, ``count_tokens`` and what is no message have no line. An answer that broke off with an error has.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from json import dumps
from types import MappingProxyType

from domain.assembly import AssembledMessage
from domain.content_blocks import Block
from domain.model_names import plain_model
from domain.usage import Iteration, TokenCounts, Usage, read_usage
from schemas.anthropic.stream import JsonObject

LONG_CONTEXT = 200_000
"""Prompt tokens (input, cache read and cache writes) of one sampling step; above it a long-context price may apply."""
_LONG_CONTEXT_OF = MappingProxyType({"claude-haiku-5-5": 100_000})
"""Models whose price changes at another length."""
CHARS_PER_TOKEN = 4
"""Of delivered text, where nobody counted its tokens."""
BILLED_REFUSALS = frozenset({"bio", "frontier_llm", "reasoning_extraction"})
"""Categories of a refusal that is billed though there is no output ("Refusals and fallback", September 2026)."""
FREE_TOOLS = frozenset({"web_search_requests", "web_fetch_requests", "tool_search_requests"})
"""Counts of server tools that need no price: searches have one of their own (``web_searches``), fetching has none."""
_TOKEN_KINDS = tuple(each.name for each in fields(TokenCounts))
_BESIDE_TOTALS = frozenset({"compaction", "advisor_message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a token's price depends on, besides its kind and the day. Words are as sent; empty: not said."""

    model: str
    """As answered, else as asked; empty: unknown."""
    service_tier: str = ""
    speed: str = ""
    inference_geo: str = ""
    long_context: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine:
    """Counts under one tariff."""

    tariff: Tariff
    tokens: TokenCounts
    estimated_output_tokens: int = 0
    """On top of ``tokens.output_tokens``, of an answer that was cut."""
    web_searches: int = 0
    kind: str = "message"
    """``message``: the answer itself; ``declined``: an attempt whose place another model took; else the step's kind
    (``compaction``, ``advisor_message``)."""


def billed_lines_of(message: AssembledMessage | None, *, asked_model: str, path: str = "") -> tuple[BilledLine, ...]:
    """The lines of an exchange by its answer, as far as it came. ``path``: of the request, with or without its query.

    Whether the answer was cut is read from the message: without a stop reason or a stop its last count never came,
    whatever the connection did then.
    """
    if message is None or message.kind != "message" or is_token_count(path) or _is_free_refusal(message):
        return ()
    known = bool(message.usage)
    counted = known and (message.finished or message.stop_reason is not None)
    return billed_lines(
        read_usage(message.usage) if known else None,
        asked_model=asked_model,
        answered_model=message.model,
        delivered_chars=None if counted else delivered_chars(message.blocks),
    )


def billed_lines(
    usage: Usage | None, *, asked_model: str, answered_model: str, delivered_chars: int | None
) -> tuple[BilledLine, ...]:
    """The answer's line first. ``usage``: None if none came; ``delivered_chars``: None if the last count came."""
    chars = delivered_chars or 0
    if usage is None and not chars:
        return ()
    told = usage or Usage()
    served = [step.model for step in told.iterations if step.kind == "fallback_message" and step.model]
    model = served[-1] if served else answered_model or asked_model
    tariff = Tariff(
        model=model,
        service_tier=told.service_tier or "",
        speed=told.speed or "",
        inference_geo=told.inference_geo or "",
    )
    seen = told.tokens.output_tokens
    first, *others = _answer_lines(told, tariff)
    first = replace(
        first,
        estimated_output_tokens=max(0, -(-chars // CHARS_PER_TOKEN) - seen),
        web_searches=told.server_tools.get("web_search_requests", 0),
    )
    return (first, *others, *_lines_beside(told.iterations, tariff))


def is_token_count(path: str) -> bool:
    """Whether the request only asks how long a prompt is; that is free."""
    return path.partition("?")[0].rstrip("/").endswith("/count_tokens")


def long_context_above(model: str) -> int:
    """Prompt tokens of a step above which this model may have another price."""
    return _LONG_CONTEXT_OF.get(plain_model(model), LONG_CONTEXT)


def prompt_tokens(tokens: TokenCounts) -> int:
    """All that went in."""
    return tokens.input_tokens + tokens.cache_read_tokens + tokens.cache_write_5m_tokens + tokens.cache_write_1h_tokens


def delivered_chars(blocks: Iterable[Block]) -> int:
    """Characters of text, thinking and tool input."""
    return sum(_chars(block) for block in blocks)


def unknown_members(usage: Usage) -> tuple[str, ...]:
    """Names of what the answer says of its usage and nobody here understands, as paths, sorted."""
    found = set(_paths(usage.extra))
    for step in usage.iterations:
        found |= {f"iterations.{name}" for name in _paths(step.extra)}
    return tuple(sorted(found))


def unpriced_tools(usage: Usage) -> Mapping[str, int]:
    """Counts of server tools that may cost something and have no price here (running code is paid by the hour)."""
    return {name: count for name, count in usage.server_tools.items() if count and name not in FREE_TOOLS}


def _answer_lines(usage: Usage, tariff: Tariff) -> Iterator[BilledLine]:
    """The totals, once or, where some steps were long and some short, split in two. The sum is always the totals."""
    above = long_context_above(tariff.model)
    steps = [step.tokens for step in usage.iterations if not _is_beside(step, tariff.model)] or [usage.tokens]
    is_long = [prompt_tokens(tokens) > above for tokens in steps]
    if all(is_long) or not any(is_long):
        yield BilledLine(tariff=replace(tariff, long_context=all(is_long)), tokens=usage.tokens)
        return
    long = _each_kind(
        min(
            getattr(usage.tokens, kind),
            sum(getattr(one, kind) for one, far in zip(steps, is_long, strict=True) if far),
        )
        for kind in _TOKEN_KINDS
    )
    short = _each_kind(getattr(usage.tokens, kind) - getattr(long, kind) for kind in _TOKEN_KINDS)
    yield BilledLine(tariff=tariff, tokens=short)
    yield BilledLine(tariff=replace(tariff, long_context=True), tokens=long)


def _lines_beside(steps: Iterable[Iteration], tariff: Tariff) -> Iterator[BilledLine]:
    for step in steps:
        if not _is_beside(step, tariff.model):
            continue
        kind = step.kind if step.kind in _BESIDE_TOTALS else "declined"
        if kind == "declined" and not step.tokens.output_tokens:
            continue
        model = step.model or tariff.model
        yield BilledLine(
            tariff=replace(
                tariff,
                model=model,
                speed=tariff.speed if plain_model(model) == plain_model(tariff.model) else "",
                long_context=prompt_tokens(step.tokens) > long_context_above(model),
            ),
            tokens=step.tokens,
            kind=kind,
        )


def _is_beside(step: Iteration, model: str) -> bool:
    """Whether the totals leave the step out. A kind that nobody knows is taken to be in them, so it is not billed
    twice."""
    if step.kind == "message":
        return step.model is not None and plain_model(step.model) != plain_model(model)
    return step.kind in _BESIDE_TOTALS


def _is_free_refusal(message: AssembledMessage) -> bool:
    if message.stop_reason != "refusal" or message.blocks or read_usage(message.usage).tokens.output_tokens:
        return False
    details = message.extra.get("stop_details")
    category = details.get("category") if isinstance(details, dict) else None
    return not (isinstance(category, str) and category in BILLED_REFUSALS)


def _chars(block: Block) -> int:
    texts = [value for name in ("text", "thinking") if isinstance(value := block.value.get(name), str)]
    given = block.value.get("input")
    if block.raw_input is not None:
        texts.append(block.raw_input)
    elif given:
        texts.append(dumps(given, ensure_ascii=False, separators=(",", ":")))
    return sum(map(len, texts))


def _each_kind(counts: Iterable[int]) -> TokenCounts:
    return TokenCounts(**dict(zip(_TOKEN_KINDS, counts, strict=True)))


def _paths(members: JsonObject) -> Iterator[str]:
    """An object is named by its members."""
    for name, value in members.items():
        if isinstance(value, dict) and value:
            yield from (f"{name}.{inner}" for inner in _paths(value))
        else:
            yield name
