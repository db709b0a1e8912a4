"""What does a query string ask for? Filters, place and size of a list; everything else is refused by name."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, TypeVar, get_args
from uuid import UUID

from multidict import MultiMapping

from dashboard.comparing import MOST_TURNS, TURNS, WAYS, Wanted
from dashboard.cursors import decode_position
from dashboard.data import DEFAULT_LIMIT, CacheFilter, ConversationFilter, RequestFilter, StreamRange
from dashboard.errors import InvalidQueryError
from dashboard.exporting import FORMS, ExportQuery
from dashboard.searching import Order, SearchQuery
from domain.ids import Position
from domain.ranking import (
    CONVERSATION_MEASURES,
    LATEST,
    NEWEST,
    REQUEST_MEASURES,
    ConversationMeasure,
    RequestMeasure,
    Sort,
)
from domain.search_hits import SearchFilter
from schemas.cache_api import GroupBy
from schemas.search_api import HitKind

ListForm = Literal["json", "csv"]
CLASSES = ("main", "subagent", "compaction", "auxiliary")
OUTCOMES = ("open", "completed", "client", "upstream", "timeout", "shutdown", "gateway_crash")
GROUPS: tuple[GroupBy, ...] = get_args(GroupBy)
HIT_KINDS: tuple[HitKind, ...] = get_args(HitKind)
ORDERS: tuple[Order, ...] = get_args(Order)
FOUND_LIMIT = 20
LIST_FORMS: tuple[ListForm, ...] = ("json", "csv")
MAX_TEXT = 1000
_UUID_CHARS = 36
_LENGTH = re.compile("([0-9]{1,7})([mhd])", re.ASCII)
_UNITS = MappingProxyType({"m": "minutes", "h": "hours", "d": "days"})
_LONGEST = timedelta(days=3660)
T = TypeVar("T")
W = TypeVar("W", bound=str)


@dataclass(frozen=True, slots=True)
class Page:
    """Which piece of a list."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    after: Position | None = None
    form: ListForm = "json"


@dataclass(frozen=True, slots=True)
class RequestsQuery:
    """Of ``GET /api/requests``."""

    wanted: RequestFilter
    page: Page
    sort: Sort[RequestMeasure] = NEWEST


@dataclass(frozen=True, slots=True)
class ConversationsQuery:
    """Of ``GET /api/conversations``."""

    wanted: ConversationFilter
    page: Page
    sort: Sort[ConversationMeasure] = LATEST


def requests_query(query: MultiMapping[str], now: datetime) -> RequestsQuery:
    """Raises InvalidQueryError."""
    given = Given(query, {*_REQUEST_FILTERS, *_ORDER, "limit", "cursor", "after", "format"})
    wanted = RequestFilter(
        conversation=given.read("conversation", request_id_of),
        session=given.read("session", text_of),
        request_class=given.read("class", one_of(CLASSES)),
        model=given.read("model", text_of),
        status=given.read("status", _status),
        outcome=given.read("outcome", one_of(OUTCOMES)),
        account=given.read("account", text_of),
        project=given.read("project", text_of),
        since=_since(given, now),
        until=given.read("until", moment_of),
    )
    return RequestsQuery(wanted, _page(given), _sort(given, REQUEST_MEASURES, NEWEST.by))


def conversations_query(query: MultiMapping[str], now: datetime) -> ConversationsQuery:
    """Raises InvalidQueryError."""
    given = Given(query, {*_CONVERSATION_FILTERS, *_ORDER, "limit", "cursor", "format"})
    wanted = ConversationFilter(
        session=given.read("session", text_of),
        account=given.read("account", text_of),
        project=given.read("project", text_of),
        title=given.read("title", text_of),
        since=_since(given, now),
        until=given.read("until", moment_of),
    )
    return ConversationsQuery(wanted, _page(given), _sort(given, CONVERSATION_MEASURES, LATEST.by))


