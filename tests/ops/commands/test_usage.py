"""``nexus usage``: every figure of the answer is there, notes say what to know of them, unfit questions are refused."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from dashboard.usage import UsageQuery
from ops.commands import usage
from ops.commands.usage import UnfitQuestionError, csv_of, dollars, query_of, table
from schemas.usage_api import SubTaskItem, UsageAnswer, UsageFigures, UsageItem, UsageTokens
from tests import captures
from tests.pool_runner import PoolRunner
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids

DAY = datetime(2026, 11, 22, tzinfo=UTC)


def item(label: str = "opus", **changes: Any) -> UsageItem:
    whole: dict[str, Any] = {
        "group": {"model": label}, "label": label, "bucket": DAY, "requests": 1200, "failed": 1, "aborted": 2,
        "tokens": UsageTokens(input=10_000, output=20, cache_read=3, cache_write_5m=4, cache_write_1h=5),
        "web_searches": 0, "cost_usd": Decimal("12.346"), "unpriced_tokens": 0, "unpriced": [],
    }  # fmt: skip
    return UsageItem(**whole | changes)


def answer(items: Sequence[UsageItem], **changes: Any) -> UsageAnswer:
    whole: dict[str, Any] = {
        "since": DAY, "until": DAY, "bucket": "day", "tz": "UTC", "group_by": ["model"], "assumed": [],
        "items": list(items), "other": [], "total": items[0].model_copy(update={"bucket": None}),
    }  # fmt: skip
    return UsageAnswer(**whole | changes)


def test_a_row_says_when_what_and_how_much() -> None:
    head, row, total = table(answer([item()])).splitlines()
    assert " ".join(head.split()) == "day model requests input output cache read written 5m written 1h cost USD"
    assert row.split() == ["2026-11-22", "opus", "1,200", "10,000", "20", "3", "4", "5", "12.35"]
    assert total.split()[0] == "total"


def test_what_could_not_be_recorded_is_said() -> None:
    assert "2 answers could not be recorded whole" in table(answer([item(unrecorded=2, cost_usd=None)]))
    assert "1 answer could" in table(answer([item(unrecorded=1)]))
    assert "recorded" not in table(answer([item()]))


def test_what_is_not_sure_is_marked_and_explained() -> None:
    tokens = UsageTokens(output=20, estimated_output=7)
    one = item(tokens=tokens, unpriced_tokens=9, unpriced=["no price for model x"], api_equivalent=True, cost_usd=None)
    text = table(answer([one], assumed=["no cache"], other=[item(group={}, label="")]))
    assert "27~" in text
    assert "-*" in text
    assert "what if USD" in text
    assert "all others" in text
    for note in ("What if: no cache.", "7 output tokens are estimated", "no price for model x", "A subscription pays"):
        assert note in text


def test_nothing_used_says_how_to_begin() -> None:
    assert "nexus claude" in table(answer([item(requests=0)]))


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "-"), ("0", "0.00"), ("0.00012", "0.0001"), ("0.5", "0.5000"), ("1", "1.00"), ("1234.567", "1,234.57")],
)
def test_dollars(amount: str | None, text: str) -> None:
    assert dollars(None if amount is None else Decimal(amount)) == text


def test_a_spreadsheet_gets_every_figure_and_no_formula() -> None:
    said = csv_of(answer([item("=cmd()"), item("opus", cost_usd=None)], other=[item(group={}, label="")]))
    first, second, rest = csv.DictReader(io.StringIO(said))
    assert first["model"] == first["label"] == "'=cmd()"
    assert (first["requests"], first["input_tokens"], first["cost_usd"]) == ("1200", "10000", "12.346")
    assert (second["cost_usd"], second["bucket"]) == ("", DAY.isoformat())
    assert rest["label"] == "all others"


def a_tree() -> UsageAnswer:
    """A main thread that called somebody who cost a dollar."""
    place = {"conversation_id": UUID(int=1), "name": None, "agent_type": None}
    whole = UsageFigures(**{name: getattr(item(), name) for name in UsageFigures.model_fields})
    more = whole.model_copy(update={"requests": 1300, "cost_usd": Decimal("13.346")})
    main = SubTaskItem(**place, parent=None, depth=0)
    below = SubTaskItem(**place, parent=UUID(int=1), depth=1)
    items = [
        item("main thread", group={"subtask": UUID(int=1)}, subtask=main, with_descendants=more, bucket=None),
        item("Count", group={"subtask": UUID(int=2)}, subtask=below, with_descendants=whole, bucket=None),
    ]
    return answer(items, group_by=["subtask"], bucket="none", other=[item(group={}, label="", bucket=None)])


def test_sub_tasks_stand_below_their_callers_with_what_they_cost_in_all() -> None:
    head, main, below, other, total = table(a_tree()).splitlines()
    assert head.endswith("cost USD  requests with all below  cost USD with all below")
    assert main.startswith("main thread  ")
    assert below.startswith("  Count  ")
    assert [line.split()[-3:] for line in (main, below)] == [["12.35", "1,300", "13.35"], ["12.35", "1,200", "12.35"]]
    assert other.split()[-2:] == ["1,200", "12.35"]
    assert total.split()[0] == "total"


def test_a_spreadsheet_gets_sub_tasks_with_all_below() -> None:
    main, below, other = csv.DictReader(io.StringIO(csv_of(a_tree())))
    assert (main["parent"], main["depth"], main["requests"], main["requests_with_descendants"]) == (
        "", "0", "1200", "1300"
    )  # fmt: skip
    assert (below["parent"], below["depth"], below["cost_usd_with_descendants"]) == (str(UUID(int=1)), "1", "12.346")
    assert (other["label"], other["parent"], other["depth"]) == ("all others", "", "")
    assert "parent" not in csv_of(answer([item()]))


def test_a_question_is_that_of_the_read_api() -> None:
    query = query_of(["day", "model", "user"], ["project=shop=1"], {"tz": "Asia/Kathmandu", "ttl": "5m", "since": None})
    assert isinstance(query, UsageQuery)
    assert (query.bucket, query.group_by, query.wanted) == ("day", ("model", "user"), {"project": "shop=1"})
    assert (str(query.zone), query.what_if.lifetime) == ("Asia/Kathmandu", "5m")


def test_without_a_word_it_is_day_by_day() -> None:
    assert query_of([], [], {}).bucket == "day"
    assert query_of(["model"], [], {}).bucket == "none"


@pytest.mark.parametrize(
    ("by", "where", "words", "named"),
    [
        (["day", "hour"], [], {}, "exclude"), (["colour"], [], {}, "colour"), ([], ["model"], {}, "chooses nothing"),
        ([], ["colour=red"], {}, "colour"), ([], ["model=a", "model=b"], {}, "more than once"),
        ([], [], {"since": "once"}, "since"), ([], [], {"tz": "Mars"}, "time zone"),
    ],
)  # fmt: skip
def test_an_unfit_question_is_refused(by: list[str], where: list[str], words: dict[str, str], named: str) -> None:
    with pytest.raises(UnfitQuestionError, match=named):
        query_of(by, where, words)


def test_a_recorded_session_is_added_up(
    database: str, runner_pool: PoolRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = captures.exchanges("d1_one_agent")

    async def fill(pool: Any) -> None:
        store = Store.over(pool)
        ids = request_ids(listed)
        await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
        await store.follow()

    runner_pool.run(fill)
    words = {"since": "2020-01-01", "until": "2030-01-01", "tz": "UTC"}
    usage.run(["class"], [], words, form="json")
    said = json.loads(capsys.readouterr().out)
    assert said["total"]["requests"] == len(listed)
    assert Decimal(said["total"]["cost_usd"]) > 0
    assert {one["group"]["class"] for one in said["items"]} >= {"main", "subagent"}
    usage.run(["class"], [], words, form="table")
    assert "subagent" in capsys.readouterr().out
    usage.run(["month"], [], words, form="csv")
    assert capsys.readouterr().out.startswith("bucket,label,requests")
    with pytest.raises(UnfitQuestionError, match="longer buckets"):
        usage.run(["minute"], [], words, form="table")
