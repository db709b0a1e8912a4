"""The coverage of the pure modules is measured by their own tests."""

import subprocess
import sys
from pathlib import Path

from tests.pure_coverage import ROOT, pure_modules, twin_of

MODULE = """
def pick(flag):
    if flag:
        return 1
    return 2
"""


def test_the_pure_modules_are_found_with_their_tests() -> None:
    modules = pure_modules()
    assert Path("domain/parts.py") in modules
    assert Path("gateway/frames.py") in modules
    assert not [module for module in modules if module.name == "__init__.py"]
    assert twin_of(Path("schemas/stored/events.py")) == Path("tests/schemas/stored/test_events.py")


def test_what_only_somebody_elses_test_runs_is_a_gap(tmp_path: Path) -> None:
    file = tmp_path / "decision.py"
    file.write_text(MODULE)
    script = f"""
import sys
from pathlib import Path
import coverage
sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]
from tests import pure_coverage
measured = coverage.Coverage(data_file=None, branch=True, config_file=False, include=[{str(file)!r}])
measured.start()
import decision
measured.switch_context("tests/test_decision.py")
decision.pick(True)
measured.switch_context("tests/test_other.py")
decision.pick(False)
measured.stop()
pure_coverage.ROOT = Path({str(tmp_path)!r})
print(*pure_coverage.gaps(measured, Path("decision.py")), sep="\\n")
"""
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [
        "decision.py: line 5 is never run",
        "decision.py: line 3 goes 1 of 2 ways",
    ]


def test_a_module_without_tests_is_named() -> None:
    argv = [sys.executable, str(ROOT / "tests" / "pure_coverage.py"), "domain/no_such_module.py"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "tests/domain/test_no_such_module.py" in done.stdout