def export_query(query: MultiMapping[str]) -> ExportQuery:
    """Of ``GET /api/conversations/{id}/export``. Raises InvalidQueryError."""
    given = Given(query, {"format", "branch", "redact"})
    return ExportQuery(
        form=given.read("format", one_of(FORMS)) or "md",
        branch=given.read("branch", request_id_of),
        redact=given.read("redact", one_of(("0", "1"))) != "0",
    )


def compare_query(query: MultiMapping[str]) -> Wanted:
    """Of ``GET /api/compare``. Raises InvalidQueryError."""
    given = Given(query, {"a", "b", "of", "turns"})
    one, turns = given.read("a", request_id_of), given.read("turns", number_of)
    if one is None:
        raise InvalidQueryError("a is missing; give a=ID and b=ID, of requests or of branches.")
    if turns is not None and not 1 <= turns <= MOST_TURNS:
        raise InvalidQueryError(f"turns={turns} is out of range; give 1 to {MOST_TURNS}.")
    return Wanted(a=one, b=given.read("b", request_id_of), of=given.read("of", one_of(WAYS)), turns=turns or TURNS)


def windows_query(query: MultiMapping[str]) -> str | None:
    """The account that is asked for; None: all. Raises InvalidQueryError."""
    return Given(query, {"account"}).read("account", text_of)


def streams_query(query: MultiMapping[str]) -> StreamRange:
    """Of ``GET /api/insights/streams``. Raises InvalidQueryError."""
    given = Given(query, {"since", "until"})
    return StreamRange(given.read("since", moment_of), given.read("until", moment_of))


@dataclass(frozen=True, slots=True)
class CacheQuery:
    """Of ``GET /api/insights/cache``."""

    wanted: CacheFilter
    limit: int


def cache_query(query: MultiMapping[str]) -> CacheQuery:
    """Raises InvalidQueryError."""
    given = Given(query, {"since", "until", "group_by", "conversation", "limit"})
    wanted = CacheFilter(
        since=given.read("since", moment_of),
        until=given.read("until", moment_of),
        group_by=given.read("group_by", _group) or "cause",
        conversation=given.read("conversation", request_id_of),
    )
    return CacheQuery(wanted, _page(given).limit)


def search_query(query: MultiMapping[str]) -> SearchQuery:
    """Raises InvalidQueryError; the words are read later (``domain/search_query.py``)."""
    given = Given(query, {*_SEARCH_FILTERS, "q", "order", "limit", "cursor"})
    wanted = SearchFilter(
        kind=given.read("kind", one_of(HIT_KINDS)),
        is_error=given.read("error", _yes_or_no),
        tool=given.read("tool", text_of),
        since=given.read("since", moment_of),
        until=given.read("until", moment_of),
        aside=given.read("aside", _yes_or_no) or False,
        model=given.read("model", text_of),
        project=given.read("project", text_of),
        account=given.read("account", text_of),
        session=given.read("session", text_of),
        conversation=given.read("conversation", request_id_of),
        request_class=given.read("class", one_of(CLASSES)),
    )
    words, limit = given.read("q", text_of), given.read("limit", number_of)
    if not words:
        raise InvalidQueryError("q is missing; give q=WORDS, the words that were said.")
    return SearchQuery(
        words=words,
        wanted=wanted,
        order=given.read("order", one_of(ORDERS)) or "best",
        limit=FOUND_LIMIT if limit is None else limit,
        cursor=given.read("cursor", text_of),
    )


def _yes_or_no(name: str, text: str) -> bool:
    return one_of(("yes", "no"))(name, text) == "yes"


def _group(name: str, text: str) -> GroupBy:
    word = one_of(GROUPS)(name, text)
    return next(group for group in GROUPS if group == word)


def tree_query(query: MultiMapping[str]) -> datetime | None:
    """The moment that the tree is asked for; None: now. Raises InvalidQueryError."""
    return Given(query, {"as_of"}).read("as_of", moment_of)


def statusline_query(query: MultiMapping[str]) -> tuple[str, str]:
    """The session, and ``json`` or ``text``. Raises InvalidQueryError."""
    given = Given(query, {"session", "format"})
    session = given.read("session", text_of)
    if not session:
        raise InvalidQueryError("session is missing; give session=ID, the session_id of Claude Code.")
    return session, given.read("format", one_of(("json", "text"))) or "json"


