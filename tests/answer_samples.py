"""Assembled answers and how they ended, in few words."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.answer_facts import Ending
from domain.assembly import AssembledMessage, assemble
from schemas.stored.events import ResponseAborted, ResponseCompleted

Json = Any
_PLACE: dict[str, Any] = {
    "originator_id": UUID(int=5),
    "originator_version": 4,
    "timestamp": datetime(2026, 11, 22, tzinfo=UTC),
    "byte_count": 1,
    "elapsed_us": 1_500_000,
}
COMPLETED = Ending(ResponseCompleted(**_PLACE, sha256="0" * 64), 200)
ABORTED = Ending(ResponseAborted(**_PLACE, ended_by="client", delivered=1), 200)
UNSEEN = Ending(ResponseAborted(**{**_PLACE, "elapsed_us": None}, ended_by="gateway_crash", delivered=None), 200)
"""Of an exchange that a gateway that broke down was in the middle of."""
OPEN_ENDED = Ending(None, 200)


def message(*blocks: Json, stop_reason: str | None = "end_turn") -> AssembledMessage:
    body = {"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": stop_reason}
    return assemble(json.dumps(body).encode(), "application/json")


def say(text: str) -> Json:
    return {"type": "text", "text": text}
