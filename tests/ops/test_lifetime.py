"""Signals, the life line and the report pipe of a part."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from ops.lifetime import LOST_EXIT, Lifetime, live, watch_line
from ops.reports import Notice, Ready, Reporter, decode


def run_script(text: str, **more: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-c", textwrap.dedent(text)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)


def test_the_first_request_is_to_stop_and_every_later_one_to_abort() -> None:
    lifetime = Lifetime()
    assert not lifetime.stop.is_set()
    lifetime.ask_to_stop()
    assert (lifetime.stop.is_set(), lifetime.abort.is_set()) == (True, False)
    lifetime.ask_to_stop()
    assert (lifetime.stop.is_set(), lifetime.abort.is_set()) == (True, True)


def test_what_a_part_says_reaches_its_supervisor() -> None:
    reading, writing = os.pipe()
    lifetime = Lifetime(reporter=Reporter(writing))
    lifetime.ready("http://x", login="http://x/login", database_url="postgresql://")
    lifetime.notice("The disk is nearly full.")
    lines = os.read(reading, 4096).splitlines()
    assert [decode(line) for line in lines] == [
        Ready("http://x", "http://x/login", "postgresql://"),
        Notice("The disk is nearly full."),
    ]
    os.close(reading)
    os.close(writing)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    heard = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in heard]
    yield
    for number, handler in zip(heard, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_the_part_to_stop(number: signal.Signals) -> None:
    async def main(lifetime: Lifetime) -> None:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await lifetime.stop.wait()
        assert not lifetime.abort.is_set()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await lifetime.abort.wait()

    await live(main, Reporter(None), supervised=False, grace_s=1)


async def test_another_signal_says_that_a_successor_serves() -> None:
    async def main(lifetime: Lifetime) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(5):
            await lifetime.retire.wait()
        assert not lifetime.stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await lifetime.stop.wait()
        assert not lifetime.abort.is_set()

    await live(main, Reporter(None), supervised=False, grace_s=1)


@pytest.mark.parametrize("factory", ["asyncio", "uvloop"])
@pytest.mark.parametrize("late", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_that_comes_when_the_part_has_obeyed_already_changes_nothing(late: str, factory: str) -> None:
    done = run_script(
        f"""
        import asyncio, {factory}, os, signal
        from ops.lifetime import live
        from ops.reports import Reporter

        async def main(lifetime):
            os.kill(os.getpid(), signal.SIGTERM)
            await lifetime.stop.wait()

        with asyncio.Runner(loop_factory={factory}.new_event_loop) as runner:
            runner.run(live(main, Reporter(None), supervised=False, grace_s=1))
        signal.raise_signal(signal.{late})
        print("ended in order")
        """
    )
    assert (done.stdout, done.stderr, done.returncode) == ("ended in order\n", "", 0)


def test_the_end_of_the_life_line_is_told_once_and_not_before() -> None:
    reading, writing = os.pipe()
    lost = threading.Event()
    watch_line(reading, lost.set, grace_s=3600)
    os.write(writing, b"still here")
    assert not lost.wait(0.05)
    os.close(writing)
    assert lost.wait(5)


def test_a_part_asks_itself_to_stop_when_its_supervisor_is_gone() -> None:
    done = run_script(
        """
        import asyncio
        from ops.lifetime import live
        from ops.reports import Reporter
        asyncio.run(live(lambda it: it.stop.wait(), Reporter(None), supervised=True, grace_s=3600))
        print("stopped by itself")
        """
    )  # standard input is /dev/null: the line has ended from the start
    assert (done.stdout, done.returncode) == ("stopped by itself\n", 0)


def test_a_part_that_hangs_is_ended_when_its_supervisor_is_gone() -> None:
    done = run_script(
        """
        import os, threading
        from ops.lifetime import watch_line
        watch_line(0, lambda: None, grace_s=0.05)
        threading.Event().wait()
        """
    )
    assert done.returncode == LOST_EXIT


def test_a_part_whose_loop_is_closed_already_is_ended_at_once() -> None:
    done = run_script(
        """
        import asyncio, threading
        from ops.lifetime import watch_line
        loop = asyncio.new_event_loop()
        loop.close()
        watch_line(0, lambda: loop.call_soon_threadsafe(print), grace_s=3600)
        threading.Event().wait()
        """
    )
    assert done.returncode == LOST_EXIT


def test_what_anybody_prints_goes_to_the_log_and_not_between_the_reports() -> None:
    done = run_script(
        """
        import os
        from ops.lifetime import take_over_stdout
        print("before")
        pipe = take_over_stdout()
        print("after", flush=True)
        os.system("echo from a child")
        os.write(pipe, b"a report")
        """
    )
    assert done.stdout == "before\na report"
    assert done.stderr == "after\nfrom a child\n"
