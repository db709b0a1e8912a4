"""The shapes of the read API have the names the design gives them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.read_api import EvidenceItem, Listing, RequestItem, TokenCounts, TreeNode

FIELDS = {
    "request_id", "received_at", "completed_at", "method", "path", "client_domain", "account", "key", "project",
    "session_id", "agent_id", "class", "edge", "confidence", "evidence", "parent_request_id", "conversation_id",
    "branch_id", "model", "status", "outcome", "attempts", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_5m_tokens", "cache_write_1h_tokens", "cost_usd", "time_to_first_byte_ms", "duration_ms",
    "upstream_request_id",
}  # fmt: skip
NULLABLE = {name: None for name, field in RequestItem.model_fields.items() if "None" in str(field.annotation)}


def item() -> RequestItem:
    known = {
        "request_id": UUID(int=1),
        "received_at": datetime(2026, 1, 1, 2, 3, 4, 500000, tzinfo=UTC),
        "evidence": [EvidenceItem(kind="history", detail="3 of 4")],
        "outcome": "open",
        "attempts": 1,
        "position": 7,
        "detail": "",
        "parsable": True,
        "missing_bytes": 0,
    }
    return RequestItem.model_validate({**NULLABLE, **known, "cost_usd": Decimal("0.0162")})


def test_a_request_has_every_field_of_the_design_also_before_it_is_linked() -> None:
    said = json.loads(item().model_dump_json())
    assert set(said) >= FIELDS
    assert (said["class"], said["edge"]) == (None, None)


def test_times_are_rfc_3339_and_money_is_a_decimal_string() -> None:
    said = json.loads(Listing[RequestItem](items=[item()], next_cursor=None).model_dump_json())
    assert said["items"][0]["received_at"] == "2026-01-01T02:03:04.500000Z"
    assert said["items"][0]["cost_usd"] == "0.0162"
    assert said["next_cursor"] is None


def test_class_is_the_name_on_the_wire() -> None:
    assert TreeNode.model_fields["request_class"].alias == "class"


def test_an_answer_is_frozen() -> None:
    with pytest.raises(ValidationError):
        setattr(item(), "outcome", "completed")  # noqa: B010 - the type checker forbids it as well


def test_all_tokens_are_those_of_every_kind() -> None:
    counts = TokenCounts(input_tokens=1, output_tokens=20, cache_read_tokens=300, cache_write_tokens=4000)
    assert counts.all == 4321
    assert "all" not in counts.model_dump()
