"""What does usage amount to, in tokens and in money? Sums of the read model and what people said, put together; pure.

Sub-tasks are told by themselves and with all that they called, however deep: a tree's own sums add up to what its main
thread has with all below.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Literal, get_args
from uuid import UUID

from dashboard.adding_up import COUNTED, Adding, UsageSum
from dashboard.told import Sayings, price_days
from domain.billing import Tariff
from domain.costs import CostSum
from domain.prices import PriceBook, plus
from domain.ranking import rates_of
from domain.rate_cards import RateCards
from domain.usage_ranges import Bucket
from domain.usage_sums import Dearest, Dimension, Kept, UsageFilter, UsageQuestion, UsageSeries
from domain.usage_tree import SubTaskTrees
from domain.what_if import WhatIf
from schemas.usage_api import SubTaskItem, UsageAnswer, UsageItem, UsageTokens

By = Literal[
    "account", "key", "user", "project", "model", "class", "agent_type", "conversation", "subtask", "branch",
    "client_domain", "scope", "service_tier", "speed", "inference_geo", "long_context", "estimated",
]  # fmt: skip
BYS: tuple[By, ...] = get_args(By)
"""What usage can be told apart by, and chosen by."""
_DIMENSIONS: Mapping[By, tuple[Dimension, ...]] = MappingProxyType(
    {
        "account": ("account",),
        "key": ("key_id",),
        "user": ("key_id", "device"),
        "project": ("project",),
        "model": ("model",),
        "class": ("request_class",),
        "agent_type": ("agent_type",),
        "conversation": ("conversation_id",),
        "subtask": ("branch_id",),
        "branch": ("branch_id",),
        "client_domain": ("client_domain",),
        "scope": ("scope",),
        "service_tier": ("service_tier",),
        "speed": ("speed",),
        "inference_geo": ("inference_geo",),
        "long_context": ("long_context",),
        "estimated": ("estimated",),
    }
)
"""Which dimensions of the read model each stands for."""
_TOKENS = frozenset(UsageTokens.model_fields)
Value = str | bool | UUID
DEFAULT_LIMIT, MAX_LIMIT = 50, 1000
_KEY, _NAMELESS, _MAIN, _SUBTASK = "key:", "(none)", "main thread", "sub-task"
_NO_TREES = SubTaskTrees()
UNFOLDED = timedelta(days=45)
"""Of a longer time, told apart by buckets, the read model adds up what nobody will see."""
_FOLDABLE: tuple[By, ...] = ("account", "key", "user", "project", "agent_type", "client_domain")
"""Of which there may be very many; all of text."""
_RANKABLE: tuple[tuple[By, ...], ...] = (("conversation",), ("subtask",))
_SPARE = 5
"""So many conversations more are told apart than are shown: the read model ranks them by floating point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """What is asked."""

    since: datetime
    until: datetime
    bucket: Bucket = "none"
    zone: tzinfo = UTC
    group_by: tuple[By, ...] = ()
    wanted: Mapping[By, Value] = field(default_factory=dict)
    """By what is chosen; of what is not named, everything."""
    what_if: WhatIf = field(default_factory=WhatIf)
    limit: int = DEFAULT_LIMIT
    """So many groups are told apart; the rest is one."""


def question_of(query: UsageQuery, said: Sayings, below: Collection[UUID] = ()) -> UsageQuestion:
    """What the read model is asked for. ``below``: the branches of the sub-task that is chosen and of all below it."""
    values: dict[Dimension, Sequence[Value]] = {}
    for by, value in query.wanted.items():
        if by != "subtask":
            values |= _chosen(by, value)
    if "subtask" in query.wanted:
        branches = values.get("branch_id", list(below))
        values["branch_id"] = [branch for branch in branches if branch in below]
    return UsageQuestion(
        since=query.since,
        until=query.until,
        bucket=query.bucket,
        zone=query.zone,
        group_by=_grouped(query),
        wanted=UsageFilter(values),
        price_days=_price_days(query.what_if, said),
        subscriptions=[account for account, plan in said.plans.items() if plan == "subscription"],
    )


def _grouped(query: UsageQuery) -> tuple[Dimension, ...]:
    grouped = [dimension for by in query.group_by for dimension in _DIMENSIONS[by]]
    return tuple(dict.fromkeys([*grouped, "estimated"]))


def _chosen(by: By, value: Value) -> dict[Dimension, Sequence[Value]]:
    """A user is a key, or else a device."""
    if by == "user" and isinstance(value, str):
        is_key = value.startswith(_KEY)
        return {"key_id": [value.removeprefix(_KEY)]} if is_key else {"key_id": [""], "device": [value]}
    return {_DIMENSIONS[by][0]: [value]}


def branches_in(query: UsageQuery, rows: Iterable[UsageSeries]) -> list[UUID]:
    """Whose sub-tasks must be known to tell the answer; none, where nobody asks for sub-tasks."""
    if "subtask" not in query.group_by:
        return []
    place = _grouped(query).index("branch_id")
    return list(dict.fromkeys(one for row in rows if isinstance(one := row.group[place], UUID)))


