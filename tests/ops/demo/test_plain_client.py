"""A plain script: no session, no metadata, and questions that stand for themselves or go on."""

import pytest

from ops.demo.answers import Fails
from ops.demo.plain_client import PlainClient
from ops.demo.stage import Stage
from tests.ops.demo.rehearsal import Wired, rehearse_one, staged


async def wire() -> list[Wired]:
    async def tell(stage: Stage) -> None:
        script = PlainClient(stage, "claude-haiku-4-5-20251001")
        await script.lists_models()
        await script.asks("One?", "One.")
        await script.goes_on("And?", "Two.")
        await script.asks("Three?", "Three.")
        await script.is_told_off("Four?", Fails(404, "not_found_error", "model: x"))

    rehearsal = await rehearse_one(tell)
    assert rehearsal.outcome.failed == []
    return rehearsal.wire


async def test_what_belongs_to_what() -> None:
    models, first, second, third, wrong = await wire()
    assert models.link == ("auxiliary", "none")
    assert (first.link, third.link, wrong.link) == (("main", "root"),) * 3
    assert (second.link, second.played.parent) == (("main", "continues"), first.played.request_id)
    assert wrong.played.status == 404


async def test_it_says_all_that_was_said_and_nothing_of_itself() -> None:
    models, _, second, third, _ = await wire()
    assert second.body == {
        "model": "claude-haiku-4-5-20251001",
        "max_tokens": 1024,
        "messages": [
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "One."},
            {"role": "user", "content": "And?"},
        ],
    }
    assert third.body["messages"] == [{"role": "user", "content": "Three?"}]
    assert (models.request.method, models.request.path, models.request.body) == ("GET", "/v1/models?limit=20", b"")
    assert second.request.headers["User-Agent"].startswith("curl/")
    assert not [name for name in second.request.headers if "claude-code" in name.lower()]


async def test_there_must_be_an_answer_to_go_on_from() -> None:
    async with staged() as (stage, _):
        with pytest.raises(ValueError, match="no answer to go on from"):
            await PlainClient(stage, "m").goes_on("And?", "Two.")
