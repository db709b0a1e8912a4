"""The machines' stories: bad weather, a refusal, a plain script."""

from ops.demo.sessions import machines
from tests.ops.demo.rehearsal import rehearse_one


async def test_a_nightly_check_gets_through_bad_weather() -> None:
    rehearsal = await rehearse_one(machines.nightly)
    assert rehearsal.outcome.failed == []
    assert [(wired.played.edge, wired.played.status) for wired in rehearsal.wire] == [
        ("root", 529), ("retries", 529), ("retries", 200), ("continues", 200), ("continues", 429), ("retries", 200),
        ("continues", 200),
    ]  # fmt: skip
    assert rehearsal.wire[4].heard.headers["retry-after"] == "3"
    assert {wired.request.headers["User-Agent"] for wired in rehearsal.wire} == {
        "claude-cli/2.1.330 (external, sdk-cli)"
    }


async def test_a_refusal_is_answered_at_the_second_try() -> None:
    rehearsal = await rehearse_one(machines.refusal)
    assert [(wired.played.edge, wired.heard.reading.stop_reason) for wired in rehearsal.wire] == [
        ("root", "refusal"), ("retries", "end_turn"),
    ]  # fmt: skip


async def test_a_script_asks_and_is_told_off() -> None:
    rehearsal = await rehearse_one(machines.curl)
    assert rehearsal.outcome.failed == []
    assert [(wired.played.edge, wired.played.status) for wired in rehearsal.wire] == [
        ("none", 200), ("root", 200), ("root", 200), ("continues", 200), ("root", 404), ("root", 400),
    ]  # fmt: skip


async def test_what_fails_is_never_asked_twice_in_the_same_words() -> None:
    """On kept data a second play would else be a retry of the first."""

    async def failed(seed: str) -> set[bytes]:
        rehearsal = await rehearse_one(machines.curl, seed=seed)
        return {wired.request.body for wired in rehearsal.wire if wired.played.status >= 400}

    assert not await failed("one") & await failed("two")
