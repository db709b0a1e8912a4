"""``nexus usage``: what was used and what did it cost, as a table, for a script, or for a spreadsheet?"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from domain.errors import NexusError
from ops.text_table import text_table

if TYPE_CHECKING:
    from dashboard.usage import UsageQuery
    from ops.reading import Database
    from schemas.usage_api import UsageAnswer, UsageFigures, UsageItem

Form = Literal["table", "json", "csv"]
_TIMES = {"minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d", "month": "%Y-%m"}
_COUNTS = ("requests", "input", "output", "cache read", "written 5m", "written 1h", "cost USD")
_CSV = (
    "requests", "failed", "aborted", "input_tokens", "output_tokens", "estimated_output_tokens", "thinking_tokens",
    "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "web_searches", "cost_usd",
    "what_if_cost_usd", "unpriced_tokens", "unrecorded",
)  # fmt: skip
_BELOW, _INDENT = "subtask", "  "
_BEGIN = "Nothing was used in this time. Point Claude Code at the gateway (`nexus claude`), or ask for another time."


class UnfitQuestionError(NexusError):
    """What was asked cannot be answered; `nexus usage --help` says what can be asked."""


def run(by: Sequence[str], where: Sequence[str], words: Mapping[str, str | None], *, form: Form) -> None:
    """Say it. ``words``: the other parameters of ``GET /api/usage``. Raises UnfitQuestionError."""
    found = _read(query_of(by, where, words))
    match form:
        case "json":
            print(found.model_dump_json())
        case "csv":
            print(csv_of(found), end="")
        case "table":
            print(table(found))


def query_of(by: Sequence[str], where: Sequence[str], words: Mapping[str, str | None]) -> "UsageQuery":
    """The same question that the read API is asked. Raises UnfitQuestionError."""
    from multidict import MultiDict

    from dashboard.errors import InvalidQueryError
    from dashboard.usage_query import usage_query
    from ops.clock import utc_now

    times = [word for word in by if word in _TIMES]
    if len(times) > 1:
        raise UnfitQuestionError(f"--by {times[0]} and --by {times[1]} exclude each other; give one of them.")
    chosen = [word.partition("=") for word in where]
    if unfit := next((name for name, sign, _ in chosen if not sign), None):
        raise UnfitQuestionError(f"{unfit!r} chooses nothing; write for instance --where model=claude-opus-4-8.")
    given = MultiDict((name, value) for name, _, value in chosen)
    given.extend({name: value for name, value in words.items() if value is not None})
    given.add("group_by", ",".join(word for word in by if word not in _TIMES))
    given.add("bucket", times[0] if times else "none" if by else "day")
    given.setdefault("tz", _zone())
    try:
        return usage_query(given, utc_now())
    except InvalidQueryError as error:
        raise UnfitQuestionError(str(error)) from error


def table(found: "UsageAnswer") -> str:
    """Rows, the rest, and the total; below it what there is to know of the amounts."""
    if not found.total.requests:
        return _BEGIN
    supposed = ("what if USD",) if found.assumed else ()
    below = ("requests with all below", "cost USD with all below") if _BELOW in found.group_by else ()
    head = (*(_places(found) or ("",)), *_COUNTS, *supposed, *below)
    rows = [_row(found, one, _indented(one)) for one in found.items]
    rows += [_row(found, one, "all others") for one in found.other]
    rows.append(_row(found, found.total, "total"))
    return "\n".join([text_table(head, rows), *_notes(found)])


def csv_of(found: "UsageAnswer") -> str:
    """Every figure, without groups of digits; the total is left to the spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    below = ("parent", "depth", *(f"{name}_with_descendants" for name in _CSV)) if _BELOW in found.group_by else ()
    writer.writerow([*(["bucket"] if found.bucket != "none" else []), *found.group_by, "label", *_CSV, *below])
    for one in [*found.items, *found.other]:
        moment = [one.bucket.isoformat() if one.bucket else ""] if found.bucket != "none" else []
        named = [_plain(one.group.get(by)) for by in found.group_by]
        label = _plain(one.label if one.group or not found.group_by else "all others")
        writer.writerow([*moment, *named, label, *_figures(one), *(_below(one) if below else ())])
    return out.getvalue()