def _price_days(what_if: WhatIf, said: Sayings) -> list[date]:
    return price_days(said.book, *([said.shipped] if what_if.shipped_prices else []))


_Group = tuple[Value | None, ...]
_Sums = dict[tuple[_Group, datetime | None], UsageSum]
_Buckets = defaultdict[datetime | None, UsageSum]


def answer_of(
    query: UsageQuery, rows: Iterable[UsageSeries], said: Sayings, trees: SubTaskTrees = _NO_TREES
) -> UsageAnswer:
    """Items of a bucket stand together, the oldest bucket first; in it, what cost most comes first. Of sub-tasks each
    tree stands together, and who calls comes before whom it calls. ``trees``: of ``branches_in``."""
    sums, rest = _summed(query, rows, said, trees)
    telling = _Telling(query, said, trees, _with_descendants(query, sums, trees))
    ranks = {group: rank for rank, group in enumerate(_ranked(telling))}
    shown = sorted(
        (key for key in sums if ranks[key[0]] < query.limit),
        key=lambda key: (_moment(key[1]), [ranks[group] for group in telling.line_down(key[0])]),
    )
    for (group, bucket), one in sums.items():
        if ranks[group] >= query.limit:
            rest[bucket].take(one)
    everything = UsageSum()
    for one in (*(sums[key] for key in shown), *rest.values()):
        everything.take(one)
    return UsageAnswer(
        since=query.since,
        until=query.until,
        bucket=query.bucket,
        tz=str(query.zone),
        group_by=list(query.group_by),
        assumed=list(query.what_if.words),
        items=[telling.item(sums[key], key[0], key[1]) for key in shown],
        other=[telling.item(rest[bucket], None, bucket) for bucket in sorted(rest, key=_moment)],
        total=telling.item(everything, None, None),
    )


def is_folded(query: UsageQuery) -> bool:
    """Whether to ask first which groups will be shown: there are many, in many buckets."""
    long = query.bucket != "none" and query.until - query.since > UNFOLDED
    return long and len(query.group_by) == 1 and query.group_by[0] in _FOLDABLE


def is_ranked(query: UsageQuery) -> bool:
    """Whether the read model is to tell only the conversations apart that will be shown: there may be very many."""
    return query.bucket == "none" and query.group_by in _RANKABLE


def dearest(query: UsageQuery, question: UsageQuestion, tariffs: Iterable[Tariff], said: Sayings) -> UsageQuestion:
    """``tariffs``: all that there are. Of sub-tasks the dearest stand in the dearest conversations: whoever called
    them costs as much at least, so as many conversations hold all that will be shown."""
    rates = rates_of(tariffs, said.book, question.price_days or ())
    return replace(question, dearest=Dearest(query.limit + _SPARE, rates))


def folded(query: UsageQuery, rows: Iterable[UsageSeries], said: Sayings) -> UsageQuestion:
    """``rows``: of the same question in one bucket. What will be shown stays apart."""
    whole, kept = replace(query, bucket="none"), list(rows)
    question = question_of(whole, said)
    sums, _ = _summed(whole, kept, said, _NO_TREES)
    shown = set(_ranked(_Telling(whole, said, _NO_TREES, sums))[: query.limit])
    [by] = query.group_by
    names = _DIMENSIONS[by]
    values = dict[tuple[str, ...], None]()
    for row in kept:
        named = dict(zip(question.group_by, row.group, strict=True))
        if (_value(by, named, _NO_TREES),) in shown:
            values[tuple(str(named[name]) for name in names)] = None
    return replace(question_of(query, said), kept=Kept(names, list(values)))


def _summed(
    query: UsageQuery, rows: Iterable[UsageSeries], said: Sayings, trees: SubTaskTrees
) -> tuple[_Sums, "_Buckets"]:
    """By group and bucket; and by bucket what the read model told as the rest."""
    names = _grouped(query)
    adding = Adding(query.what_if, RateCards(said.book), RateCards(_book(query.what_if, said)))
    by_group, rest = defaultdict[_Group, _Buckets](_buckets), _buckets()
    for row in rows:
        named = dict(zip(names, row.group, strict=True))
        to = rest if row.rest else by_group[tuple(_value(by, named, trees) for by in query.group_by)]
        adding.add(to, row, estimated=bool(named["estimated"]))
    return {(group, bucket): one for group, each in by_group.items() for bucket, one in each.items()}, rest


def _buckets() -> "_Buckets":
    return defaultdict(UsageSum)


def _value(by: By, named: Mapping[Dimension, Value | None], trees: SubTaskTrees) -> Value | None:
    if by == "user":
        return f"{_KEY}{named['key_id']}" if named["key_id"] else named["device"] or None
    value = named[_DIMENSIONS[by][0]]
    if by == "subtask" and isinstance(value, UUID):
        return trees.task_of(value)
    return None if value == "" else value