_REQUEST_FILTERS = (
    "conversation", "session", "class", "model", "status", "outcome", "account", "project", "since", "until", "within",
)  # fmt: skip
_SEARCH_FILTERS = (
    "kind", "error", "tool", "since", "until", "aside", "model", "project", "account", "session", "conversation",
    "class",
)  # fmt: skip
_CONVERSATION_FILTERS = ("session", "account", "project", "title", "since", "until", "within")
_ORDER = ("sort", "order")


class Given:
    """The parameters of one query, each known and given once."""

    def __init__(self, query: MultiMapping[str], known: set[str]) -> None:
        for name in query:
            if name not in known:
                raise InvalidQueryError(f"There is no parameter {name[:80]!r}; known are {', '.join(sorted(known))}.")
            if len(query.getall(name)) > 1:
                raise InvalidQueryError(f"{name} is given more than once; give it once.")
        self._values: Mapping[str, str] = MappingProxyType(dict(query.items()))

    def read(self, name: str, reader: Callable[[str, str], T]) -> T | None:
        """None: not given."""
        text = self._values.get(name)
        return None if text is None else reader(name, text)


def _page(given: Given) -> Page:
    limit = given.read("limit", number_of)
    return Page(
        limit=DEFAULT_LIMIT if limit is None else limit,
        cursor=given.read("cursor", text_of),
        after=given.read("after", lambda _, text: decode_position(text)),
        form=given.read("format", one_of(LIST_FORMS)) or "json",
    )


def _sort(given: Given, measures: Sequence[W], usual: W) -> Sort[W]:
    return Sort(given.read("sort", one_of(measures)) or usual, given.read("order", one_of(("asc", "desc"))) == "asc")


def _since(given: Given, now: datetime) -> datetime | None:
    """As it is given, or so long before now."""
    since, within = given.read("since", moment_of), given.read("within", length_of)
    if since is not None and within is not None:
        raise InvalidQueryError("since and within exclude each other; give one of them.")
    return since if within is None else now - within


def length_of(name: str, text: str) -> timedelta:
    """How long a time such as ``90m``, ``24h`` or ``7d`` is. Raises InvalidQueryError."""
    found = _LENGTH.fullmatch(text)
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < length <= _LONGEST:
        raise InvalidQueryError(f"{name}={text[:80]!r} is no length of time; give one such as 90m, 24h or 7d.")
    return length


def request_id_of(name: str, text: str) -> UUID:
    """Raises InvalidQueryError for what is no id in its usual form."""
    try:
        if len(text) == _UUID_CHARS:
            return UUID(text)
    except ValueError:
        pass
    raise InvalidQueryError(f"{name}={text[:80]!r} is no id; give a UUID such as 01890000-0000-7000-8000-000000000000.")


def text_of(name: str, text: str) -> str:
    if len(text) > MAX_TEXT or "\0" in text or not _is_encodable(text):
        raise InvalidQueryError(f"{name} holds what no stored text holds, or more than {MAX_TEXT} characters.")
    return text


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def one_of(words: Sequence[W]) -> Callable[[str, str], W]:
    def read(name: str, text: str) -> W:
        if text not in words:
            raise InvalidQueryError(f"{name}={text[:80]!r} is unknown; give one of {', '.join(words)}.")
        return words[words.index(text)]

    return read


def number_of(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidQueryError(f"{name}={text[:80]!r} is no number.")
    return int(text)


def _status(name: str, text: str) -> int:
    status = number_of(name, text)
    if not 100 <= status <= 999:
        raise InvalidQueryError(f"{name}={text} is no HTTP status; give three digits.")
    return status


def moment_of(name: str, text: str) -> datetime:
    """A time as in RFC 3339; a date alone is its midnight in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and len(text) == len("2026-11-22"):
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    hint = "Z at its end" if " " not in text else "Z at its end, or %2B for the + of its offset"
    raise InvalidQueryError(f"{name}={text[:80]!r} is no time; give it as 2026-11-22T09:30:00Z, with {hint}.")
