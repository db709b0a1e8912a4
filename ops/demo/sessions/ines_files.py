"""What stands in the files of Ines's project, and what do its commands print?"""

_REGIONS = ("us-east", "us-west", "eu-west", "eu-north", "ap-south", "ap-east")
_INSTANCES = (48, 40, 44, 26, 32, 24)
COMMENTS = (
    "us-east is the first; errors are flat.",
    "us-east is nearly done.",
    "us-east is done, us-west has begun.",
    "us-west is nearly through, without a sound.",
    "eu-west begins; it takes a little longer because of its size.",
    "eu-west is two thirds through.",
    "eu-north has begun and its p99 is up to 41 ms: cold caches. I keep an eye on it.",
    "eu-north is falling again: 27 ms.",
    "eu-north is back to normal, ap-south is half through.",
    "ap-south is done, ap-east begins.",
    "The last instances are up.",
)
_SLOW_NORTH = {7: 41, 8: 27}
"""p99 by minute."""

OLD_RENEW = """
    func (l *Lease) Renew(now time.Time) error {
    \tif now.After(l.expires) {
    \t\treturn ErrExpired
    \t}
    \tl.mu.Lock()
    \tdefer l.mu.Unlock()
"""
NEW_RENEW = """
    func (l *Lease) Renew(now time.Time) error {
    \tl.mu.Lock()
    \tdefer l.mu.Unlock()
    \tif now.After(l.expires) {
    \t\treturn ErrExpired
    \t}
"""
LEASE = """
    // expire is called by the timer.
    func (l *Lease) expire(now time.Time) {
    \tl.mu.Lock()
    \tdefer l.mu.Unlock()
    \tif now.Before(l.expires) {
    \t\treturn // renewed meanwhile
    \t}
    \tl.owner = ""
    \tl.expires = time.Time{}
    }

    func (l *Lease) Renew(now time.Time) error {
    \tif now.After(l.expires) {
    \t\treturn ErrExpired
    \t}
    \tl.mu.Lock()
    \tdefer l.mu.Unlock()
    \tl.expires = now.Add(l.ttl)
    \treturn nil
    }
"""
EXPIRES = """
    internal/lease/lease.go:48:\tl.expires = time.Time{}
    internal/lease/lease.go:52:\tif now.After(l.expires) {
    internal/lease/lease.go:57:\tl.expires = now.Add(l.ttl)
"""
STRESS_FAILS = """
    ==================
    WARNING: DATA RACE
    Read at 0x00c0001a4078 by goroutine 41:
      relay/internal/lease.(*Lease).Renew()
          internal/lease/lease.go:52 +0x44
    Previous write at 0x00c0001a4078 by goroutine 43:
      relay/internal/lease.(*Lease).expire()
          internal/lease/lease.go:48 +0x9c
    ==================
    --- FAIL: TestRenew (0.02s)
        testing.go:1490: race detected during execution of test
    FAIL
    FAIL\trelay/internal/lease\t6.214s
"""
STRESS_PASSES = "ok  \trelay/internal/lease\t8.903s"
GO_TEST = """
    ok  \trelay/internal/api\t0.412s
    ok  \trelay/internal/lease\t0.220s
    ok  \trelay/internal/reaper\t0.198s
    ok  \trelay/internal/report\t0.305s
    ok  \trelay/internal/store\t2.871s
    ok  \trelay/internal/worker\t0.644s
"""
USERS = """
    internal/api/api.go:21:\tstore store.Store
    internal/worker/worker.go:34:\tstore store.Store
    internal/reaper/reaper.go:17:\tstore store.Store
    internal/report/report.go:12:\tstore store.Store
"""
STORE = """
    package store

    // Store keeps jobs. Everything that anybody ever needed.
    type Store interface {
    \tEnqueue(ctx context.Context, job Job) (ID, error)
    \tEnqueueMany(ctx context.Context, jobs []Job) ([]ID, error)
    \tLease(ctx context.Context, worker string, n int) ([]Job, error)
    \tRenew(ctx context.Context, id ID, until time.Time) error
    \tDone(ctx context.Context, id ID) error
    \tFail(ctx context.Context, id ID, cause error) error
    \tExpired(ctx context.Context, now time.Time) ([]ID, error)
    \tDepth(ctx context.Context, queue string) (int, error)
    \t// … and 15 more
    }
"""
ENQUEUER = """
    package api

    // Enqueuer is what the API needs of a store.
    type Enqueuer interface {
    \tEnqueue(ctx context.Context, job store.Job) (store.ID, error)
    \tEnqueueMany(ctx context.Context, jobs []store.Job) ([]store.ID, error)
    }
"""
LEASER = """
    package worker

    // Leaser is what a worker needs of a store.
    type Leaser interface {
    \tLease(ctx context.Context, worker string, n int) ([]store.Job, error)
    \tRenew(ctx context.Context, id store.ID, until time.Time) error
    \tDone(ctx context.Context, id store.ID) error
    \tFail(ctx context.Context, id store.ID, cause error) error
    }
"""
METRICS = """
    internal/store/postgres.go:58:\tmetrics.Inc("enqueue")
    internal/store/postgres.go:91:\tmetrics.Inc("lease")
    internal/store/postgres.go:120:\tmetrics.Observe("lease_ms", since(begun))
    internal/store/postgres.go:164:\tmetrics.Inc("done")
"""
COUNTED = """
    package store

    // Counted counts what another store does.
    type Counted struct {
    \tStore
    \tmetrics Metrics
    }

    func (c Counted) Enqueue(ctx context.Context, job Job) (ID, error) {
    \tc.metrics.Inc("enqueue")
    \treturn c.Store.Enqueue(ctx, job)
    }
"""
CHANGELOG = """
    ## Unreleased
    - Store is split into small interfaces, declared where they are used. Stores of your own keep working.
    - Metrics are a decorator: wrap a store in `store.Counted`.
"""


def long_run() -> str:
    """A long output: the end of two hundred runs."""
    runs = [f"--- {'FAIL' if number % 50 == 7 else 'PASS'}: TestRenew (0.0{number % 7}s)" for number in range(200)]
    return "\n".join([*runs, "FAIL", "exit status 1", "FAIL\trelay/internal/lease\t5.730s"])


def status_at(minute: int) -> str:
    """What ``relayctl`` prints at that point of the rollout."""
    share = minute / len(COMMENTS) * sum(_INSTANCES)
    lines = [f"rollout 4.2   {min(share / sum(_INSTANCES), 1):>4.0%}", "region     new/all   errors/s   p99"]
    for region, instances in zip(_REGIONS, _INSTANCES, strict=True):
        new = round(min(max(share, 0), instances))
        share -= instances
        slow = _SLOW_NORTH.get(minute, 18) if region == "eu-north" else 17
        lines.append(f"{region:<10} {new:>3}/{instances:<3}   {0.02 + new / 9000:>8.2f}   {slow} ms")
    return "\n".join(lines)
