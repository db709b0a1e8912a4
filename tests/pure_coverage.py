"""Does each pure module's own test file cover all of it, every branch? Run as a script; one run of the pure tests only.

python tests/pure_coverage.py [MODULE …]      e.g. domain/parts.py; without words: all of them
"""

import re
import sys
from collections.abc import Generator, Iterator
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


def main(words: list[str]) -> int:
    """The exit code: 0 if nothing is left out."""
    modules = [Path(word) for word in words] or pure_modules()
    files = [twin_of(module) for module in modules]
    absent = [file for file in files if not (ROOT / file).is_file()]
    if absent:
        print("No test file:", *absent, sep="\n  ")
        return 1
    measured = coverage.Coverage(
        data_file=None, branch=True, config_file=False, include=[str(ROOT / it) for it in modules]
    )
    measured.exclude(UNREACHABLE)
    measured.start()
    options = ["-q", "--hypothesis-profile=steady", f"--rootdir={ROOT}"]
    code = pytest.main([*options, *(str(ROOT / file) for file in files)], [ByTestFile(measured)])
    measured.stop()
    found = [gap for module in modules for gap in gaps(measured, module)]
    print(*found, f"{len(modules)} pure modules, {len(found)} gaps", sep="\n")
    return int(code) or int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
