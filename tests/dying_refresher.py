"""Worker processes that refresh a credential and die where they are told to. Run as a script; a line in, a line out.

In: {"folder", "name", "url", "deaths": [step or null, …], "room": bytes or null}. Out: for each worker its exit status
and how many steps it took. A worker is forked for each death, all at once; before the step of that number among the
system calls of ``credential_files`` it kills itself.
"""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from credentials import credential_files
from credentials.credential import OAuthCredential
from credentials.credential_store import CredentialStore
from credentials.oauth_client import OAuthClient
from credentials.outgoing import Way
from credentials.refreshing import Refresher
from credentials.sealing import SealKey
from tests.kept_credentials import settings_for

STEPS = {
    "open", "read", "write", "fsync", "ftruncate", "replace", "unlink", "posix_fallocate", "close", "fstat", "lseek",
}  # fmt: skip


class Deadly:
    """``os`` that counts, and kills before one call."""

    def __init__(self, real: ModuleType, death: int | None) -> None:
        self._real, self._death, self.taken = real, death, 0
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._counted(name, found) if name in STEPS else found

    def _counted(self, name: str, call: Any) -> Any:
        def step(*arguments: Any, **named: Any) -> Any:
            if self.taken == self._death:
                os.kill(os.getpid(), signal.SIGKILL)
            self.taken += 1
            self.names.append(name)
            return call(*arguments, **named)

        return step


async def refresh(store: CredentialStore, name: str, url: str) -> None:
    kept = store.load(name)
    assert kept is not None
    assert isinstance(kept.credential, OAuthCredential)
    async with asyncio.TaskGroup() as tasks:
        refresher = Refresher(store, OAuthClient(settings_for(url), Way()), tasks)
        await refresher.renewed(name, kept.credential)
        await refresher.close()


def work(order: dict[str, Any], death: int | None, said: int) -> None:
    deadly = Deadly(os, death)
    store = CredentialStore(Path(order["folder"]), SealKey(bytes.fromhex(order["key"])))
    if order["room"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["room"], order["room"]))
    vars(credential_files)["os"] = deadly
    asyncio.run(refresh(store, order["name"], order["url"]))
    os.write(said, json.dumps(deadly.names).encode())


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        workers = []
        for death in order["deaths"]:
            heard, said = os.pipe()
            pid = os.fork()
            if pid == 0:
                code = 1
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the log of the worker
                try:
                    work(order, death, said)
                    code = 0
                finally:
                    os._exit(code)
            os.close(said)
            workers.append((pid, heard))
        print(json.dumps([_outcome(pid, heard) for pid, heard in workers]), flush=True)


def _outcome(pid: int, heard: int) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
    with os.fdopen(heard, "rb") as pipe:
        text = pipe.read()
    return {"status": os.waitstatus_to_exitcode(status), "steps": json.loads(text) if text else []}


if __name__ == "__main__":
    main()
