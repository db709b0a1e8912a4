"""What a process costs, read from /proc, against what the process says of itself."""

import os
import subprocess
import sys

import psutil
import pytest

from tests.bench import processes

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
BURN = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}]); print('done', flush=True); input()"


def test_cpu_and_memory_are_the_process_s_own() -> None:
    me = psutil.Process()
    before, shown, after = (
        sum(me.cpu_times()[:2]),
        processes.cpu_s(os.getpid()),
        sum(me.cpu_times()[:2]),
    )
    assert before - 0.02 <= shown <= after + 0.02
    assert processes.resident_mb(os.getpid()) == pytest.approx(me.memory_info().rss / 1e6, rel=0.2)


def test_a_family_keeps_the_costs_of_its_dead() -> None:
    words = [sys.executable, "-c", PARENT]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"done\n"
        assert process.pid in processes.family(os.getpid())
        assert processes.family_cpu_s(process.pid) >= 0.28
        assert processes.family_cpu_s(process.pid) - processes.cpu_s(process.pid) >= 0.28
        process.stdin.close()


def test_what_is_gone_costs_nothing_more() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert processes.cpu_s(process.pid) == 0
    assert processes.resident_mb(process.pid) == 0
