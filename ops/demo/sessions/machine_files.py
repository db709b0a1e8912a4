"""What do the machines read?"""

_PACKAGES = ("api", "lease", "reaper", "report", "store", "worker")
_SLOW_TESTS_EACH = 16
LINT = """
    internal/report/report.go:31:30: unused-parameter: parameter 'ctx' seems to be unused (revive)
    func (r Report) Depths(ctx context.Context) (map[string]int, error) {
                           ^
    internal/api/api.go:77:1: Comment should end in a period (godot)
    // enqueue puts one job into its queue
    ^
    2 issues:
    * godot: 1
    * revive: 1
"""
REPORT = """
    // Report answers questions about all queues.
    type Report struct{ store Reporter }

    func (r Report) Depths(ctx context.Context) (map[string]int, error) {
    \tdepths := map[string]int{}
    \tfor _, queue := range r.store.Queues() {
    \t\tdepth, err := r.store.Depth(context.Background(), queue)
    \t\tif err != nil {
    \t\t\treturn nil, err
    \t\t}
    \t\tdepths[queue] = depth
    \t}
    \treturn depths, nil
    }
"""
TICKET = (
    "Customer writes that the export of the yearly list stops after about half a minute with an error page. With "
    "fewer rows it works. She needs it by Friday. Colleague could reproduce it with 10,000 rows and more."
)


def slow_tests() -> str:
    """A long output: every slow test."""
    lines: list[str] = []
    for package in _PACKAGES:
        for number in range(1, _SLOW_TESTS_EACH + 1):
            lines += [f"=== RUN   Test{package.title()}_Slow{number:02d}"]
            lines += [f"--- PASS: Test{package.title()}_Slow{number:02d} ({number * 0.31:.2f}s)"]
        lines.append(f"ok  \trelay/internal/{package}\t{_SLOW_TESTS_EACH * 2.6:.3f}s")
    return "\n".join(lines)
