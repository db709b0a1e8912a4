#!/usr/bin/env python3
"""Start Nexus with nothing but Python 3.11 or newer: installs it into .venv when that is needed, then becomes it.

python3 run.py                      start everything (nexus up)
python3 run.py COMMAND [ARGS]       any other command of nexus, for instance: demo --fast
python3 run.py test [PYTEST ARGS]   run the tests; without arguments all of them, on several cores
python3 run.py install              only install
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
READY = VENV / ".ready"
ALL_TESTS = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
"""On as many processes as there are cores; the tests of a file share what they set up."""
QUIET_PIP = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
ADVICE = {
    "ensurepip": "This Python cannot make virtual environments. Install its venv package "
    "(Debian, Ubuntu: apt install python3-venv), or install uv.",
    "No space left": "The disk is full. Make room and start again.",
    "Read-only file|Permission denied|not permitted": f"This user cannot write to {ROOT}. Copy the folder to a place "
    "of your own.",
    "ConnectionError|name resolution|dns error|error sending request|timed out|unreachable|from versions: none": "The "
    "package index does not answer. Check the network, the proxy (HTTPS_PROXY) and the index (PIP_INDEX_URL).",
}


def main(words: list[str]) -> None:
    """Do what the words say. Does not return: the command takes the place of this process."""
    if words[:1] in (["-h"], ["--help"]):
        print(__doc__)
        sys.exit()
    if sys.hexversion < 0x030B0000:
        fail(f"Nexus needs Python 3.11 or newer; this is {sys.version.split()[0]}. Start run.py with a newer one.")
    if os.name != "posix":
        fail("Nexus runs on Linux and macOS. On Windows, use it inside WSL.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        install(with_tests=words[:1] == ["test"])
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        fail(explain(str(error)) or f"The installation failed: {error}.")
    if words[:1] == ["install"]:
        print("Nexus is installed. Start it with `python3 run.py` or `.venv/bin/nexus up`.")
        sys.exit()
    if words[:1] == ["test"]:
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), "-m", "pytest", *(words[1:] or ALL_TESTS)])  # noqa: S606 - this process becomes the command
    nexus = str(VENV / "bin" / "nexus")
    os.execv(nexus, [nexus, *(words if words and not words[0].startswith("-") else ["up", *words])])  # noqa: S606 - as above


def install(*, with_tests: bool) -> None:
    """Bring .venv up to date; at once if it is. One process at a time: the others wait and find it done."""
    import fcntl

    with (ROOT / "pyproject.toml").open("rb") as project:
        fcntl.flock(project, fcntl.LOCK_EX)
        facts = project.read(), (ROOT / "constraints.txt").read_bytes(), str(ROOT).encode()
        wanted = hashlib.sha256(b"".join(facts)).hexdigest()
        done = READY.read_text().split() if READY.exists() and PYTHON.exists() else []
        with_tests = with_tests or "tests" in done
        if done == [wanted, *(["tests"] if with_tests else [])]:
            return
        READY.unlink(missing_ok=True)
        if not PYTHON.exists():
            shutil.rmtree(VENV, ignore_errors=True)  # half made, or the Python it was made from is gone
        run_steps(steps(shutil.which("uv"), with_tests=with_tests))
        READY.write_text(f"{wanted} {'tests' if with_tests else ''}")


def steps(uv: str | None, *, with_tests: bool) -> list[list[str]]:
    """The commands that install, with uv or with what Python brings along."""
    what = ["-c", "constraints.txt", *(["--group", "dev"] if with_tests else []), "-e", "."]
    if uv:
        make = [] if PYTHON.exists() else [[uv, "venv", "--python", sys.executable, str(VENV)]]
        return [*make, [uv, "pip", "install", "--python", str(PYTHON), *what]]
    pip = [str(PYTHON), "-m", "pip", "install"]
    make = [] if (VENV / "bin" / "pip").exists() else [[sys.executable, "-m", "venv", str(VENV)]]
    return [*make, *([[*pip, "--upgrade", "pip>=25.1"]] if with_tests else []), [*pip, *what]]


def run_steps(commands: list[list[str]]) -> None:
    """Run them one after the other behind one line on the terminal; what they print goes to a file."""
    began, terminal = time.monotonic(), sys.stdout.isatty()
    print("Installing Nexus into .venv", end="" if terminal else "\n", flush=True)
    descriptor, name = tempfile.mkstemp(prefix="nexus-install-", suffix=".log")
    with os.fdopen(descriptor, "wb") as log:
        for command in commands:
            process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **QUIET_PIP}, stdout=log, stderr=log)
            try:
                while process.poll() is None:
                    time.sleep(0.1)
                    if terminal:
                        print(f"\rInstalling Nexus into .venv: {time.monotonic() - began:.0f} s ", end="", flush=True)
            finally:
                process.terminate()
                process.wait()
            if process.returncode:
                said = Path(name).read_text(errors="replace")
                fail(f"{explain(said) or 'The installation failed.'} Details: {name}", after_line=terminal)
    Path(name).unlink()
    end = f"Nexus was installed into .venv in {time.monotonic() - began:.0f} s."
    print(f"\r{end}" if terminal else end, flush=True)


def explain(output: str) -> str:
    """What the user can do about it, if the output shows one of the known reasons."""
    return next((advice for signs, advice in ADVICE.items() if re.search(signs, output)), "")


def fail(message: str, *, after_line: bool = False) -> None:
    """End with one line. ``after_line``: the terminal's cursor stands behind another one."""
    if after_line:
        print()
    sys.exit(f"run.py: {message}")


if __name__ == "__main__":
    main(sys.argv[1:])
