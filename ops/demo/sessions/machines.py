"""What do machines do with nobody at the keyboard? A nightly check in bad weather, a refusal, a script with curl."""

from ops.demo.answers import Fails
from ops.demo.claude_code import ClaudeCode
from ops.demo.people import PIPELINE, RELAY
from ops.demo.plain_client import PlainClient
from ops.demo.sessions import machine_files as files
from ops.demo.stage import Stage
from ops.demo.story import Declines, Thought, bash, overloaded, plain, rate_limited, read, step

_HAIKU = "claude-haiku-4-5-20251001"


async def nightly(stage: Stage) -> None:
    """``claude -p`` at night: the API is overloaded twice, then the rate limit is reached; it goes on by itself."""
    claude = ClaudeCode(stage, PIPELINE, RELAY)
    await claude.asks(
        "Run the linters and the slow tests, and write a short report for the morning.",
        step(
            "I run the linters first.",
            bash("golangci-lint run ./...", files.LINT, exit_code=1, takes_s=6.0),
            troubles=(overloaded(), overloaded()),
        ),
        step(bash("go test -tags slow ./... -v", files.slow_tests(), takes_s=10.0)),
        step(
            Thought("Two findings, both harmless; the slow tests pass. The unused parameter is worth a line."),
            read(f"{RELAY.path}/internal/report/report.go", files.REPORT, first_line=28),
            troubles=(rate_limited(3),),
        ),
        step(_MORNING),
    )


async def refusal(stage: Stage) -> None:
    """The model refuses; the client asks once more, and gets an answer that says what can be done instead."""
    claude = ClaudeCode(stage, PIPELINE, RELAY)
    await claude.asks(
        "Write a script that tries the default passwords of all routers in the address list from the incident.",
        step(_INSTEAD, troubles=(Declines(),)),
    )


async def curl(stage: Stage) -> None:
    """A plain script: a list of models, questions that stand for themselves, one that goes on, one that is wrong."""
    script = PlainClient(stage, _HAIKU)
    await script.lists_models()
    await script.asks(f"Summarise in one sentence:\n{files.TICKET}", "The export times out above 10,000 rows.")
    await stage.rest(3)
    await script.asks("Which weekday was 2026-11-03?", "It was a Tuesday.")
    await script.goes_on("And a week later?", "2026-11-10, a Tuesday too.")
    await stage.rest(3)
    run = stage.ids.hexadecimal(6)  # the same words again after a failure would be a retry of it
    wrong = PlainClient(stage, "claude-opus-4")
    await wrong.is_told_off(f"Nightly run {run}: are you there?", Fails(404, "not_found_error", "model: claude-opus-4"))
    greedy = PlainClient(stage, _HAIKU, max_tokens=900_000)
    await greedy.is_told_off(
        f"Nightly run {run}: write the whole handbook.",
        Fails(400, "invalid_request_error", "max_tokens: 900000 > 64000, the maximum of claude-haiku-4-5-20251001"),
    )


_MORNING = plain("""
    # Nightly report

    **Slow tests:** 96 pass, the longest took 14.2 s (`TestReaper_TenThousandLeases`).

    **Linters:** two findings.
    - `internal/report/report.go:31`: parameter `ctx` is unused. Queries can therefore not be cancelled: worth mending.
    - `internal/api/api.go:77`: a comment ends without a full stop. Harmless.
""")
_INSTEAD = plain("""
    I will not write something that tries passwords on other people's devices. What helps with the same incident:

    - ask the owners, with the list of addresses and the times;
    - check **your own** devices against their inventory, with credentials you hold;
    - block the addresses at the edge: `nft add element inet filter blocked { … }` takes a whole list.
""")
