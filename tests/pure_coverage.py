"""Does each pure module's own test file cover all of it, every branch? Run as a script; one run of the pure tests only.

python tests/pure_coverage.py [MODULE …]      e.g. domain/parts.py; without words: all of them
"""

import os
import re
import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[1]
PURE = (
    "domain/*.py",
    "schemas/**/*.py",
    "gateway/authentication.py",
    "gateway/exchange.py",
    "gateway/headers.py",
    "gateway/frames.py",
    "gateway/batching.py",
    "gateway/limits.py",
    "gateway/modes.py",
    "ops/db/seals.py",
    "ops/store_report.py",
    "projections/projectors/*.py",
    "ops/checking/answers.py",
    "ops/checking/invariants.py",
    "ops/checking/journal_facts.py",
    "ops/checking/journal_format.py",
    "ops/checking/journal_rules.py",
    "ops/checking/recording_rules.py",
    "ops/checking/spans.py",
    "ops/checking/stored_format.py",
    "ops/torture/asking.py",
    "ops/torture/http_answer.py",
    "ops/torture/outcome.py",
    "ops/torture/schedule.py",
    "ops/torture/script.py",
    "ops/torture/verdict.py",
)
AT_IMPORT = r"^$"
"""What runs while modules are imported belongs to no test."""

UNREACHABLE = r"^\s*case _ as never:"
"""The types say that nothing gets there; it is written so that they say it when that changes."""


AGAIN = "any_order_and_any_batches"
"""Tests of that name go the ways of others again, in other orders: half the time of all."""


class ByTestFile:
    """A plugin of pytest: everything a test runs counts for the file it stands in."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._measured.switch_context(item.path.relative_to(ROOT).as_posix())
        try:
            return (yield)
        finally:
            self._measured.switch_context("")


def pure_modules(patterns: tuple[str, ...] = PURE) -> list[Path]:
    """The modules with code in them, relative to the root."""
    found = (path for pattern in patterns for path in sorted(ROOT.glob(pattern)))
    return [path.relative_to(ROOT) for path in found if path.name != "__init__.py"]


def twin_of(module: Path) -> Path:
    """Its own test file."""
    return Path("tests") / module.with_name(f"test_{module.name}")


def gaps(measured: coverage.Coverage, module: Path) -> Iterator[str]:
    """What of the module its own tests leave out."""
    measured.get_data().set_query_contexts([AT_IMPORT, f"^{re.escape(twin_of(module).as_posix())}$"])
    _, _, _, missing, _ = measured.analysis2(str(ROOT / module))
    if missing:
        yield f"{module}: line {', '.join(map(str, missing))} is never run"
    for line, (ways, taken) in sorted(measured.branch_stats(str(ROOT / module)).items()):
        if taken < ways and line not in missing:
            yield f"{module}: line {line} goes {taken} of {ways} ways"


def measured_gaps(modules: list[Path]) -> tuple[int, list[str]]:
    """The exit code of their tests, and what these leave out."""
    measured = coverage.Coverage(
        data_file=None, branch=True, config_file=False, include=[str(ROOT / it) for it in modules]
    )
    measured.exclude(UNREACHABLE)
    measured.start()
    options = ["-q", "--hypothesis-profile=steady", "-k", f"not {AGAIN}", f"--rootdir={ROOT}"]
    code = pytest.main([*options, *(str(ROOT / twin_of(module)) for module in modules)], [ByTestFile(measured)])
    measured.stop()
    return int(code), [gap for module in modules for gap in gaps(measured, module)]


def shared_out(modules: list[Path], portions: int) -> list[list[Path]]:
    """Each module counts for its own test file only, so any share can be looked at alone."""
    return [portion for number in range(portions) if (portion := modules[number::portions])]


def main(words: list[str]) -> int:
    """The exit code: 0 if nothing is left out."""
    modules = [Path(word) for word in words] or pure_modules()
    absent = [file for module in modules if not (ROOT / (file := twin_of(module))).is_file()]
    if absent:
        print("No test file:", *absent, sep="\n  ")
        return 1
    shares = shared_out(modules, os.cpu_count() or 1)
    with ProcessPoolExecutor(len(shares), get_context("spawn")) as processes:
        told = list(processes.map(measured_gaps, shares))
    found = [gap for _, gaps_of_share in told for gap in gaps_of_share]
    print(*found, f"{len(modules)} pure modules, {len(found)} gaps", sep="\n")
    return max(code for code, _ in told) or int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
