"""The answer of a comparison has stable names; what is not known is null, never absent, and money is a string."""

import json
from decimal import Decimal
from uuid import UUID

from schemas.compare_api import CompareAnswer, FactItem, SideItem, WorkItem
from schemas.read_api import TokenCounts

SIDE = SideItem(
    request_id=UUID(int=1),
    conversation_id=None,
    branch_id=None,
    name="opus",
    title=None,
    received_at=None,
    outcome=None,
)
WORK = WorkItem(
    requests=2, prompts=1, tokens=TokenCounts(input_tokens=3), cost_usd=Decimal("0.10"), unrecorded=1, agents=0,
    unrecorded_with_agents=2,
    tokens_with_agents=TokenCounts(input_tokens=3), cost_usd_with_agents=None, lasted_ms=None, model_ms=2.0, failures=0,
    tools={"Bash": 2}, files=["a.py"], failed_calls=0,
)  # fmt: skip


def test_its_json() -> None:
    answer = CompareAnswer(
        of="branches", a=SIDE, b=SIDE, same=False, shared=2, facts=[FactItem(name="Model", a="x", b=None, same=False)],
        changes=[], differences=[], answers=[], work_a=WORK, work_b=None, compaction=None, not_compared=["the rest"],
    )  # fmt: skip
    said = json.loads(answer.model_dump_json())
    assert set(said) == set(CompareAnswer.model_fields)
    assert said["a"] == {
        "request_id": str(UUID(int=1)), "conversation_id": None, "branch_id": None, "name": "opus", "title": None,
        "received_at": None, "outcome": None, "unrecorded": False,
    }  # fmt: skip
    assert (said["work_a"]["cost_usd"], said["work_a"]["cost_usd_with_agents"]) == ("0.10", None)
    assert (said["work_a"]["unrecorded"], said["work_a"]["unrecorded_with_agents"]) == (1, 2)
    assert (said["work_b"], said["compaction"], said["facts"][0]["b"]) == (None, None, None)
