"""Is a list for a spreadsheet whole, and is nothing in it taken for a formula?"""

import csv
import io

import pytest

from dashboard.csv_lists import cell, csv_of
from schemas.read_api import ConversationItem, RequestItem
from tests.read_rows import conversation_item, request_item


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_every_member_is_a_column_named_as_in_the_json() -> None:
    (row,) = rows(csv_of(RequestItem, [request_item(1, request_class="main")]))
    assert row["class"] == "main"
    assert row.keys() == set(RequestItem.model_validate(request_item(1)).model_dump(by_alias=True)) - {"evidence"}
    assert (row["cost_usd"], row["parsable"], row["status"]) == ("", "true", "200")


def test_an_empty_list_has_its_head() -> None:
    assert csv_of(ConversationItem, []).startswith(b"conversation_id,title,")


def test_what_comes_from_the_wire_stays_in_its_cell() -> None:
    title = 'one, "two"\nthree'
    (row,) = rows(csv_of(ConversationItem, [conversation_item(title=title, models=["a", "b"])]))
    assert (row["title"], row["models"]) == (title, "a b")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"])
def test_nothing_is_taken_for_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell([text, "x"]).startswith("'")


def test_a_number_stays_a_number() -> None:
    assert [cell(value) for value in (-5, 1.5, "plain", "", False)] == ["-5", "1.5", "plain", "", "false"]
