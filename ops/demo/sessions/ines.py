"""What does Ines do? Two agents at once, a long session that is compacted, and a rollout she watches to the end."""

from ops.demo.claude_code import ClaudeCode
from ops.demo.people import INES, RELAY
from ops.demo.sessions import ines_files as files
from ops.demo.stage import Stage
from ops.demo.story import Delegate, Step, Thought, bash, edit, grep, plain, read, step, write

_LEASE = f"{RELAY.path}/internal/lease"


async def flaky(stage: Stage) -> None:
    """Two agents work side by side, one of them only reads; their reports come in the order they end in."""
    claude = ClaudeCode(stage, INES, RELAY)
    await claude.begin()
    await claude.asks(
        "TestRenew fails about once in fifty runs. Find out why: look at the code and at past runs, in parallel.",
        step("Two agents: one runs the test until it fails, the other reads the code.", _RUNNER, _READER),
        step(
            Thought("Both point to the same: a timer read without the lock. The fix is to take `now` once, locked."),
            "Both reports fit together. I mend it.",
            edit(f"{_LEASE}/lease.go", files.OLD_RENEW, files.NEW_RENEW),
            bash("go test ./internal/lease -run TestRenew -count=500 -race", files.STRESS_PASSES, takes_s=9.0),
        ),
        step(_RACE),
    )


async def refactoring(stage: Stage) -> None:
    """A long session is compacted and goes on from the summary."""
    claude = ClaudeCode(stage, INES, RELAY)
    await claude.begin()
    await claude.is_named("Split the store interface", _SPLIT)
    await claude.asks(_SPLIT, *_SPLITTING)
    await stage.rest(4)
    await claude.asks("Now move the metrics out of the Postgres store as well.", *_METRICS)
    await stage.rest(3)
    await claude.compacts(_SUMMARY, "keep the decisions about interfaces")
    await stage.rest(3)
    await claude.asks("Go on: write the changelog entry.", *_CHANGELOG)
    await claude.asks("And who must know about it?", step(_WHO))


async def rollout(stage: Stage) -> None:
    """A rollout is watched, minute after minute: the session that still runs while you look."""
    claude = ClaudeCode(stage, INES, RELAY)
    await claude.begin()
    await claude.is_named("Watch the rollout of 4.2", _ROLLOUT)
    await claude.asks(_ROLLOUT, *_WATCHING)


_RUNNER = Delegate(
    description="Run TestRenew until it fails",
    prompt=(
        "Run TestRenew in internal/lease with -race and a high -count until it fails. Report the failure and how often "
        "it happens. Change nothing."
    ),
    steps=(
        step(
            bash(
                "go test ./internal/lease -run TestRenew -count=200 -race", files.STRESS_FAILS, exit_code=1, takes_s=9.0
            )
        ),
        step(
            bash("go test ./internal/lease -run TestRenew -count=200 -v 2>&1 | tail -40", files.long_run(), takes_s=6.0)
        ),
        step(
            "4 of 200 runs fail, always with the same data race: lease.go:52 reads `expires` that lease.go:48 writes."
        ),
    ),
)
_READER = Delegate(
    description="Read the lease code",
    prompt="Read internal/lease and say how Renew and the timer share state. Look for reads without the lock.",
    kind="Explore",
    steps=(
        step(grep("expires", _LEASE, files.EXPIRES), read(f"{_LEASE}/lease.go", files.LEASE, first_line=40)),
        step("`Renew` reads `l.expires` at line 52 before it takes the lock; the timer writes it at line 48 under it."),
    ),
)
_RACE = plain("""
    It was a data race, and it is gone: 500 runs with `-race` pass.

    `Renew` compared `l.expires` with the clock **before** taking the lock, while the timer wrote it. When the timer
    fired in between, `Renew` renewed a lease that was gone, and the test saw two owners.

    | | before | after |
    |---|---|---|
    | failures | 4 of 200 | 0 of 500 |
    | time under the lock | 0.4 µs | 0.6 µs |
""")

_SPLIT = "Store has 23 methods. Split it into small interfaces where they are used, without changing behaviour."
_SPLITTING = (
    step(
        grep("store\\.Store", f"{RELAY.path}/internal", files.USERS),
        read(f"{RELAY.path}/internal/store/store.go", files.STORE),
    ),
    step(
        Thought("Four users, each with a handful of methods: Enqueuer, Leaser, Reaper, Reporter. Define them there."),
        "Four packages use it, each only a few methods. I give each its own small interface, next to its user.",
        write(f"{RELAY.path}/internal/api/enqueuer.go", files.ENQUEUER),
        write(f"{RELAY.path}/internal/worker/leaser.go", files.LEASER),
        edit(f"{RELAY.path}/internal/api/api.go", "store store.Store", "jobs Enqueuer"),
        edit(f"{RELAY.path}/internal/worker/worker.go", "store store.Store", "leases Leaser"),
    ),
    step(bash("go vet ./... && go test ./...", files.GO_TEST, takes_s=7.0)),
    step("Split: `Enqueuer`, `Leaser`, `Reaper`, `Reporter`, each declared where it is used. All tests pass."),
)
_METRICS = (
    step(grep("metrics\\.", f"{RELAY.path}/internal/store", files.METRICS)),
    step(
        "The counters wrap every method. A decorator can do that outside.",
        write(f"{RELAY.path}/internal/store/counted.go", files.COUNTED),
        bash("go test ./internal/store ./internal/api", files.GO_TEST, takes_s=5.0),
    ),
    step("`store.Counted` wraps any store and counts; the Postgres store knows nothing of metrics any more."),
)
_SUMMARY = plain("""
    1. Primary Request and Intent:
       Split the 23-method Store interface without changing behaviour; then move metrics out of the Postgres store.
    2. Decisions:
       Interfaces are declared where they are used: api.Enqueuer, worker.Leaser, reaper.Reaper, report.Reporter.
       Metrics are a decorator, store.Counted.
    3. Files:
       internal/api/enqueuer.go, internal/worker/leaser.go, internal/store/counted.go (new); api.go, worker.go.
    4. State:
       go vet and all tests pass. Open: changelog entry.
""")
_CHANGELOG = (
    step(
        edit(f"{RELAY.path}/CHANGELOG.md", "## Unreleased\n", files.CHANGELOG),
        bash(
            "git add -A && git commit -qm 'Split the store interface' && git log --oneline -1",
            "e4d9c71 Split the store",
        ),
    ),
    step("The entry is in, and everything is committed as e4d9c71."),
)
_WHO = "Whoever has a store of their own: it must now satisfy four small interfaces instead of `store.Store`."

_ROLLOUT = "Watch the rollout of 4.2 region by region and tell me when something looks wrong."


def _look(minute: int, comment: str) -> Step:
    """One look at the rollout."""
    return step(comment, bash("relayctl rollout status 4.2", files.status_at(minute), takes_s=18.0), pause_s=1.6)


_WATCHING = (
    _look(0, "I look at the rollout every few seconds."),
    *(_look(minute, comment) for minute, comment in enumerate(files.COMMENTS, 1)),
    step(
        plain("""
        The rollout of **4.2** is through: six regions, 214 instances, no rollback.

        The one thing worth a look: p99 in `eu-north` rose to 41 ms for two minutes while its caches were cold. It is
        back at 18 ms.
        """)
    ),
)