def _with_descendants(query: UsageQuery, sums: _Sums, trees: SubTaskTrees) -> _Sums:
    """Every sum with those of all sub-tasks below. Whoever only called somebody that used something has one of none."""
    if "subtask" not in query.group_by:
        return sums
    place, whole = query.group_by.index("subtask"), dict(sums)
    for (group, bucket), one in list(sums.items()):
        for above in islice(_line_up(group, place, trees), 1, None):
            key = above, bucket
            own = sums.setdefault(key, UsageSum(found=CostSum(is_free=True)))
            if whole.get(key, own) is own:
                whole[key] = own.copy()
            whole[key].take(one)
    return whole


def _line_up(group: _Group, place: int, trees: SubTaskTrees) -> Iterator[_Group]:
    """Itself, and the same groups of those who called its sub-task."""
    task = group[place]
    for above in trees.line_up(task) if isinstance(task, UUID) else (task,):
        yield (*group[:place], above, *group[place + 1 :])


def _ranked(telling: "_Telling") -> list[_Group]:
    """What cost most first; of what has no price, what used most. Who calls costs what it called at the least, and
    comes first."""
    costs, tokens = dict[_Group, Decimal](), dict[_Group, int]()
    for (group, _), one in telling.whole.items():
        costs[group] = plus(costs.get(group, Decimal(0)), one.found.cost or Decimal(0))
        tokens[group] = tokens.get(group, 0) + one.used
    return sorted(
        costs, key=lambda group: (-costs[group], -tokens[group], telling.depth(group), tuple(map(str, group)))
    )


@dataclass(frozen=True, slots=True)
class _Telling:
    """How sums become items."""

    query: UsageQuery
    said: Sayings
    trees: SubTaskTrees
    whole: _Sums
    """With what is below; where nobody asks for sub-tasks, the sums themselves."""

    def line_down(self, group: _Group) -> list[_Group]:
        """From the main thread of its tree down to itself."""
        if "subtask" not in self.query.group_by:
            return [group]
        return [*_line_up(group, self.query.group_by.index("subtask"), self.trees)][::-1]

    def depth(self, group: _Group) -> int:
        """So many stand above it."""
        if "subtask" not in self.query.group_by:
            return 0
        task = group[self.query.group_by.index("subtask")]
        return sum(1 for _ in self.trees.line_up(task)) - 1 if isinstance(task, UUID) else 0

    def item(self, one: UsageSum, group: _Group | None, bucket: datetime | None) -> UsageItem:
        named = dict(zip(self.query.group_by, group, strict=True)) if group is not None else {}
        task = named.get("subtask")
        whole = self.whole.get((group, bucket)) if group is not None and "subtask" in named else None
        members = _figures(one) | {
            "group": {str(by): value for by, value in named.items()},
            "label": " · ".join(self._label(by, value) for by, value in named.items()),
            "bucket": bucket.astimezone(self.query.zone) if bucket is not None else None,
            "subtask": self._subtask(task) if isinstance(task, UUID) else None,
            "with_descendants": _figures(whole) if whole is not None else None,
        }
        return UsageItem.model_validate(members)

    def _subtask(self, task: UUID) -> SubTaskItem | None:
        known = self.trees.tasks.get(task)
        if known is None:
            return None
        return SubTaskItem(
            conversation_id=known.conversation_id,
            parent=known.parent_id,
            depth=sum(1 for _ in self.trees.line_up(task)) - 1,
            name=known.name,
            agent_type=known.agent_type,
        )

    def _label(self, by: By, value: Value | None) -> str:
        if value is None:
            return _NAMELESS
        text = str(value)
        if by == "project":
            return self.said.project_labels.get(text, text)
        if by == "subtask" and isinstance(value, UUID):
            return self._task_name(value)
        if by == "key" or (by == "user" and text.startswith(_KEY)):
            key = text.removeprefix(_KEY)
            return self.said.key_names.get(key, key)
        return text

    def _task_name(self, task: UUID) -> str:
        known = self.trees.tasks.get(task)
        if known is not None and known.parent_id is None:
            return _MAIN
        return (known and (known.name or known.agent_type)) or _SUBTASK


def _figures(one: UsageSum) -> dict[str, object]:
    counted = dict(zip(COUNTED, one.counts, strict=True))
    return {
        **{name: counted[name] for name in ("requests", "failed", "aborted", "unrecorded", "web_searches")},
        "tokens": {name: count for name, count in counted.items() if name in _TOKENS},
        "cost_usd": one.found.cost,
        "what_if_cost_usd": one.supposed.cost,
        "unpriced_tokens": one.unpriced_tokens,
        "unpriced": list(one.reasons),
        "estimated": one.estimated,
        "api_equivalent": one.api_equivalent,
    }


def _book(what_if: WhatIf, said: Sayings) -> PriceBook:
    return said.shipped if what_if.shipped_prices else said.book


def _moment(bucket: datetime | None) -> datetime:
    return bucket or datetime.min.replace(tzinfo=UTC)