def dollars(amount: Decimal | None) -> str:
    """Cents, and four digits of what is less than a dollar; a dash: nothing of it has a price."""
    if amount is None:
        return "-"
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.4f}"


def _read(query: "UsageQuery") -> "UsageAnswer":
    from domain.usage_ranges import TooManyBucketsError
    from ops.reading import with_database
    from ops.stores import data_store

    async def work(database: "Database") -> "UsageAnswer":
        return await data_store(database.pool).usage(query)

    try:
        return with_database("usage", work)
    except TooManyBucketsError as error:
        raise UnfitQuestionError(str(error)) from error


def _zone() -> str:
    from tzlocal import get_localzone_name

    return get_localzone_name() or "UTC"


def _places(found: "UsageAnswer") -> tuple[str, ...]:
    what = " · ".join(found.group_by)
    return (*((found.bucket,) if found.bucket != "none" else ()), *((what,) if what else ()))


def _row(found: "UsageAnswer", one: "UsageItem", label: str) -> tuple[str, ...]:
    moment = one.bucket.strftime(_TIMES[found.bucket]) if one.bucket else label if found.bucket != "none" else ""
    places = (*((moment,) if found.bucket != "none" else ()), *((label,) if found.group_by else ()))
    tokens = one.tokens
    written = (f"{tokens.cache_write_5m:,}", f"{tokens.cache_write_1h:,}")
    output = f"{tokens.output + tokens.estimated_output:,}{'~' if tokens.estimated_output else ''}"
    supposed = (dollars(one.what_if_cost_usd),) if found.assumed else ()
    mark = "*" if one.unpriced_tokens else ""
    counts = (f"{one.requests:,}", f"{tokens.input:,}", output, f"{tokens.cache_read:,}", *written)
    row = (*(places or (label,)), *counts, f"{dollars(one.cost_usd)}{mark}", *supposed)
    if _BELOW not in found.group_by:
        return row
    whole = one.with_descendants or one
    return (*row, f"{whole.requests:,}", f"{dollars(whole.cost_usd)}{'*' if whole.unpriced_tokens else ''}")


def _notes(found: "UsageAnswer") -> Iterator[str]:
    total = found.total
    if found.assumed:
        yield f"What if: {'; '.join(found.assumed)}."
    if total.tokens.estimated_output:
        yield f"~ {total.tokens.estimated_output:,} output tokens are estimated: their answers were cut."
    if total.unpriced_tokens:
        yield f"* {total.unpriced_tokens:,} tokens have no price: {'; '.join(total.unpriced)}. See `nexus prices set`."
    if total.unrecorded:
        answers = "1 answer" if total.unrecorded == 1 else f"{total.unrecorded:,} answers"
        yield f"{answers} could not be recorded whole: what they used is not all in the sums."
    if total.api_equivalent:
        yield "A subscription pays for a part of it: the cost is what the API would have taken."


def _indented(one: "UsageItem") -> str:
    """A sub-task stands below who called it."""
    return f"{_INDENT * (one.subtask.depth if one.subtask else 0)}{one.label}"


def _below(one: "UsageItem") -> Iterator[str]:
    """What stands beside a sub-task: who called it, and all with what it called."""
    yield from (str(one.subtask.parent or ""), str(one.subtask.depth)) if one.subtask else ("", "")
    yield from _figures(one.with_descendants or one)


def _figures(one: "UsageFigures") -> Iterator[str]:
    tokens = one.tokens
    counts = (
        one.requests, one.failed, one.aborted, tokens.input, tokens.output, tokens.estimated_output, tokens.thinking,
        tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h, one.web_searches,
    )  # fmt: skip
    yield from map(str, counts)
    yield from ("" if amount is None else f"{amount:f}" for amount in (one.cost_usd, one.what_if_cost_usd))
    yield from (str(one.unpriced_tokens), str(one.unrecorded))


def _plain(value: object) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
