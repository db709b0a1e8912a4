"""What is measured side by side? The upstream itself, a bare pass-through, nginx, and Nexus as ``nexus up`` runs it."""

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import SetupError
from tests.bench import processes
from tests.bench.programs import started
from tests.bench.store_watch import StoreWatch
from tests.requirements import given
from tests.stack import Stack, stack
from tests.waiting import until

DIRECT, BARE, NGINX, NEXUS = "direct", "bare", "nginx", "nexus"
PARTS = ("gateway", "shipper", "projector", "dashboard", "postgres")
NGINX_CONF = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 64m;
    client_body_buffer_size 2m;
    keepalive_requests 1000000;
    tcp_nodelay on;
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""


@dataclass
class Target:
    """Something that answers requests."""

    name: str
    port: int
    gateway: Callable[[], int]
    """Process id of what forwards."""
    family: int
    """Process id above all that works for it."""
    product: Stack | None = None
    watch: StoreWatch | None = None
    sent: int = 0
    """Exchanges that its store has to hold."""

    def cpu_s(self) -> float:
        """CPU seconds of what forwards, its own children (nginx's worker) included."""
        return processes.family_cpu_s(self.gateway())

    def parts(self) -> str:
        """The product's processes by name, for whoever wants to look into one."""
        assert self.product is not None
        return ", ".join(f"{name} {self.product.part(name)}" for name in PARTS)

    def whole_cpu_s(self) -> float:
        return processes.family_cpu_s(self.family)

    def resident_mb(self) -> float:
        return max(processes.resident_mb(pid) for pid in processes.family(self.gateway()))

    async def settled(self) -> None:
        """Until nothing is left to do for what was asked so far."""
        if self.watch is not None:
            await self.watch.until_ended(self.sent)


@dataclass
class Targets:
    """All of them, over one upstream."""

    by_name: dict[str, Target] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    def of(self, *names: str) -> list[Target]:
        return [self.by_name[name] for name in names if name in self.by_name]


def nginx_program() -> str | None:
    return shutil.which("nginx", path=f"{given('PATH')}:/usr/sbin:/usr/local/sbin")


@asynccontextmanager
async def targets(upstream: Path, canned: Path, folder: Path) -> AsyncIterator[Targets]:
    """Start all; ``folder``: where Nexus keeps journals and database, on the disk that is to be measured."""
    async with AsyncExitStack() as stack_:
        log = folder / "programs.log"
        pid, port = await stack_.enter_async_context(started(str(upstream), str(canned), log=log))
        found = Targets({DIRECT: Target(DIRECT, port, lambda: pid, pid)})
        url = f"http://127.0.0.1:{port}"
        found.by_name[BARE] = await stack_.enter_async_context(bare(url, log))
        program = nginx_program()
        if program is None:
            found.absent.append("nginx is not here (Debian, Ubuntu: apt install nginx-light): its rows are left out.")
        else:
            found.by_name[NGINX] = await stack_.enter_async_context(_nginx(program, port, folder))
        found.by_name[NEXUS] = await stack_.enter_async_context(_nexus(url, folder))
        yield found


@asynccontextmanager
async def bare(upstream: str, log: Path) -> AsyncIterator[Target]:
    words = (sys.executable, "-P", str(Path(__file__).with_name("bare.py")), upstream)
    async with started(*words, log=log) as (pid, port):
        yield Target(BARE, port, lambda: pid, pid)


@asynccontextmanager
async def _nginx(program: str, upstream: int, folder: Path) -> AsyncIterator[Target]:
    port = _free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, upstream=upstream, port=port))
    log = (folder / "nginx.log").open("ab")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(conf), "-e", str(folder / "nginx.log"), stdin=asyncio.subprocess.DEVNULL, stderr=log
    )
    try:
        await until(lambda: process.returncode is not None or _answers(port), "nginx")
        if process.returncode is not None:
            raise SetupError(f"nginx did not start: {(folder / 'nginx.log').read_text()[-500:]}")
        yield Target(NGINX, port, lambda: process.pid, process.pid)
    finally:
        log.close()
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _nexus(upstream: str, home: Path) -> AsyncIterator[Target]:
    async with stack(home, upstream) as running:
        watch = await StoreWatch.opened(running.database_url)
        try:
            pid = running.process.pid
            yield Target(NEXUS, running.gateway_port, lambda: running.part("gateway"), pid, running, watch)
        finally:
            await watch.connection.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
